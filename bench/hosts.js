'use strict';

// How a benchmark between hosts runs, and ends.

const { Hosts } = require('../test/support/netns');
const { killAll } = require('../test/support/processes');

/**
 * Measures between hosts of its own. No process and no host is left, whatever happens.
 *
 * @param {number} count
 * @param {(hosts: Hosts) => Promise<any>} measure
 */
async function betweenHosts(count, measure) {
  const hosts = new Hosts(count);
  try {
    await measure(hosts);
  } finally {
    await killAll();
    hosts.remove();
  }
}

/**
 * Says in a line why something cannot be measured.
 *
 * @param {() => Promise<any>} main
 */
function start(main) {
  main().catch((err) => {
    console.error(err.message);
    process.exitCode = 1;
  });
}

module.exports = { betweenHosts, start };
