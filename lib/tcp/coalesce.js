'use strict';
// @ts-check

/**
 * When queued lines are written: those of one tick leave in one write, since a write costs more than a line does.
 *
 * But a tick may be long. With many calls in flight each side gets lines by the dozen, works on all of them in one
 * tick, and would write only then: caller and service take turns, one of them idle at any time. So a tick that goes on
 * for longer than LONGEST writes what it has. The measurements are in docs/calls.md.
 */

/** ms that a line waits for others while its process is at work. */
const LONGEST = 1;

class Coalesce {
  /** @param {() => void} flush writes all there is */
  constructor(flush) {
    this.flush = flush;
    /** When this tick's first line came, or its last write was; 0 = nothing waits. */
    this.since = 0;
    this.tickEnds = this.tickEnds.bind(this);
  }

  /** A line waits to be written. */
  due() {
    if (this.since === 0) {
      this.since = performance.now();
      process.nextTick(this.tickEnds);
      return;
    }
    const now = performance.now();
    if (now - this.since < LONGEST) return;
    this.since = now;
    this.flush();
  }

  tickEnds() {
    this.since = 0;
    this.flush();
  }
}

module.exports = { Coalesce };
