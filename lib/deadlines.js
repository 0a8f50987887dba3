'use strict';
// @ts-check

/**
 * Deadlines of many calls with one timer.
 *
 * A `setTimeout` per call costs more than the rest of sending it, because the remaining times all differ. Here a call
 * is linked into the slot of its deadline, taken out in constant time when it ends, and the slots are swept every few
 * milliseconds while there is anything to watch. A call expires at its deadline or up to one tick before it, so that it
 * is this package that reports it and not Seneca's own timeout a moment later; a short deadline is not cut short, it
 * may expire up to a tick late.
 */

const TICK = 16;
const SLOTS = 2048;
/** Below it a tick is a large part of the time given. */
const SHORT = 8 * TICK;

/**
 * @typedef {object} Timed
 * @property {number} deadline by performance.now()
 * @property {() => void} expired
 * @property {Timed | null} [next$]
 * @property {Timed | null} [prev$]
 * @property {number} [slot$]
 * @property {number} [due$]
 */

class Deadlines {
  constructor() {
    /** @type {(Timed | null)[]} */
    this.slots = new Array(SLOTS).fill(null);
    this.size = 0;
    this.tick = 0;
    /** @type {NodeJS.Timeout | null} */
    this.timer = null;
  }

  /** @param {Timed} item */
  add(item) {
    if (item.deadline === Number.POSITIVE_INFINITY) return;
    const now = performance.now();
    if (this.timer === null) {
      this.tick = Math.floor(now / TICK);
      this.timer = setInterval(() => this.sweep(), TICK);
    }
    // Never a slot that was swept already: it would be met a whole turn later.
    const late = item.deadline - now < SHORT ? 1 : 0;
    const due = Math.max(Math.floor(item.deadline / TICK) + late, this.tick + 1);
    const slot = due % SLOTS;
    const head = this.slots[slot];
    item.slot$ = slot;
    item.due$ = due;
    item.prev$ = null;
    item.next$ = head;
    if (head !== null) head.prev$ = item;
    this.slots[slot] = item;
    this.size++;
  }

  /** @param {Timed} item */
  remove(item) {
    const slot = item.slot$;
    if (slot === undefined || slot < 0) return;
    const next = item.next$ || null;
    const prev = item.prev$ || null;
    if (prev !== null) prev.next$ = next;
    else this.slots[slot] = next;
    if (next !== null) next.prev$ = prev;
    item.next$ = null;
    item.prev$ = null;
    item.slot$ = -1;
    this.size--;
  }

  sweep() {
    const now = performance.now();
    const until = Math.floor(now / TICK);
    // After a long stall every slot is met once.
    const from = Math.max(this.tick + 1, until - SLOTS + 1);
    this.tick = until;
    for (let tick = from; tick <= until; tick++) this.#expire(this.slots[tick % SLOTS], until);
    if (this.size === 0 && this.timer !== null) {
      clearInterval(this.timer);
      this.timer = null;
    }
  }

  /**
   * @param {Timed | null} item
   * @param {number} until
   */
  #expire(item, until) {
    const due = [];
    for (; item !== null; item = item.next$ || null) {
      if (/** @type {number} */ (item.due$) <= until) due.push(item);
    }
    for (const one of due) {
      if (one.slot$ === undefined || one.slot$ < 0) continue;
      this.remove(one);
      one.expired();
    }
  }

  close() {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }
}

module.exports = { Deadlines };
