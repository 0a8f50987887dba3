'use strict';

// Remote patterns as actions of this instance: one client action for every route
// that the cluster has. Seneca's own matching then picks the route, the most
// specific one, as within one process.
//
// What holds here:
// - A local action wins over a remote route of the same pattern: no client action
//   is laid over it, unless `override` is set.
// - A route whose last target is gone hides nothing that is more general and alive:
//   Seneca cannot forget an action, so the dead one hands the message on to what
//   Seneca would choose without it (`instead`).
// - A message that came over the network is answered by the local action under its
//   route where there is one. It is not sent to an instance that it came through, and
//   goes through so many at most: then the next more general action answers.

const { choose, localBelow, localFor } = require('./actions');
const { makeError } = require('./errors');
const { canon, clean, isReserved, isSafe, read } = require('./patterns');
const { readSharding } = require('./shards');
const { Waiting, run } = require('./waiting');

/** A message goes through so many instances at most. */
const MAX_HOPS = 8;

/**
 * Client actions at most: Seneca keeps an action for ever, and a member that publishes one
 * pattern after the other must not fill the memory of all others.
 */
const MAX_ROUTES = 10_000;

/** The client actions of all instances in this process. */
const ours = new WeakSet();

/** @param {any} def an action definition of Seneca */
const isOurs = (def) => ours.has(def.func);

/**
 * @typedef {object} Entry
 * @property {Record<string, string>} shape the pattern as an object
 * @property {any} spec what the caller knows of the route
 * @property {boolean} live has it a target?
 * @property {boolean} needed do calls wait for its first target?
 * @property {any} own its sharding, if this instance answers it and it is sharded
 * @property {((this: any, msg: any, reply: any, meta: any) => void) | null} action
 */

class Routes {
  /**
   * @param {object} parts
   * @param {any} parts.root the root instance of Seneca
   * @param {any} parts.caller makes the calls (`call.js`)
   * @param {import('./shards').Shards} parts.shards
   * @param {boolean} parts.override do remote routes go over local actions?
   * @param {(route: number) => string[]} parts.instances Seneca's ids of the route's targets
   */
  constructor({ root, caller, shards, override, instances }) {
    this.root = root;
    this.caller = caller;
    this.shards = shards;
    this.override = override;
    this.instances = instances;
    /** @type {Map<string, Entry>} by canonical pattern */
    this.entries = new Map();
    this.waiting = new Waiting(caller.log);
    /** Has something come up since the last `settle`? */
    this.fresh = false;
    /** Were there too many? */
    this.full = false;
    this.closed = false;
  }

  /**
   * The route has a target now, or is called in another way.
   *
   * @param {{ id: number, pattern: string, offer: any }} event
   */
  up({ id, pattern, offer }) {
    const shape = shapeOf(pattern, offer);
    if (!shape) return;
    if (this.entries.size >= MAX_ROUTES && !this.entries.has(pattern)) {
      this._full(pattern);
      return;
    }
    const entry = this._entry(pattern, shape);
    Object.assign(entry.spec, {
      route: id,
      model: offer.model,
      retry: offer.retry ?? 0,
      timeout: offer.timeout ?? 0,
      wait: offer.wait ?? 0,
      concurrency: offer.concurrency ?? 0,
      shard: entry.own ?? readSharding(offer.shard),
    });
    entry.live = true;
    this._lay(entry);
    this.fresh = true;
  }

  /** @param {string} pattern one that is not routed. Said once. */
  _full(pattern) {
    if (this.full) return;
    this.full = true;
    this.root.log.warn({
      kind: 'gossip',
      notice: `${MAX_ROUTES} patterns are routed, no more are taken; the first of those: ${pattern}`,
    });
  }

  /** All that happened so far has been told: calls that wait may find what came up. */
  settle() {
    if (!this.fresh) return;
    this.fresh = false;
    this.waiting.look((msg) => this._instead(msg, (entry) => entry.live));
  }

  /**
   * The last target of the route is gone.
   *
   * @param {{ pattern: string }} event
   * @param {string} [why]
   */
  down({ pattern }, why = '') {
    const entry = this.entries.get(pattern);
    if (!entry) return;
    entry.live = false;
    entry.spec.gone = why;
  }

  /**
   * A sharded pattern that this instance answers: whose the key of a message is decides, also for its own calls.
   *
   * @param {string} pattern
   * @param {any} offer
   */
  own(pattern, offer) {
    const shape = shapeOf(pattern, offer);
    const sharding = readSharding(offer.shard);
    if (!shape || !sharding) return;
    const entry = this._entry(pattern, shape);
    entry.own = sharding;
    const { wait = 0, timeout = 0, retry = 0 } = offer;
    Object.assign(entry.spec, { shard: sharding, wait, timeout, retry });
    this._lay(entry);
  }

  /**
   * A pattern that will be called: calls wait for its first target.
   *
   * @param {string} pattern
   * @param {Record<string, string>} shape
   */
  need(pattern, shape) {
    const entry = this._entry(pattern, shape);
    entry.needed = true;
    this._lay(entry);
  }

  /**
   * A local action was added. With `override` it does not hide its remote route.
   *
   * @param {any} def
   */
  covered(def) {
    const entry = this.entries.get(def.pattern);
    if (this.closed || !(this.override || entry?.own)) return;
    if (entry?.action) setImmediate(() => this._lay(entry));
  }

  close() {
    this.closed = true;
    this.waiting.close();
  }

