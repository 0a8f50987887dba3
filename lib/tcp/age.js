'use strict';
// @ts-check

/**
 * How long a message was under way, although the clocks of two hosts differ.
 *
 * The smallest difference seen between "sent" by the sender's clock and "read" by ours stands for the offset of the
 * clocks; what a message took above it is its age. Both clocks must not step (our client's does not, a stock client's
 * may), and as they drift, only differences of the last minute count.
 */

const WINDOW = 30_000;

class Age {
  constructor() {
    this.current = Number.POSITIVE_INFINITY;
    this.previous = Number.POSITIVE_INFINITY;
    this.until = 0;
  }

  /**
   * @param {number} sent ms by the sender's clock
   * @param {number} now ms by performance.now()
   * @returns {number} ms, 0 for the first message
   */
  of(sent, now) {
    if (now >= this.until) {
      this.previous = now >= this.until + WINDOW ? Number.POSITIVE_INFINITY : this.current;
      this.current = Number.POSITIVE_INFINITY;
      this.until = now + WINDOW;
    }
    const difference = now - sent;
    if (difference < this.current) this.current = difference;
    return difference - Math.min(this.current, this.previous);
  }
}

module.exports = { Age };
