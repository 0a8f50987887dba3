'use strict';

// Rows of figures, as a table that is plain text and Markdown at once.

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
    /** @type {{ what: string, goal: string, values: number[], kept: boolean, show: (value: number) => string }[]} */
    this.rows = [];
  }

  /**
   * A time, measured once more.
   *
   * @param {string} what
   * @param {number} goal ms
   * @param {number} value ms
   */
  time(what, goal, value) {
    this._add(what, `at most ${time(goal)}`, value, time, value <= goal);
  }

  /**
   * A number of what should not be.
   *
   * @param {string} what
   * @param {number} value
   */
  none(what, value) {
    this._add(what, 'none', value, (count) => (count === 0 ? 'none' : `${count}`), value === 0);
  }

  /**
   * @param {string} what
   * @param {number} value
   * @param {(value: number) => string} show
   */
  note(what, value, show) {
    this._add(what, '', value, show, true);
  }

  /**
   * @param {string} what
   * @param {string} goal
   * @param {number} value
   * @param {(value: number) => string} show
   * @param {boolean} kept
   */
  _add(what, goal, value, show, kept) {
    let row = this.rows.find((one) => one.what === what);
    if (!row) {
      row = { what, goal, values: [], kept: true, show };
      this.rows.push(row);
    }
    row.values.push(value);
    row.kept &&= kept;
  }

  /** Rows that missed their goal in some run. */
  missed() {
    return this.rows.filter(({ kept }) => !kept).map(({ what }) => what);
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
}

module.exports = { Table, median };
