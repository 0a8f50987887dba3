'use strict';
// @ts-check

/**
 * How long a call may take: what its act was given, and no longer than what is left of the calls that it is made for.
 */

/**
 * The deadline of an act by performance.now().
 *
 * @param {any} meta of the act
 * @param {number} most ms the pin allows, 0 = no bound
 * @param {any} [instance] the delegate that acts; its prototypes lead through the delegates of the calls above
 * @returns {number}
 */
function deadlineOf(meta, most, instance) {
  const wall = Date.now();
  let timeout = meta.timeout > 0 ? meta.timeout : 0;
  if (most > 0 && (timeout === 0 || most < timeout)) timeout = most;
  let left = timeout > 0 ? timeout - (wall - meta.start) : Number.POSITIVE_INFINITY;
  let scope = instance && instance.private$;
  while (scope) {
    const above = Object.hasOwn(scope, 'act') ? scope.act : null;
    // An act that has been answered bounds nothing: what it started in the background goes on.
    if (above && above.meta && above.meta !== meta && above.meta.timeout > 0 && !above.meta.end) {
      const rest = above.meta.start + above.meta.timeout - wall;
      if (rest < left) left = rest;
    }
    scope = Object.getPrototypeOf(scope);
  }
  return performance.now() + left;
}

module.exports = { deadlineOf };
