'use strict';

// Rows of figures, as a table that is plain text and Markdown at once.

const os = require('node:os');

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** @param {number} ms */
const time = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`);

class Table {
  constructor() {
    /** @type {{ what: string, of: string, goal: string, values: number[], kept: boolean, show: (value: number) => string }[]} */
    this.rows = [];
  }

  /**
   * A time, measured once more.
   *
   * @param {string} what
   * @param {number} goal ms
   * @param {number} value ms
   * @param {string} [of] the row to which one that begins with dots belongs
   */
  time(what, goal, value, of) {
    this.most(what, goal, value, time, of);
  }

  /**
   * @param {string} what
   * @param {number} goal
   * @param {number} value
   * @param {(value: number) => string} show
   * @param {string} [of]
   */
  most(what, goal, value, show, of) {
    this._add(what, `at most ${show(goal)}`, value, show, value <= goal, of);
  }

  /**
   * A number of what should not be.
   *
   * @param {string} what
   * @param {number} value
   * @param {string} [of]
   */
  none(what, value, of) {
    const show = (/** @type {number} */ count) => (count === 0 ? 'none' : `${count}`);
    this._add(what, 'none', value, show, value === 0, of);
  }

  /**
   * @param {string} what
   * @param {number} value
   * @param {(value: number) => string} show
   * @param {string} [of]
   */
  note(what, value, show, of) {
    this._add(what, '', value, show, true, of);
  }

  /**
   * @param {string} what
   * @param {string} goal
   * @param {number} value
   * @param {(value: number) => string} show
   * @param {boolean} kept
   * @param {string} [of]
   */
  _add(what, goal, value, show, kept, of = '') {
    let row = this.rows.find((one) => one.what === what && one.of === of);
    if (!row) {
      row = { what, of, goal, values: [], kept: true, show };
      this.rows.push(row);
    }
    row.values.push(value);
    row.kept &&= kept;
  }

  /** Rows that missed their goal in some run. */
  missed() {
    return this.rows.filter(({ kept }) => !kept).map(({ what, of }) => `${of} ${what}`.trim());
  }

  toString() {
    const lines = this.rows.map(({ what, goal, values, show }) => [
      what,
      goal,
      show(median(values)),
      values.length > 1 ? `${show(Math.min(...values))} to ${show(Math.max(...values))}` : '',
      `${values.length}`,
    ]);
    lines.unshift(['What', 'Goal', 'Median', 'From, to', 'Runs']);
    const widths = lines[0].map((_, at) => Math.max(...lines.map((line) => line[at].length)));
    const text = lines.map(
      (line) => `| ${line.map((cell, at) => cell.padEnd(widths[at])).join(' | ')} |`,
    );
    text.splice(1, 0, `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`);
    return text.join('\n');
  }

  /**
   * Prints all, and sets the exit code when a goal was missed.
   *
   * @param {number} load of the machine before
   */
  print(load) {
    console.log(this.toString());
    const [cpu] = os.cpus();
    console.log(
      `\nNode.js ${process.version}, ${process.platform} ${os.release()}, ${os.cpus().length} x ${cpu.model.trim()};` +
        `\nload of the machine before: ${load.toFixed(1)}, after: ${os.loadavg()[0].toFixed(1)}`,
    );
    const missed = this.missed();
    if (missed.length === 0) return;
    console.log(`\nmissed in at least one run: ${missed.join('; ')}`);
    process.exitCode = 1;
  }
}

module.exports = { Table, median };
