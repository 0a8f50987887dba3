'use strict';
// @ts-check

/** One call in flight. See call.js for what it promises. */

const { randomBytes } = require('node:crypto');
const { makeError } = require('./errors');
const { safely } = require('./safely');
const { Ended } = require('./tcp/terms');

/** What the core is told of a call. */
const Outcome = Object.freeze({ OK: 0, ERROR: 1, LOST: 2, TIMEOUT: 3 });

const RETRY_FIRST = 10;
const RETRY_MAX = 500;
/** What `pickKey` says of a key that this node owns. */
const HOME = -3;
const ID_LETTERS = '0123456789abcdefghijklmnopqrstuvwxyz';

class Call {
  /**
   * @param {InstanceType<typeof import('./call').Caller>} caller
   * @param {import('./call').Spec} spec
   * @param {Record<string, any>} msg
   * @param {any} meta
   * @param {string} body
   * @param {string} track
   * @param {((err: any, out?: any) => void) | null} reply
   * @param {number} deadline
   */
  constructor(caller, spec, msg, meta, body, track, reply, deadline) {
    this.caller = caller;
    this.spec = spec;
    this.msg = msg;
    this.meta = meta;
    /** @type {any} */
    this.instance = null;
    /** @type {import('./call').Keyed | null} */
    this.keyed = null;
    this.id = meta.id;
    this.body = body;
    this.track = track;
    this.sync = reply !== null;
    this.reply = reply;
    this.deadline = deadline;
    this.seq = 0;
    this.over = false;
    this.begun = performance.now();
    this.sentAt = 0;
    this.route = -1;
    this.target = -1;
    /** @type {any} */
    this.link = null;
    /** @type {number[] | undefined} targets that did not take it */
    this.exclude = undefined;
    this.tries = 0;
    /** How often it waited for somebody to send it to again. */
    this.pauses = 0;
    this.why = '';
    /** @type {Error | null} how the last written attempt was lost */
    this.lostError = null;
    /** @type {Error | null} why a target did not run it */
    this.refusal = null;
    this.waitUntil = 0;
    /** @type {NodeJS.Timeout | null} */
    this.timer = null;
    /** @type {InstanceType<typeof import('./observe').Observation> | null} */
    this.group = null;
  }

  start() {
    this.caller.calls.add(this);
    this.caller.deadlines.add(/** @type {any} */ (this));
    this.dispatch();
  }

  /** Finds a target that takes the call. */
  dispatch() {
    const { caller, spec } = this;
    const { router, links } = caller;
    const route = spec.route;
    let full = false;
    while (route >= 0) {
      /** @type {number} */
      let outcome = Outcome.LOST;
      const target = this.pick(router, route);
      if (target === HOME && this.keyed?.home) {
        this.goHome(this.keyed.home);
        return;
      }
      if (target < 0) {
        // -2: there are targets, all at the limit that the offer sets.
        if (target === -2) {
          full = true;
          this.why = 'all have as many calls in flight as they allow';
        }
        break;
      }
      let link = links.get(target);
      if (link === undefined && router.refresh) {
        router.refresh();
        link = links.get(target);
      }
      if (link === undefined) {
        this.why = 'a target went away';
        outcome = Outcome.ERROR;
      } else if (spec.concurrency && link.inflight >= spec.concurrency) {
        full = true;
        outcome = Outcome.OK;
        this.why = `${nameOf(link)} has ${link.inflight} calls in flight`;
      } else {
        this.route = route;
        this.target = target;
        this.link = link;
        this.sentAt = performance.now();
        if (link.send(this)) return;
        this.why = `${nameOf(link)}: ${link.why}`;
        this.link = null;
        this.target = -1;
      }
      // Latency 0 = not measured: it must not look fast for what it did not do.
      router.done(route, target, 0, outcome);
      this.leaveOut(target);
    }
    if (full) this.fail(this.overloaded(), -1);
    else this.noTarget();
  }

