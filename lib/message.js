'use strict';
// @ts-check

/**
 * Seneca messages <-> lines of the Seneca tcp wire (the `act` and `res` envelopes of seneca-transport).
 *
 * Envelopes are put together as text around the JSON of the one part that is the caller's own, so that nothing is
 * stringified twice: a retry reuses the text of its message under a new id.
 */

const { makeError } = require('./errors');

/** Most nodes that a `track` may name, and most `parents$`: above it a message is not believable. */
const MAX_TRACK = 64;
const MAX_PARENTS = 1024;
/** Most parts of one of them. */
const MAX_PARENT = 16;

/**
 * The text of an `act` without its closing brace, so that `timeout$` can be added when it is sent.
 *
 * Top-level `$` keys are Seneca's directives and stay home, as in the stock client; `custom$` and `parents$` travel.
 *
 * @param {Record<string, any>} msg
 * @param {{ custom?: any, parents?: any[], pattern?: string }} meta
 * @returns {string}
 */
function packAct(msg, meta) {
  /** @type {Record<string, any>} */
  const act = {};
  for (const key of Object.keys(msg)) {
    if (key.charCodeAt(key.length - 1) !== 36) act[key] = msg[key];
  }
  act.custom$ = meta.custom || {};
  if (meta.parents && meta.parents.length > 0) act.parents$ = meta.parents;
  return toJson(act, 'unserialisable_message', 'act', meta.pattern).slice(0, -1);
}

/**
 * JSON of anything. What the stock transport accepts is accepted: a cycle becomes "[Circular ~.path]".
 *
 * @param {any} value
 * @param {string} code of the error if it cannot be written at all (a BigInt, a throwing getter)
 * @param {string} place where the value stands in its envelope
 * @param {string} [pattern]
 * @returns {string}
 */
function toJson(value, code, place, pattern) {
  try {
    const text = JSON.stringify(value);
    return text === undefined ? 'null' : text;
  } catch {
    try {
      return JSON.stringify(value, cutCycles(place)) || 'null';
    } catch (err) {
      throw makeError(code, { pattern, why: reason(err) });
    }
  }
}

/**
 * A replacer that names the place a cycle leads back to, as json-stringify-safe does.
 * @param {string} place
 */
function cutCycles(place) {
  /** @type {any[]} */
  const stack = [];
  /** @type {string[]} */
  const keys = [];
  return /** @this {any} */ function replace(/** @type {string} */ key, /** @type {any} */ value) {
    if (stack.length > 0) {
      // `this` is the object that holds the key: what is deeper on the stack has been left.
      const depth = stack.indexOf(this);
      if (depth >= 0) {
        stack.length = depth + 1;
        keys.length = depth;
        keys.push(key);
      } else {
        stack.push(this);
        keys.push(key);
      }
      const seen = stack.indexOf(value);
      if (seen >= 0) return `[Circular ~.${[place, ...keys.slice(0, seen)].join('.')}]`;
    } else {
      stack.push(value);
    }
    return value;
  };
}

/**
 * What was thrown, as a short text.
 * @param {any} thrown
 * @returns {string}
 */
function reason(thrown) {
  try {
    const text = String((thrown && thrown.message) || thrown);
    return text.length > 200 ? `${text.slice(0, 200)}...` : text;
  } catch {
    return 'unknown';
  }
}

/**
 * The fields of an Error that travel: its own properties, message and name, never the stack.
 * @param {any} err
 * @returns {string}
 */
function packError(err) {
  const fields = Object.assign({}, err);
  fields.message = err.message;
  fields.name = err.name || 'Error';
  try {
    return toJson(fields, 'unserialisable_result', 'error');
  } catch {
    return JSON.stringify({ code: err.code, message: reason(err), name: 'Error', seneca: true });
  }
}

/**
 * An Error as the caller of a remote action gets it. The remote is not trusted: directives and prototypes stay out.
 * @param {any} fields
 * @returns {Error & Record<string, any>}
 */
function unpackError(fields) {
  const given =
    fields !== null && typeof fields === 'object' ? fields : { message: String(fields) };
  /** @type {any} */
  const err = new Error(typeof given.message === 'string' ? given.message : reason(given.message));
  for (const key of Object.keys(given)) {
    if (key === 'message' || key === 'stack' || key === '__proto__') continue;
    if (key.charCodeAt(key.length - 1) === 36) continue;
    // Seneca writes into them.
    if (key === 'details' && (given.details === null || typeof given.details !== 'object'))
      continue;
    err[key] = given[key];
  }
  return err;
}

/**
 * Makes entities of what were entities: at the top and one level below, as the stock transport does, and only where
 * seneca-entity is loaded.
 *
 * @param {any} seneca
 * @param {any} data
 * @returns {any}
 */
function reviveEntities(seneca, data) {
  if (data === null || typeof data !== 'object' || typeof seneca.make$ !== 'function') return data;
  if (typeof data.entity$ === 'string') return seneca.make$(data);
  for (const key of Object.keys(data)) {
    const value = data[key];
    if (value !== null && typeof value === 'object' && typeof value.entity$ === 'string') {
      data[key] = seneca.make$(value);
    }
  }
  return data;
}

/**
 * The ids that a message has passed, for the check of loops.
 * @param {any} track
 * @returns {string[]}
 */
function cleanTrack(track) {
  if (!Array.isArray(track)) return [];
  return track.filter((id) => typeof id === 'string' && id.length <= 512).slice(0, MAX_TRACK);
}

/**
 * The directives that a remote caller may use are custom$, timeout$ and parents$, when they are well-formed; all others
 * are taken out, `fatal$` above all: it ends the process when the action fails. An own `__proto__` (JSON.parse makes
 * one) would bring directives back through the prototype of the copies that Seneca makes.
 *
 * Entities are revived in the same pass over the keys.
 *
 * @param {any} seneca
 * @param {Record<string, any>} act changed in place
 * @returns {number} how many keys were taken out
 */
function admitAct(seneca, act) {
  let removed = 0;
  const entities = typeof seneca.make$ === 'function';
  for (const key of Object.keys(act)) {
    const value = act[key];
    if (key.charCodeAt(key.length - 1) === 36) {
      if (key === 'custom$' && isPlain(value)) continue;
      if (key === 'timeout$' && typeof value === 'number' && value > 0) continue;
      if (key === 'parents$' && isParents(value)) continue;
      delete act[key];
      removed++;
    } else if (key === '__proto__') {
      delete act[key];
      removed++;
    } else if (entities && value !== null && typeof value === 'object') {
      if (typeof value.entity$ === 'string') act[key] = seneca.make$(value);
    }
  }
  return removed;
}

/** @param {any} value */
function isPlain(value) {
  return (
    value !== null &&
    typeof value === 'object' &&
    !Array.isArray(value) &&
    !Object.hasOwn(value, '__proto__')
  );
}

/**
 * Seneca reads the entries of `parents$` without a look, where an error cannot be caught.
 *
 * @param {any} value
 */
function isParents(value) {
  return Array.isArray(value) && value.length <= MAX_PARENTS && value.every(isParent);
}

/** @param {any} entry pattern, id, instance, tag, version, start, end, sync, action */
function isParent(entry) {
  if (!Array.isArray(entry) || entry.length > MAX_PARENT) return false;
  if (typeof (entry[1] ?? '') !== 'string') return false;
  return entry.every((part) =>
    typeof part === 'string' ? part.length <= 512 : part === null || typeof part !== 'object',
  );
}

module.exports = {
  packAct,
  toJson,
  packError,
  unpackError,
  reviveEntities,
  cleanTrack,
  admitAct,
  reason,
};
