'use strict';

// Calls to needed patterns that nobody has published yet. They wait for their first
// target, as long as their deadline allows.

const { makeError } = require('./errors');
const { safely } = require('./safely');

/** So many at most. */
const MAX_WAITING = 10_000;
/** The longest time of a timer, ms: a longer one would be over at once. */
const MAX_TIMER = 2 ** 31 - 1;

/**
 * @typedef {object} Call
 * @property {any} instance
 * @property {any} msg
 * @property {any} reply
 * @property {string} pattern
 * @property {NodeJS.Timeout} timer
 */

class Waiting {
  /** @param {(level: string, text: string, more?: any) => void} log */
  constructor(log) {
    this.log = log;
    /** @type {Set<Call>} */
    this.calls = new Set();
  }

  /**
   * @param {string} pattern the needed one
   * @param {any} instance the delegate of the act
   * @param {any} msg
   * @param {any} reply
   * @param {any} meta
   */
  add(pattern, instance, msg, reply, meta) {
    if (this.calls.size >= MAX_WAITING) {
      const why = `${MAX_WAITING} calls wait for the first target of a needed pattern`;
      reply(makeError('overloaded', { pattern, why }));
      return;
    }
    const left = Math.min(MAX_TIMER, Math.max(0, meta.start + meta.timeout - Date.now()));
    const timer = setTimeout(() => {
      this.calls.delete(call);
      const why = 'nobody has published it';
      safely(this.log, reply, makeError('no_target', { pattern, waited: left, why }));
    }, left);
    const call = { instance, msg, reply, pattern, timer };
    this.calls.add(call);
  }

  /**
   * Makes the calls that have somewhere to go by now.
   *
   * @param {(msg: any) => any} choose an action definition for a message, or null
   */
  look(choose) {
    for (const call of [...this.calls]) {
      const def = choose(call.msg);
      if (!def) continue;
      this._end(call);
      run(def, call.instance, call.msg, call.reply);
    }
  }

  close() {
    for (const call of [...this.calls]) {
      this._end(call);
      safely(this.log, call.reply, makeError('closed', { pattern: call.pattern }));
    }
  }

  /** @param {Call} call */
  _end(call) {
    this.calls.delete(call);
    clearTimeout(call.timer);
  }
}

/**
 * Runs another action for the message of this act, as `prior` does.
 *
 * @param {any} def
 * @param {any} instance
 * @param {any} msg
 * @param {any} reply
 */
function run(def, instance, msg, reply) {
  instance.act({ ...msg, prior$: def.id }, reply);
}

module.exports = { Waiting, run };
