'use strict';
// @ts-check

/** Calls that wait to be written, in order. */

/** Taken places at the front are given back when there are so many. */
const SLACK = 1024;

/** @typedef {import('./link').Outgoing} Outgoing */

class Outbox {
  constructor() {
    /** @type {Outgoing[]} */
    this.calls = [];
    /** Where the first one is. */
    this.at = 0;
    /** Characters of those that are still wanted. */
    this.bytes = 0;
    /** Calls in between whose callers gave up. */
    this.dead = 0;
  }

  get size() {
    return this.calls.length - this.at;
  }

  /** @param {Outgoing} call */
  push(call) {
    this.calls.push(call);
    this.bytes += call.body.length;
  }

  /** The first one; there must be one. It may be `over`. */
  shift() {
    const call = this.calls[this.at++];
    this.bytes -= call.body.length;
    if (call.over && this.dead > 0) this.dead--;
    if (this.at === this.calls.length) {
      this.calls = [];
      this.at = 0;
    } else if (this.at > SLACK && this.at * 2 > this.calls.length) {
      this.calls = this.calls.slice(this.at);
      this.at = 0;
    }
    return call;
  }

  /**
   * The caller gave up: what the call holds is let go of, its place is taken out later.
   * @param {Outgoing} call `over` is set
   */
  forget(call) {
    this.bytes -= call.body.length;
    call.body = '';
    this.dead++;
    if (this.dead > SLACK && this.dead * 2 > this.size) {
      this.calls = this.calls.slice(this.at).filter((queued) => !queued.over);
      this.at = 0;
      this.dead = 0;
    }
  }

  /** All of them; none is left. */
  takeAll() {
    const calls = this.calls.slice(this.at);
    this.calls = [];
    this.at = 0;
    this.bytes = 0;
    this.dead = 0;
    return calls;
  }
}

module.exports = { Outbox };
