'use strict';

// How the demo speaks: lines of at most 100 columns, in colour where that is wanted.

const colours = process.stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb';

/** @param {number} code */
const paint = (code) => (/** @type {string} */ text) =>
  colours ? `\u001b[${code}m${text}\u001b[0m` : text;

const bold = paint(1);
const dim = paint(2);
const red = paint(31);
const green = paint(32);
const yellow = paint(33);

/** When the demo began. */
let begun = Date.now();

/** The time counts from now on. */
function begin() {
  begun = Date.now();
  return begun;
}

/** @param {string} text */
const print = (text) => process.stdout.write(`${text}\n`);

/** A line with the time at which it is said. */
function say(/** @type {string} */ text) {
  const time = `${((Date.now() - begun) / 1000).toFixed(1)} s`;
  print(`${dim(time.padStart(8))}  ${text}`);
}

/** A line that goes on with what the last one said. */
const more = (/** @type {string} */ text) => print(`${' '.repeat(19)}${text}`);

/** @param {string} text */
const heading = (text) => print(`\n${bold(text)}`);

/** @param {number} ms */
const seconds = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`);

/** @param {string[]} names */
function list(names) {
  if (names.length < 2) return names.join();
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/**
 * @param {string[][]} rows the first one is the head
 */
function table(rows) {
  const widths = rows[0].map((_, at) => Math.max(...rows.map((row) => row[at].length)));
  rows.forEach((row, nth) => {
    const text = row.map((cell, at) => cell.padEnd(widths[at])).join('  ');
    print(`  ${nth === 0 ? dim(text.trimEnd()) : text.trimEnd()}`);
  });
}

/** States in the order in which they are shown. */
const STATES = { alive: green, suspect: yellow, leaving: yellow, dead: red, left: dim };

/**
 * Who is in which state: 'alive: add 2, mcl  dead: add 1'.
 *
 * @param {Record<string, string>} members state by name
 */
function states(members) {
  const parts = [];
  for (const [state, colour] of Object.entries(STATES)) {
    const names = Object.keys(members).filter((name) => members[name] === state);
    if (names.length > 0) parts.push(colour(`${state}: ${names.join(', ')}`));
  }
  return parts.join('  ');
}

module.exports = {
  begin,
  bold,
  green,
  heading,
  list,
  more,
  print,
  red,
  say,
  seconds,
  states,
  table,
};