  /**
   * @param {import('./call').Router} router
   * @param {number} route
   */
  pick(router, route) {
    const { exclude, keyed } = this;
    if (keyed === null)
      return exclude === undefined ? router.pick(route) : router.pick(route, exclude);
    const target = router.pickKey(route, keyed.key);
    // Nobody else may have it: it waits until the owner takes it, or is another one.
    if (exclude === undefined || !exclude.includes(target)) return target;
    router.done(route, target, 0, Outcome.OK);
    return -1;
  }

  /**
   * This node has become the owner.
   * @param {() => void} home
   */
  goHome(home) {
    const { caller } = this;
    this.over = true;
    caller.calls.delete(this);
    caller.waiting.delete(this);
    caller.deadlines.remove(/** @type {any} */ (this));
    this.reply = null;
    home();
  }

  /** @param {number} target */
  leaveOut(target) {
    if (this.exclude === undefined) this.exclude = [target];
    else this.exclude.push(target);
  }

  overloaded() {
    this.caller.counters.overloaded++;
    return makeError('overloaded', { pattern: this.spec.pattern, why: this.why });
  }

  /** Nobody to send it to: wait if the pin says so. */
  noTarget() {
    const { caller, spec } = this;
    const now = performance.now();
    if (this.waitUntil === 0) this.waitUntil = now + (spec.wait || 0);
    if (now < this.waitUntil && now < this.deadline) {
      caller.hold(this);
      return;
    }
    caller.waiting.delete(this);
    if (this.lostError !== null) {
      // Nobody else is there: the one that was lost may come back.
      if (this.pauses < (spec.retry || 0)) this.pause();
      else this.fail(this.lostError, -1);
      return;
    }
    if (this.refusal !== null) {
      this.fail(this.refusal, -1);
      return;
    }
    caller.counters.noTarget++;
    const waited = Math.round(now - this.waitUntil + (spec.wait || 0));
    const why = this.why || spec.gone || '';
    this.fail(makeError('no_target', { pattern: spec.pattern, why, waited }), -1);
  }

  /** Looks for a target again, those that failed included. */
  look() {
    this.caller.waiting.delete(this);
    if (this.over) return;
    this.exclude = undefined;
    this.dispatch();
  }

  /**
   * From the link.
   * @param {number} ended
   * @param {any} err
   * @param {any} out
   */
  ended(ended, err, out) {
    if (this.over) return;
    const { caller, link, target } = this;
    switch (ended) {
      case Ended.OK:
        this.finish(null, out, Outcome.OK);
        return;
      case Ended.ERROR:
        this.finish(err, undefined, Outcome.ERROR);
        return;
      default:
    }
    this.why = `${nameOf(link)}: ${link.why}`;
    this.report(ended === Ended.REFUSED ? Outcome.ERROR : Outcome.LOST);
    this.link = null;
    if (this.group !== null) {
      const { pattern } = this.spec;
      const missed = () => err || makeError('no_target', { pattern, why: this.why });
      this.fail(ended === Ended.LOST ? this.lost(link) : missed(), -1);
      return;
    }
    this.leaveOut(target);
    if (ended === Ended.LOST) {
      this.retry(this.lost(link));
      return;
    }
    this.seq = 0;
    if (ended === Ended.REFUSED && err !== null) {
      this.why = err.message;
      // That it has no action for it is what `no_target` says of all.
      if (err.code !== 'act_not_found') this.refusal = err;
    }
    caller.counters.failovers++;
    this.again();
  }

  /** @param {any} link */
  lost(link) {
    this.caller.counters.lost++;
    return this.targetLost(link);
  }

  /** @param {any} link */
  targetLost(link) {
    const { pattern } = this.spec;
    const { name, host, port } = link.target;
    return makeError('target_lost', {
      pattern,
      target: name || `${host}:${port}`,
      why: link.why,
      written: true,
      tries: this.tries + 1,
    });
  }

