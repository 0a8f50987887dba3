'use strict';
// @ts-check

/**
 * Errors that say that a message was not run: the caller may send it elsewhere. A mark beside the error, since an action
 * may pass on an error that came over the network, and has run.
 */

/** @type {WeakSet<object>} */
const marked = new WeakSet();

/**
 * @template {object} T
 * @param {T} err
 * @returns {T}
 */
function neverRan(err) {
  marked.add(err);
  return err;
}

/** @param {any} err */
const hasNotRun = (err) => marked.has(err);

module.exports = { hasNotRun, neverRan };
