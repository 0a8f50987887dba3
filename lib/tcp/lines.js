'use strict';
// @ts-check

/**
 * Bytes of a socket -> lines of text, bounded.
 *
 * A chunk is decoded once, up to its last newline, and cut with `indexOf`: nothing here runs per byte. A newline byte
 * is never part of a longer UTF-8 character, so cutting bytes there is safe. What follows the last newline waits in one
 * buffer that doubles as it grows, so a writer that sends a byte at a time costs no object per byte.
 *
 * A line above the limit is not kept: its beginning is reported (it may hold the id of a call), the rest skipped up to
 * its newline, so that the other calls of the connection live on.
 */

const NEWLINE = 10;
const FIRST_BUFFER = 4096;
const KEPT_BUFFER = 64 * 1024;
/** How much of a too long line is handed to `tooLong`. */
const PREFIX = 1024;

/**
 * @typedef {object} Sink
 * @property {(text: string) => void} line a whole line without its newline (a `\r` may be left, JSON takes it as space)
 * @property {(prefix: string) => void} tooLong once per line above the limit
 */

/**
 * A bound on what the unfinished lines of many connections hold together.
 * @typedef {{ used: number, max: number }} Budget
 */

class LineReader {
  /**
   * @param {number} maxLine bytes
   * @param {Sink} sink
   * @param {Budget} [budget]
   */
  constructor(maxLine, sink, budget) {
    this.maxLine = maxLine;
    this.sink = sink;
    this.budget = budget || { used: 0, max: Number.POSITIVE_INFINITY };
    /** Set it inside `line` to stop after that line; `resume` goes on. */
    this.paused = false;
    this.skipping = false;
    /** @type {Buffer | null} */
    this.tail = null;
    this.tailLength = 0;
    /** @type {string | null} text not handed out yet because of a pause, from `heldAt` on */
    this.held = null;
    this.heldAt = 0;
    /** @type {Buffer[]} chunks that arrived during a pause */
    this.backlog = [];
    this.resuming = false;
  }

  /** True while part of a line has arrived. */
  get partial() {
    return this.tailLength > 0 || this.skipping;
  }

  /** True while whole lines wait for the end of a pause. */
  get holding() {
    return this.held !== null || this.backlog.length > 0;
  }

  /** @param {Buffer} chunk */
  push(chunk) {
    if (this.paused || this.held !== null) {
      this.backlog.push(chunk);
      return;
    }
    let start = 0;
    /** @type {string | null} */
    let first = null;
    if (this.skipping || this.tailLength > 0) {
      const end = chunk.indexOf(NEWLINE);
      if (end < 0) {
        this.#keep(chunk, 0);
        return;
      }
      first = this.#finish(chunk, end);
      start = end + 1;
    }
    const last = chunk.lastIndexOf(NEWLINE);
    const text = last >= start ? chunk.toString('utf8', start, last) : null;
    const rest = last >= start ? last + 1 : start;
    if (first !== null) this.#emit(first);
    if (text !== null) {
      if (this.paused) {
        this.held = text;
        this.heldAt = 0;
      } else {
        this.#cut(text, 0);
      }
    }
    if (rest === chunk.length) return;
    // Before what arrived after it.
    if (this.paused) this.backlog.unshift(chunk.subarray(rest));
    else this.#keep(chunk, rest);
  }

  /** Ends a pause. Lines held back are handed out at once, which may pause again. */
  resume() {
    this.paused = false;
    // From within a line that is handed out here: the rest of its text comes before what arrived later.
    if (this.resuming) return;
    this.resuming = true;
    try {
      if (this.held !== null) {
        const text = this.held;
        this.held = null;
        this.#cut(text, this.heldAt);
      }
      while (!this.paused && this.held === null && this.backlog.length > 0) {
        this.push(/** @type {Buffer} */ (this.backlog.shift()));
      }
    } finally {
      this.resuming = false;
    }
  }

  /** Gives back what it holds. */
  close() {
    this.paused = true;
    this.held = null;
    this.backlog = [];
    this.#release();
  }

  /**
   * @param {string} text
   * @param {number} at
   */
  #cut(text, at) {
    for (;;) {
      const end = text.indexOf('\n', at);
      if (end < 0) {
        this.#emit(at === 0 ? text : text.slice(at));
        return;
      }
      this.#emit(text.slice(at, end));
      at = end + 1;
      if (this.paused) {
        this.held = text;
        this.heldAt = at;
        return;
      }
    }
  }

  /** @param {string} line */
  #emit(line) {
    if (line.length > this.maxLine) this.sink.tooLong(line.slice(0, PREFIX));
    else if (line.length > 0) this.sink.line(line);
  }

  /**
   * Keeps the beginning of a line whose end has not arrived.
   * @param {Buffer} chunk
   * @param {number} start
   */
  #keep(chunk, start) {
    const more = chunk.length - start;
    if (this.skipping) return;
    const length = this.tailLength + more;
    if (length > this.maxLine || this.budget.used + more > this.budget.max) {
      const head = Buffer.concat([
        this.tail ? this.tail.subarray(0, Math.min(this.tailLength, PREFIX)) : Buffer.alloc(0),
        chunk.subarray(start, start + PREFIX),
      ]).toString('utf8', 0, PREFIX);
      this.#release();
      this.skipping = true;
      this.sink.tooLong(head);
      return;
    }
    this.#append(chunk, start, chunk.length);
  }

  /**
   * The line that ends at `end` of this chunk, or null if it was one to skip.
   * @param {Buffer} chunk
   * @param {number} end
   */
  #finish(chunk, end) {
    if (this.skipping) {
      this.skipping = false;
      return null;
    }
    this.#append(chunk, 0, end);
    const tail = /** @type {Buffer} */ (this.tail);
    const line = tail.toString('utf8', 0, this.tailLength);
    this.#release();
    return line;
  }

  /**
   * @param {Buffer} chunk
   * @param {number} start
   * @param {number} end
   */
  #append(chunk, start, end) {
    const length = this.tailLength + end - start;
    if (this.tail === null || this.tail.length < length) {
      const size = Math.max(FIRST_BUFFER, length, Math.min(2 * this.tailLength, this.maxLine));
      const grown = Buffer.allocUnsafeSlow(size);
      if (this.tail !== null) this.tail.copy(grown, 0, 0, this.tailLength);
      this.tail = grown;
    }
    chunk.copy(this.tail, this.tailLength, start, end);
    this.budget.used += end - start;
    this.tailLength = length;
  }

  #release() {
    this.budget.used -= this.tailLength;
    this.tailLength = 0;
    if (this.tail !== null && this.tail.length > KEPT_BUFFER) this.tail = null;
  }
}

module.exports = { LineReader };
