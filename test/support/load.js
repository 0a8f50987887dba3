'use strict';

// Calls in an open loop: so many a second, whatever becomes of them.

/**
 * @typedef {object} Made a call and what became of it
 * @property {number} at when it was made, ms since the epoch
 * @property {number} ms how long it took
 * @property {string | null} error its code
 * @property {string | null} target of the error: the node that did not answer
 * @property {number | null} pid of the process that answered
 */

class Load {
  /**
   * @param {(done: (err: any, out?: any) => void) => void} call makes one
   * @param {{ rate?: number, burst?: number }} how many a second, and how many at once before
   */
  constructor(call, { rate = 0, burst = 0 }) {
    this.call = call;
    /** @type {Made[]} */
    this.made = [];
    this.open = 0;
    const begun = performance.now();
    let count = 0;
    for (let n = 0; n < burst; n++) this._one();
    this.timer = setInterval(() => {
      const due = Math.floor(((performance.now() - begun) * rate) / 1000);
      for (; count < due; count++) this._one();
    }, 1);
  }

  _one() {
    const begun = performance.now();
    /** @type {Made} */
    const made = { at: Date.now(), ms: 0, error: null, target: null, pid: null };
    this.made.push(made);
    this.open++;
    this.call((err, out) => {
      this.open--;
      made.ms = performance.now() - begun;
      if (err) {
        made.error = err.code || err.message;
        made.target = err.details?.target ?? null;
      } else made.pid = out.pid;
    });
  }

  /**
   * Makes no more, and waits for those that are open.
   *
   * @returns {Promise<Made[]>}
   */
  end() {
    clearInterval(this.timer);
    return new Promise((resolve) => {
      const wait = () => (this.open > 0 ? setTimeout(wait, 5) : resolve(this.made));
      wait();
    });
  }
}

module.exports = { Load };
