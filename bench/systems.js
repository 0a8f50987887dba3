'use strict';

// Seneca and moleculer as the benchmarks make them. They come from bench/node_modules: one and the
// same Seneca for all that use it.

const { createRequire } = require('node:module');
const path = require('node:path');

const require_ = createRequire(path.join(__dirname, 'package.json'));

/** @param {number} timeout ms */
function seneca(timeout) {
  return require_('seneca')({ log: 'silent', timeout });
}

/**
 * A node of moleculer with its own TCP transporter. It is told where the others are: seeds instead of
 * its multicast.
 *
 * @param {string} nodeID
 * @param {{ port: number, urls: string[] }} transport
 * @param {any} options of the broker
 */
function moleculer(nodeID, transport, options) {
  const { ServiceBroker } = require_('moleculer');
  return new ServiceBroker({
    nodeID,
    logger: false,
    transporter: { type: 'TCP', options: { udpDiscovery: false, ...transport } },
    ...options,
  });
}

module.exports = { moleculer, seneca };
