'use strict';

// Waiting with an end.

/** How often it is looked whether something is done, ms. */
const LOOK = 10;

/**
 * Waits until something is done.
 *
 * @param {() => boolean} busy
 * @param {number} until by Date.now(), at most
 */
async function idle(busy, until) {
  while (busy() && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {number} ms
 * @returns {Promise<T | undefined>} undefined when it takes longer
 */
async function within(promise, ms) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  /** @type {Promise<undefined>} */
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

module.exports = { idle, within };
