'use strict';
// @ts-check

/**
 * A message to every target of a route. The first answer is the caller's, none is required: a dead target delays
 * nobody, and a route without targets answers null.
 */

const { makeError } = require('./errors');
const { Call, Outcome } = require('./one-call');

class Observation {
  /**
   * @param {InstanceType<typeof import('./call').Caller>} caller
   * @param {InstanceType<typeof import('./one-call').Call>} call the caller's, never sent itself
   */
  constructor(caller, call) {
    this.caller = caller;
    this.call = call;
    this.open = 0;
    /** @type {any} */
    this.firstError = null;
  }

  start() {
    const { caller, call } = this;
    const { spec, meta } = call;
    const targets = spec.route < 0 ? [] : caller.router.targets(spec.route);
    /** @type {{ link: any, target: number }[]} */
    const reached = [];
    for (const target of targets) {
      const link = caller.links.get(target);
      if (link !== undefined && caller.router.begin(spec.route, target)) {
        reached.push({ link, target });
      }
    }
    if (call.sync) {
      caller.calls.add(call);
      caller.deadlines.add(/** @type {any} */ (call));
    }
    // Counted before the first is sent: an answer may come at once.
    this.open = reached.length + 1;
    for (const { link, target } of reached) {
      const part = new Call(
        caller,
        spec,
        call.msg,
        meta,
        call.body,
        call.track,
        call.reply,
        call.deadline,
      );
      part.instance = call.instance;
      part.group = this;
      part.route = spec.route;
      part.target = target;
      part.link = link;
      part.sentAt = performance.now();
      caller.calls.add(part);
      caller.deadlines.add(/** @type {any} */ (part));
      if (!link.send(part)) {
        part.link = null;
        part.fail(makeError('no_target', { pattern: spec.pattern, why: link.why }), Outcome.LOST);
      }
    }
    this.ended(null, undefined, true);
  }

  /**
   * A part has ended.
   * @param {any} err
   * @param {any} out
   * @param {boolean} [none] no part: all have been sent
   */
  ended(err, out, none) {
    this.open--;
    const { call } = this;
    if (err) {
      // What a target said is worth more than that one could not be reached.
      if (this.firstError === null && err.code !== 'no_target' && err.code !== 'target_lost') {
        this.firstError = err;
      }
    } else if (!none && !call.over) {
      call.finish(null, out, -1);
    }
    if (this.open === 0 && !call.over) call.finish(this.firstError, null, -1);
  }
}

module.exports = { Observation };
