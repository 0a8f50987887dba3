'use strict';

/**
 * The name that somebody probably meant.
 *
 * @param {string} wrong
 * @param {string[]} names
 * @returns {string | null} null when none is near
 */
function suggest(wrong, names) {
  const given = wrong.toLowerCase();
  /** @type {string | null} */
  let best = null;
  let least = Math.ceil(wrong.length / 3) + 1;
  for (const name of names) {
    // Of two as near, the one that begins alike: `seed` is `seeds`, not `need`.
    const alike = given[0] === name[0].toLowerCase() ? 0 : 0.5;
    const far = distance(given, name.toLowerCase()) + alike;
    if (far < least) {
      best = name;
      least = far;
    }
  }
  return best;
}

/**
 * How many letters to insert, remove, replace or swap with their neighbour.
 *
 * @param {string} a
 * @param {string} b
 */
function distance(a, b) {
  /** @type {number[][]} */
  const rows = [Array.from({ length: b.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= a.length; i++) {
    rows[i] = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      rows[i][j] = Math.min(replaced, rows[i - 1][j] + 1, rows[i][j - 1] + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
      }
    }
  }
  return rows[a.length][b.length];
}

module.exports = { suggest };
