'use strict';

// Option `allow`: networks whose nodes may connect, on both ports. The core checks the gossip
// port by the same list.

const net = require('node:net');

const { refuse } = require('./check');

const EXPECTED = "networks, such as '10.0.0.0/8', 'fd00::/8' or '192.168.1.5'";

/**
 * @param {any} given
 * @returns {string[]}
 */
function allowOption(given) {
  const list = typeof given === 'string' ? [given] : given;
  if (!Array.isArray(list) || list.length === 0) refuse('allow', `an array of ${EXPECTED}`, given);
  list.forEach((entry, at) => {
    if (!isNetwork(entry)) refuse(`allow[${at}]`, `one of ${EXPECTED}`, entry);
  });
  return [...list];
}

/** @param {any} entry */
function isNetwork(entry) {
  if (typeof entry !== 'string') return false;
  const [, address, prefix] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const family = address === undefined ? 0 : net.isIP(address);
  // One that is mapped has to be written as what it is, as its prefix would count other bits.
  if (family === 0 || plain(address) !== address) return false;
  return prefix === undefined || Number(prefix) <= (family === 4 ? 32 : 128);
}

/**
 * An IPv4 address that comes through an IPv6 socket counts as IPv4.
 *
 * @param {string} address
 */
function plain(address) {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  return mapped ?? address.replace(/%.*$/, '');
}

/**
 * The check of an address, whose form is that of `socket.remoteAddress`.
 *
 * @param {string[]} networks as checked above; none: everybody may connect
 * @returns {(address: string | undefined) => boolean}
 */
function admission(networks) {
  if (networks.length === 0) return () => true;
  const list = new net.BlockList();
  for (const network of networks) {
    const [address, prefix] = network.split('/');
    const family = net.isIPv4(address) ? 'ipv4' : 'ipv6';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return (given) => {
    // Of a connection that is gone already.
    if (given === undefined) return false;
    const address = plain(given);
    return list.check(address, net.isIPv4(address) ? 'ipv4' : 'ipv6');
  };
}

module.exports = { admission, allowOption };
