'use strict';

// Options of the benchmarks, checked: a misspelt one must not end in an empty table.

const { parseArgs } = require('node:util');

/**
 * @param {Record<string, string>} defaults by name
 * @param {Record<string, string[]>} [choices] for options that are lists of names
 * @returns {Record<string, any>} numbers where the default is one, lists where there are choices
 *   or the default has a comma
 */
function readOptions(defaults, choices = {}) {
  const shape = Object.entries(defaults).map(([name, value]) => [
    name,
    { type: /** @type {const} */ ('string'), default: value },
  ]);
  const { values } = parseArgs({ options: Object.fromEntries(shape) });
  /** @type {Record<string, any>} */
  const read = {};
  for (const [name, given] of Object.entries(values)) {
    const text = String(given);
    if (choices[name]) read[name] = text.split(',').map((one) => choice(name, one, choices[name]));
    else if (defaults[name].includes(',')) read[name] = text.split(',').map((n) => number(name, n));
    else read[name] = number(name, text);
  }
  return read;
}

/** @param {string} text @returns {never} */
function refuse(text) {
  process.stderr.write(`${text}\n`);
  process.exit(2);
}

/** @param {string} name @param {string} text */
function number(name, text) {
  if (!/^\d+$/.test(text)) refuse(`--${name} must be a whole number, not '${text}'`);
  return Number(text);
}

/** @param {string} name @param {string} text @param {string[]} known */
function choice(name, text, known) {
  if (!known.includes(text)) refuse(`--${name} knows ${known.join(', ')}, not '${text}'`);
  return text;
}

module.exports = { readOptions };
