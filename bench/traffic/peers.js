'use strict';

// The stages of `test/support/traffic.js` for other systems. Where they are is configured: they know
// all ports from the start.

const path = require('node:path');

const { freePort } = require('../../test/support/ports');
const { service } = require('../../test/support/processes');

const FILE = path.join(__dirname, 'peer.js');

/** @param {'moleculer' | 'stock tcp'} system */
function peer(system) {
  /** @type {number[]} */
  let ports = [];
  /** @param {any} more */
  const start = (more) => service({ system, ports, ...more }, FILE);
  return {
    /** @param {number} count */
    async services(count) {
      // The last one is the caller's.
      ports = await Promise.all(Array.from({ length: count + 1 }, freePort));
      const started = [];
      for (const port of ports.slice(0, count)) started.push(await start({ port }));
      return started;
    },

    /** @param {{ timeout?: number, retry?: number }} options */
    async client(options) {
      const client = await start({ port: ports.at(-1), calls: true, ...options });
      return {
        load: (/** @type {any} */ how) => client.do('load', how),
        unload: () => client.do('unload'),
      };
    },
  };
}

module.exports = { peer };
