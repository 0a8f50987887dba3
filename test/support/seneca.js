'use strict';

// Seneca instances in this process, on both versions that the plugin supports.

const gossip = require('../..');

/** Module names of the versions under test. */
const VERSIONS = ['seneca', 'seneca-rc'];

/** @type {Set<any>} */
const open = new Set();

/**
 * An instance without the plugin.
 *
 * @param {string} version
 * @param {Record<string, any>} [options]
 */
function plain(version, options) {
  const seneca = require(version)({ log: 'silent', ...options });
  open.add(seneca);
  return seneca;
}

/**
 * An instance with the plugin, ready.
 *
 * @param {string} version
 * @param {Record<string, any>} options of the plugin
 * @param {(seneca: any) => void} [prepare] adds actions
 */
async function node(version, options, prepare) {
  const seneca = plain(version);
  prepare?.(seneca);
  seneca.use(gossip, { signals: false, ...options });
  await ready(seneca);
  return seneca;
}

/** @param {any} seneca */
const ready = (seneca) => new Promise((resolve) => seneca.ready(resolve));

/**
 * @param {any} seneca
 * @param {any} msg
 * @returns {Promise<any>}
 */
function act(seneca, msg) {
  return new Promise((resolve, reject) => {
    seneca.act(msg, (/** @type {any} */ err, /** @type {any} */ out) =>
      err ? reject(err) : resolve(out),
    );
  });
}

/** Closes every instance of a test. */
async function closeAll() {
  const closing = [...open].map((seneca) => new Promise((resolve) => seneca.close(resolve)));
  open.clear();
  await Promise.all(closing);
}

module.exports = { VERSIONS, act, closeAll, gossip, node, plain, ready };
