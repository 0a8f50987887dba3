'use strict';

// Values travel as JSON. What JSON would silently bend (a function, a Map, NaN)
// is refused where it is given, with the place named.

/** Readers of JSON in other languages stop at 127. */
const MAX_DEPTH = 100;

/** Bytes of a key and of a value: the core's own limits. */
const MAX_KEY = 512;
const MAX_VALUE = 64 * 1024;

/**
 * Finds the first part of a value that JSON cannot carry.
 *
 * @param {any} value
 * @param {string} path how the value is called in the error
 * @param {any[]} [above] the objects on the way here, to find cycles
 * @returns {string | null} what is wrong, or null when JSON carries it
 */
function unserialisable(value, path, above = []) {
  if (value === null) return null;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return null;
    case 'number':
      return Number.isFinite(value) ? null : `${path} is ${value}`;
    case 'object':
      break;
    default:
      return `${path} is ${typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`}`;
  }
  if (above.includes(value)) return `${path} refers back to itself`;
  if (above.length >= MAX_DEPTH) return `it is nested more than ${MAX_DEPTH} levels deep`;
  if (typeof value.toJSON === 'function') return null;
  if (value instanceof Map || value instanceof Set || ArrayBuffer.isView(value)) {
    return `${path} is a ${value.constructor.name}`;
  }
  const inside = [...above, value];
  for (const key of Object.keys(value)) {
    // JSON leaves members of an object out when they are undefined, as expected;
    // in an array they would become null.
    if (value[key] === undefined && !Array.isArray(value)) continue;
    const place = Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`;
    const wrong = unserialisable(value[key], place, inside);
    if (wrong) return wrong;
  }
  return null;
}

/**
 * The JSON of a value.
 *
 * @param {any} value
 * @param {string} path how the value is called in the error
 * @returns {{ json: string, wrong: null } | { json: '', wrong: string }}
 */
function pack(value, path) {
  try {
    const wrong = unserialisable(value, path);
    if (wrong) return { json: '', wrong };
    const json = JSON.stringify(value);
    // What a `toJSON` may do.
    if (typeof json !== 'string') return { json: '', wrong: `${path} gives no JSON` };
    return { json, wrong: null };
  } catch (/** @type {any} */ err) {
    return { json: '', wrong: `${path} cannot be read: ${err?.message ?? err}` };
  }
}

/**
 * Parses text that may be anything.
 *
 * @param {string | null | undefined} text
 * @returns {any} undefined when there is no text, or it is not JSON
 */
function parse(text) {
  if (text === null || text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

module.exports = { MAX_KEY, MAX_VALUE, pack, parse };
