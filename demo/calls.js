'use strict';

// What became of the calls.

/** @typedef {{ at: number, ms: number, error: string | null, by: string | null }} Call */

class Calls {
  constructor() {
    /** @type {Call[]} the client's, but for those that are shown */
    this.made = [];
    /** @type {any} what the client said last when it asked its two questions */
    this.asked = null;
    /** @type {string[]} answers that the Rust service got: '5 (1.2 ms)' */
    this.byRust = [];
  }

  /**
   * Those that were made, or still in flight, after a moment.
   *
   * @param {number} moment
   */
  since(moment) {
    const made = this.made.filter(({ at, ms }) => at + ms >= moment);
    const errors = made.flatMap(({ error }) => (error ? [error] : []));
    /** @type {Record<string, number>} */
    const by = {};
    for (const call of made) if (call.by) by[call.by] = (by[call.by] ?? 0) + 1;
    const slowest = made.reduce((most, { ms }) => Math.max(most, ms), 0);
    return { answered: made.length - errors.length, errors, slowest, by };
  }

  /**
   * @param {string} name who answered
   * @param {number} moment of a call that was made since
   */
  firstBy(name, moment) {
    return this.made.find((call) => call.by === name && call.at >= moment);
  }
}

module.exports = { Calls };
