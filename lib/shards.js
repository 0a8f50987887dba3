'use strict';
// @ts-check

/**
 * Messages of sharded pins: run here, held, or sent to the node that owns their key.
 *
 * Where this node answers the pin itself, every message passes here before it runs, also those of this instance: the
 * core counts what is at work for a shard, and gives the shard away only when nothing is.
 */

const { makeError } = require('./errors');
const { deadlineOf } = require('./inherit');
const { neverRan } = require('./never-ran');
const { safely } = require('./safely');
const { keyOf } = require('./shard-key');
const { run } = require('./waiting');

/** Messages that wait for a shard on its way to us, at most. */
const MAX_HELD = 10_000;

/** What `enter` says instead of the number of a shard. */
const Turn = Object.freeze({ HOLD: -1, ELSEWHERE: -2 });

/**
 * @typedef {object} Core the core's view of shards
 * @property {(pin: string, key: string) => number} enter a ticket for `exit`, if a message of this key may run here now;
 *   else a `Turn`
 * @property {(ticket: number) => void} exit
 * @property {(pin: string, key: string) => boolean} owns would `enter` give a ticket?
 * @property {(pin: string, key: string) => number} shardOf -1 for what is no sharded pin
 * @property {(pin: string, key: string) => any} owner who owns a key; null for what is no sharded pin
 *
 * @typedef {object} Message one that is to be run by the owner of its key
 * @property {any} spec
 * @property {string} key
 * @property {any} local the action of this instance, if it has one
 * @property {any} instance the delegate of the act
 * @property {any} msg
 * @property {any} reply
 * @property {any} meta
 * @property {string[]} passed instances that it came through
 * @property {number} until when its time is up, by performance.now()
 */

class Shards {
  /**
   * @param {object} parts
   * @param {Core} parts.core
   * @param {any} parts.caller makes the calls (`call.js`)
   */
  constructor({ core, caller }) {
    this.core = core;
    this.caller = caller;
    /** @type {Set<Message>} */
    this.held = new Set();
    this.closed = false;
    this.counters = { ran: 0, held: 0, forwarded: 0, notOwner: 0 };
  }

  /**
   * @param {any} spec of the route
   * @param {any} local the action of this instance, or null
   * @param {any} instance
   * @param {any} msg
   * @param {any} reply
   * @param {any} meta
   * @param {string[]} passed
   */
  dispatch(spec, local, instance, msg, reply, meta, passed) {
    const key = keyOf(msg, spec.shard.path);
    if (key === undefined) {
      const { pattern, shard } = spec;
      if (!shard.optional) {
        reply(makeError('shard_key_missing', { pattern, key: shard.path.join('.') }));
      } else if (local) run(local, instance, msg, reply);
      else this.caller.call(spec, msg, meta, reply, instance);
      return;
    }
    const until = deadlineOf(meta, spec.timeout || 0, instance);
    this._take({ spec, key, local, instance, msg, reply, meta, passed, until });
  }

  /** Something moved: what waits may run now, here or elsewhere. */
  look() {
    const now = performance.now();
    for (const message of [...this.held]) {
      this.held.delete(message);
      // Its caller has been told that time is up.
      if (now < message.until) this._take(message);
    }
  }

  /** What waits is not run any more. */
  close() {
    this.closed = true;
    for (const { reply, spec } of this.held) {
      safely(this.caller.log, reply, makeError('closed', { pattern: spec.pattern }));
    }
    this.held.clear();
  }

  /** @param {Message} message */
  _take(message) {
    const { spec, key, local, instance, msg, reply, meta, passed } = message;
    const { pattern, shard } = spec;
    if (local) {
      const turn = this.core.enter(shard.pin, key);
      if (turn >= 0) {
        this._run(message, turn);
        return;
      }
      // Elsewhere is nowhere while nobody else serves the pin: this node takes no shards yet, or no more.
      if ((turn === Turn.HOLD || spec.route < 0) && !this.closed) {
        this._hold(message);
        return;
      }
    }
    // Who sent it here took us for the owner, and so did the one before: their views are not at rest yet.
    if (passed.length > 1) {
      this.counters.notOwner++;
      const { owner } = this.core.owner(shard.pin, key) ?? {};
      reply(neverRan(makeError('not_owner', { pattern, owner })));
      return;
    }
    if (passed.length > 0) {
      this.counters.forwarded++;
      // The reply tells, so that the caller's view catches up.
      msg.transport$.moved = true;
    }
    const home = local ? () => this._take(message) : null;
    this.caller.call(spec, msg, meta, reply, instance, { key, home });
  }

  /**
   * @param {Message} message
   * @param {number} ticket
   */
  _run({ local, instance, msg, reply }, ticket) {
    this.counters.ran++;
    let open = true;
    run(local, instance, msg, (/** @type {any[]} */ ...answer) => {
      if (open) this.core.exit(ticket);
      open = false;
      reply(...answer);
    });
  }

  /** Drops those whose time is up. */
  _forget() {
    const now = performance.now();
    for (const message of this.held) if (now >= message.until) this.held.delete(message);
  }

  /** @param {Message} message */
  _hold(message) {
    if (this.held.size >= MAX_HELD) this._forget();
    if (this.held.size >= MAX_HELD) {
      const { pattern } = message.spec;
      const why = `${MAX_HELD} messages wait for shards on their way to this node`;
      message.reply(neverRan(makeError('overloaded', { pattern, why })));
      return;
    }
    this.counters.held++;
    this.held.add(message);
  }
}

/**
 * The sharding of a route, from what a member published; null where there is none.
 *
 * @param {any} shard
 */
function readSharding(shard) {
  if (shard === null || typeof shard !== 'object') return null;
  const { pin, key, optional } = shard;
  if (typeof pin !== 'string' || typeof key !== 'string' || key === '') return null;
  return { pin, path: key.split('.'), optional: optional === true };
}

module.exports = { readSharding, Shards };
