'use strict';
// @ts-check

/** How often to look, ms. */
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

module.exports = { idle };