  /**
   * @param {string} pattern
   * @param {Record<string, string>} shape
   * @returns {Entry}
   */
  _entry(pattern, shape) {
    let entry = this.entries.get(pattern);
    if (!entry) {
      const spec = { route: -1, pattern, model: 'consume', retry: 0, timeout: 0, wait: 0 };
      entry = {
        shape,
        spec: Object.assign(spec, { concurrency: 0, shard: null }),
        live: false,
        needed: false,
        own: null,
        action: null,
      };
      this.entries.set(pattern, entry);
    }
    return entry;
  }

  /**
   * Makes sure that a client action answers the pattern here.
   *
   * @param {Entry} entry
   */
  _lay(entry) {
    const top = this._exact(entry.shape);
    if (top && isOurs(top)) return;
    if (top && !top.client && !this.override && !entry.own) return;
    const routes = this;
    entry.action = function gossip_client(msg, reply, meta) {
      routes._dispatch(entry, this, msg, reply, meta);
    };
    ours.add(entry.action);
    // Only an action of the very same pattern becomes the prior of this one.
    const pattern = { ...entry.shape, client$: true, strict$: { add: true } };
    this.root.add(pattern, entry.action, { plugin_name: 'gossip', plugin_fullname: 'gossip' });
  }

  /**
   * The action of exactly this pattern.
   *
   * @param {Record<string, string>} shape
   */
  _exact(shape) {
    const def = this.root.find(shape, { exact: true });
    if (!def) return null;
    // `find` falls back to the action for everything, and reads globs.
    const found = clean(def.raw ?? {});
    const same = Object.keys(shape).every((key) => found[key] === shape[key]);
    return same && Object.keys(found).length === Object.keys(shape).length ? def : null;
  }

  /**
   * @param {Entry} entry
   * @param {any} instance the delegate of this act
   * @param {any} msg
   * @param {any} reply
   * @param {any} meta
   */
  _dispatch(entry, instance, msg, reply, meta) {
    // As Seneca's own client: `local$` never leaves the process.
    if (meta?.local) {
      instance.prior(msg, reply);
      return;
    }
    // A glob (`role:*`) fits what is Seneca's own as well; that stays here.
    if (isReserved(msg)) {
      const def = this._instead(msg, () => false);
      if (def) run(def, instance, msg, reply);
      else reply(makeError('act_not_found', { args: canon(clean(msg)) }));
      return;
    }
    const track = msg.transport$?.track;
    const passed = Array.isArray(track) ? track : [];
    const arrived = passed.length > 0 || meta?.remote;
    const { shard } = entry.spec;
    if (arrived || shard) {
      const local = localBelow(instance.private$.act?.def?.priordef, isOurs);
      // What answers a pin of ours may be an action that is more general than it.
      const own = shard && entry.own && (local ?? localFor(this.root, isOurs, msg));
      if (shard && (own || entry.live)) {
        this.shards.dispatch(entry.spec, own, instance, msg, reply, meta, passed);
        return;
      }
      if (arrived && local) {
        run(local, instance, msg, reply);
        return;
      }
    }
    if (!this._leadsOn(entry, passed)) {
      // Reached as a prior, the more specific actions have been asked before.
      const below = meta?.prior ? entry : null;
      const def = this._instead(msg, (other) => this._leadsOn(other, passed), below);
      if (def) {
        run(def, instance, msg, reply);
        return;
      }
      if (entry.live) {
        reply(makeError('message_loop', { pattern: entry.spec.pattern, track: passed }));
        return;
      }
      if (entry.needed && !this.closed) {
        this.waiting.add(entry.spec.pattern, instance, msg, reply, meta);
        return;
      }
    }
    this.caller.call(entry.spec, msg, meta, reply, instance);
  }

  /**
   * Has the route a target, one that the message did not come through?
   *
   * @param {Entry} entry
   * @param {string[]} passed the instances that the message went through
   */
  _leadsOn(entry, passed) {
    if (!entry.live) return false;
    if (passed.length === 0) return true;
    if (passed.length >= MAX_HOPS) return false;
    return this.instances(entry.spec.route).some((id) => !passed.includes(id));
  }

  /**
   * What Seneca would choose for a message if only those of our routes existed
   * that are `usable`. Where one is not, the local action under it counts.
   *
   * @param {any} msg
   * @param {(entry: Entry) => boolean} usable
   * @param {Entry | null} [below] only what is more general than this one
   * @returns {any} an action definition, or null
   */
  _instead(msg, usable, below = null) {
    return choose(this.root, msg, (def) => {
      if (below && !isMoreGeneral(clean(def.raw ?? {}), below.shape)) return null;
      const entry = isOurs(def) ? this.entries.get(def.pattern) : null;
      return !isOurs(def) || (entry && usable(entry)) ? def : localBelow(def, isOurs);
    });
  }
}

/**
 * The pattern of a route as an object, or null where it is none that may be routed: a member says
 * what it likes, and what is Seneca's own stays Seneca's.
 *
 * @param {string} pattern
 * @param {any} offer
 */
function shapeOf(pattern, offer) {
  const shape = offer?.pattern ? clean(offer.pattern) : read(pattern);
  // One name, one pattern: else the first to say something else would have it for ever.
  if (!shape || canon(shape) !== pattern || !isSafe(shape)) return null;
  return isReserved(shape) || 'init' in shape ? null : shape;
}

/**
 * Has a pattern fewer of the same keys and values?
 *
 * @param {Record<string, string>} pattern
 * @param {Record<string, string>} than
 */
function isMoreGeneral(pattern, than) {
  const keys = Object.keys(pattern);
  return keys.length < Object.keys(than).length && keys.every((key) => pattern[key] === than[key]);
}

module.exports = { Routes, isOurs };