  /**
   * Its target is suspect, or its connection carries nothing: what may run twice does not wait for the verdict, which a
   * node that is cut off from us alone never gets.
   *
   * @param {string} why
   */
  doubted(why) {
    const { caller, spec, link, route, target } = this;
    const written = !this.over && link !== null && this.seq > 0;
    if (!written || this.group !== null || this.keyed !== null || this.tries >= (spec.retry || 0))
      return;
    if (caller.router.targets(route).length < 2 || !caller.mayRetry()) return;
    caller.counters.doubted++;
    this.why = `${nameOf(link)} ${why}`;
    this.lostError = this.targetLost(link);
    link.forget(this);
    this.report(Outcome.LOST);
    this.link = null;
    this.leaveOut(target);
    this.tryAgain();
  }

  /** @param {Error} lostError how the last attempt ended */
  retry(lostError) {
    this.lostError = lostError;
    if (this.tries >= (this.spec.retry || 0) || !this.caller.mayRetry()) {
      this.fail(lostError, -1);
      return;
    }
    this.tryAgain();
  }

  tryAgain() {
    this.caller.counters.retries++;
    this.tries++;
    // The first retry goes at once: the others are alive. Later ones, and those for which there is no other target, wait
    // a little and may go where they failed.
    if (this.tries === 1 && this.exclude !== undefined) this.again();
    else this.pause();
  }

  /** Another attempt a little later, which may go where it failed. */
  pause() {
    this.pauses++;
    const ms = Math.min(RETRY_MAX, RETRY_FIRST * 2 ** Math.max(this.tries, this.pauses));
    this.exclude = undefined;
    this.timer = setTimeout(() => this.again(), ms * (0.5 + Math.random() / 2));
  }

  /** Another attempt under another id: the same one would be answered from the first one's history, or not at all. */
  again() {
    this.timer = null;
    if (this.over) return;
    this.renew();
    this.dispatch();
  }

  renew() {
    const slash = this.id.indexOf('/');
    this.id = newId() + (slash < 0 ? '' : this.id.slice(slash));
  }

  /** From the deadlines. */
  expired() {
    if (this.over) return;
    const { caller, spec, link } = this;
    caller.counters.timeouts++;
    const elapsed = Math.round(performance.now() - this.begun);
    const err = makeError('call_timeout', {
      pattern: spec.pattern,
      target: link === null ? undefined : nameOf(link),
      elapsed,
      written: this.seq > 0 || this.lostError !== null,
      why: this.why || undefined,
    });
    this.fail(err, Outcome.TIMEOUT);
  }

  /**
   * @param {any} err
   * @param {number} outcome for the target that holds it, -1 if none does
   */
  fail(err, outcome) {
    if (this.over) return;
    this.finish(err, undefined, outcome);
  }

  /**
   * Tells the core how the attempt ended.
   * @param {number} outcome
   */
  report(outcome) {
    if (this.target < 0) return;
    // What nobody answered has no latency.
    const latency =
      this.sync && outcome !== Outcome.LOST
        ? Math.max(1, Math.round((performance.now() - this.sentAt) * 1000))
        : 0;
    this.caller.router.done(this.route, this.target, latency, outcome);
    this.target = -1;
  }

  /**
   * @param {any} err
   * @param {any} out
   * @param {number} outcome
   */
  finish(err, out, outcome) {
    const { caller, link, reply } = this;
    this.over = true;
    caller.calls.delete(this);
    caller.deadlines.remove(/** @type {any} */ (this));
    if (this.waitUntil !== 0) caller.waiting.delete(this);
    if (this.timer !== null) clearTimeout(this.timer);
    if (outcome >= 0) {
      this.report(outcome);
      if (link !== null && outcome >= Outcome.LOST) link.forget(this);
    }
    this.link = null;
    this.reply = null;
    if (this.group !== null) {
      this.group.ended(err, out);
      return;
    }
    if (err) caller.counters.failed++;
    if (reply === null) {
      if (err) caller.dropped(err);
      return;
    }
    if (!err) caller.counters.answered++;
    safely(caller.log, reply, err, out);
  }
}

/** @param {any} link */
function nameOf(link) {
  const { name, host, port } = link.target;
  return name || `${host}:${port}`;
}

/** A message id in Seneca's form. */
function newId() {
  let id = '';
  for (const byte of randomBytes(12)) id += ID_LETTERS[byte % 36];
  return id;
}

module.exports = { Call, Outcome };
