'use strict';

// Lines of the log that strangers can cause: one of a kind in a minute.

const QUIET = 60_000;

/**
 * @param {(level: string, text: string, data?: any) => void} log
 * @returns {(kind: string, text: string) => void}
 */
function seldom(log) {
  /** @type {Map<string, { until: number, unsaid: number }>} by kind, of which the code has a few */
  const said = new Map();
  return (kind, text) => {
    const now = performance.now();
    const last = said.get(kind);
    if (last !== undefined && now < last.until) {
      last.unsaid++;
      return;
    }
    const more = last?.unsaid ? ` (${last.unsaid} more since the last such line)` : '';
    said.set(kind, { until: now + QUIET, unsaid: 0 });
    log('warn', text + more);
  };
}

module.exports = { seldom };
