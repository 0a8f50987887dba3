'use strict';

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Waits until something holds.
 *
 * @template T
 * @param {() => T | Promise<T>} check a truthy result ends the wait
 * @param {{ within?: number, what?: string }} [limits]
 * @returns {Promise<T>}
 */
async function until(check, { within = 10_000, what = 'what was awaited' } = {}) {
  const end = Date.now() + within;
  let last;
  for (;;) {
    try {
      last = await check();
      if (last) return last;
    } catch (err) {
      last = err;
    }
    if (Date.now() > end) {
      throw new Error(`${what} did not come within ${within} ms; last: ${describe(last)}`);
    }
    await pause(20);
  }
}

/** @param {any} value */
function describe(value) {
  if (value instanceof Error) return value.message;
  return JSON.stringify(value)?.slice(0, 2000) ?? String(value);
}

module.exports = { pause, until };
