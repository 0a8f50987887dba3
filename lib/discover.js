'use strict';

// How nodes on one network find each other without seeds: by multicast. Off unless it is asked for.

const net = require('node:net');

const { bindHost } = require('./addresses');
const { integer, isObject, onlyKnown, refuse } = require('./check');

/**
 * Settings of multicast; what is left out has the core's defaults.
 *
 * @typedef {object} Discover
 * @property {string} [group]
 * @property {number} [port]
 * @property {string} [interface] its address
 */

/**
 * @param {any} given
 * @returns {Discover | null} null: not asked for
 */
function discoverOption(given) {
  if (given === undefined || given === null) return null;
  if (given === 'multicast') return {};
  if (!isObject(given)) refuse('discover', "'multicast', or { multicast: { ... } }", given);
  onlyKnown(given, ['multicast'], 'discover.');
  const { multicast } = given;
  if (multicast === true) return {};
  if (!isObject(multicast)) {
    refuse('discover.multicast', 'true, or an object with group, port or interface', multicast);
  }
  const prefix = 'discover.multicast.';
  onlyKnown(multicast, ['group', 'port', 'interface'], prefix);
  /** @type {Discover} */
  const all = {};
  if (multicast.group != null) {
    const first = net.isIPv4(multicast.group) ? Number(multicast.group.split('.')[0]) : 0;
    if (first < 224 || first > 239) {
      const expected = 'a multicast address of IPv4, 224.0.0.0 to 239.255.255.255';
      refuse(`${prefix}group`, expected, multicast.group);
    }
    all.group = multicast.group;
  }
  if (multicast.port != null) {
    all.port = integer(multicast.port, `${prefix}port`, 1, 65_535, 'a port');
  }
  if (multicast.interface != null) {
    const option = `${prefix}interface`;
    const host = bindHost(multicast.interface, option, 'an IPv4 address of this machine');
    if (!net.isIPv4(host)) {
      refuse(option, "an interface with an IPv4 address, or such an address ('@eth0')", host);
    }
    all.interface = host;
  }
  return all;
}

module.exports = { discoverOption };
