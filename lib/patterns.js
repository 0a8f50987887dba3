'use strict';

// Patterns as this plugin publishes them: flat objects whose values are strings
// (Seneca's router compares strings), named by a canonical text with sorted keys.

/** Parts of the canonical text that can be read back without quoting. */
const PLAIN = /^[^\s,:"'`{}[\]$#]+$/;

/** Seneca's own parts of a message space; they are never routed. */
const RESERVED_ROLES = new Set(['seneca', 'transport', 'options']);
const RESERVED_SYSTEMS = new Set(['seneca', 'gossip', 'transport']);

/**
 * A pattern without directives (`client$`), rules and empty values.
 *
 * @param {Record<string, any>} raw
 * @returns {Record<string, string>}
 */
function clean(raw) {
  /** @type {Record<string, string>} */
  const pattern = {};
  for (const key of Object.keys(raw).sort()) {
    const value = raw[key];
    if (key.includes('$') || value === null || value === undefined) continue;
    if (typeof value === 'object' || typeof value === 'function') continue;
    pattern[key] = String(value);
  }
  return pattern;
}

/**
 * The canonical text of a clean pattern: what `seneca.util.pattern` gives.
 *
 * @param {Record<string, string>} pattern
 */
function canon(pattern) {
  return Object.keys(pattern)
    .map((key) => `${key}:${pattern[key]}`)
    .sort()
    .join(',');
}

/**
 * Can the canonical text be read back? Not when a part holds one of its own signs.
 *
 * @param {Record<string, string>} pattern
 */
function isPlain(pattern) {
  return Object.entries(pattern).every(([key, value]) => PLAIN.test(key) && PLAIN.test(value));
}

/**
 * Reads a canonical text back.
 *
 * @param {string} text
 * @returns {Record<string, string> | null} null when it is none
 */
function read(text) {
  // With quotes, commas may be part of a value: such a pattern comes as an object as well.
  if (/["']/.test(text) && text.includes(',')) return null;
  /** @type {Record<string, string>} */
  const pattern = {};
  for (const part of text.split(',')) {
    const at = part.indexOf(':');
    if (at < 1 || at === part.length - 1) return null;
    pattern[part.slice(0, at)] = part.slice(at + 1);
  }
  return pattern;
}

const RUN = Symbol('any run');
const ONE = Symbol('any one');

/**
 * The signs of a glob, as Seneca's gex reads it: `*` any run, `?` any one, `**` and `*?` the
 * signs themselves.
 *
 * @param {string} glob
 */
function signsOf(glob) {
  const parts = glob.match(/\*\*|\*\?|[\s\S]/g) ?? [];
  return parts.map((part) => {
    if (part === '*') return RUN;
    if (part === '?') return ONE;
    return part.length === 2 ? part[1] : part;
  });
}

/**
 * Does a value fit a glob? No regular expression: with several `*` one would take the square of
 * the value's length or more, and the value comes from others.
 *
 * @param {string} glob
 * @param {string} value
 */
function fits(glob, value) {
  if (glob === value) return true;
  if (!/[*?]/.test(glob)) return false;
  const signs = signsOf(glob);
  let at = 0;
  let sign = 0;
  // Where the last run stands, and up to where it reaches so far.
  let run = -1;
  let reach = 0;
  while (at < value.length) {
    if (signs[sign] === RUN) {
      run = sign++;
      reach = at;
    } else if (signs[sign] === ONE || signs[sign] === value[at]) {
      sign++;
      at++;
    } else if (run >= 0) {
      sign = run + 1;
      at = ++reach;
    } else {
      return false;
    }
  }
  while (signs[sign] === RUN) sign++;
  return sign === signs.length;
}

/**
 * Does everything that matches `pattern` match `pin` as well?
 *
 * `sys` is where Seneca and its plugins keep their own actions: a pin covers such a
 * pattern only when it names the very `sys`.
 *
 * @param {Record<string, string>} pattern
 * @param {Record<string, string>} pin
 */
function within(pattern, pin) {
  if ('sys' in pattern && pin.sys !== pattern.sys) return false;
  return Object.keys(pin).every((key) => key in pattern && fits(pin[key], pattern[key]));
}

/**
 * Does a message match a pin?
 *
 * @param {Record<string, any>} msg
 * @param {Record<string, string>} pin
 */
function matches(msg, pin) {
  return Object.keys(pin).every((key) => {
    const value = msg[key];
    if (value === null || value === undefined || typeof value === 'object') return false;
    return fits(pin[key], String(value));
  });
}

/**
 * Patterns that are Seneca's or ours, and never routed.
 *
 * @param {Record<string, any>} pattern
 */
function isReserved(pattern) {
  return RESERVED_ROLES.has(pattern.role) || RESERVED_SYSTEMS.has(pattern.sys);
}

/**
 * May a pattern be given to Seneca's router? One without keys would answer everything. And what
 * all objects have (`constructor`, `__proto__`) the router takes for entries of its own: it would
 * write into the prototype of all objects, or throw.
 *
 * @param {Record<string, string>} pattern a clean one
 */
function isSafe(pattern) {
  const parts = Object.entries(pattern).flat();
  return parts.length > 0 && !parts.some((part) => part in Object.prototype);
}

/**
 * The pins in an option: a string (`;` separates several), an object, or an array of these.
 *
 * @param {any} pin
 * @param {(text: string) => any} jsonic Seneca's own reader of `a:1,b:2`
 * @returns {Record<string, string>[]}
 */
function pins(pin, jsonic) {
  if (pin === null || pin === undefined) return [];
  if (Array.isArray(pin)) return pin.flatMap((one) => pins(one, jsonic));
  if (typeof pin !== 'string') return [flat(pin)];
  const texts = pin.split(';').map((text) => text.trim());
  return texts.filter((text) => text !== '').map((text) => flat(jsonic(text) ?? {}));
}

/**
 * A pin as a clean pattern. A value that is none must not widen it silently.
 *
 * @param {Record<string, any>} pin
 */
function flat(pin) {
  for (const [key, value] of Object.entries(pin)) {
    if (key.includes('$')) throw new Error(`'${key}' is no key of a pattern: it has a $`);
    if (['string', 'number', 'boolean'].includes(typeof value)) {
      if (isSafe({ [key]: String(value) })) continue;
      throw new Error(`'${key}:${value}' names what every object has; Seneca cannot route it`);
    }
    throw new Error(`the value of '${key}' is neither a string nor a number nor a boolean`);
  }
  return clean(pin);
}

module.exports = { canon, clean, fits, isPlain, isReserved, isSafe, matches, pins, read, within };
