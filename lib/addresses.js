'use strict';

// Where a node binds, and under what others reach it: hosts, interfaces by name, ports of a mapping.

const net = require('node:net');

const { integer, isObject, onlyKnown, refuse, show, text } = require('./check');
const { core } = require('./native');
const { GossipError } = require('./refusal');

/** What `advertise` is. */
const HOST = "a host name or address, without port, or an interface such as '@eth0'";
const FORMS = `${HOST}; or an object with 'host', and with ports where a mapping changes them`;

/**
 * A host, or the address that an interface has now.
 *
 * @param {string} host
 * @param {string} option
 */
function resolved(host, option) {
  if (!host.startsWith('@')) return host;
  try {
    return core.interfaceAddress(host.slice(1));
  } catch (/** @type {any} */ err) {
    const details = { option };
    throw new GossipError(
      'gossip_option',
      `option '${option}' is ${show(host)}: ${err.message}`,
      details,
    );
  }
}

/**
 * An address to bind to.
 *
 * @param {any} given
 * @param {string} option
 * @param {string} [what]
 */
function bindHost(given, option, what = 'an address to bind to') {
  return resolved(text(given, option, `${what}, or an interface such as '@eth0'`), option);
}

/**
 * A host that others can reach.
 *
 * @param {any} given
 * @param {string} option
 * @param {string} what
 */
function outerHost(given, option, what) {
  const host = resolved(text(given, option, what), option);
  const isHost = /^[^:\s/[\]]+$/.test(host) || net.isIPv6(host.replace(/^\[(.*)\]$/, '$1'));
  if (!isHost) refuse(option, what, host);
  if (host === '0.0.0.0' || host === '::' || host === '[::]') {
    refuse(option, 'an address that others can reach', host);
  }
  return host;
}

/**
 * Under what others reach a node: what is not said is as it is bound.
 *
 * @typedef {object} Advertise
 * @property {string} [host]
 * @property {number} [port] of the call port
 * @property {number} [gossipPort]
 */

/**
 * @param {any} given a host, or an object
 * @param {string[]} names what an object may have
 * @returns {Advertise}
 */
function advertiseOption(given, names) {
  if (given === undefined || given === null) return {};
  if (!isObject(given)) return { host: outerHost(given, 'advertise', FORMS) };
  onlyKnown(given, names, 'advertise.');
  /** @type {Advertise} */
  const all = {};
  if (given.host != null) all.host = outerHost(given.host, 'advertise.host', HOST);
  for (const name of /** @type {const} */ (['port', 'gossipPort'])) {
    if (given[name] == null) continue;
    all[name] = integer(given[name], `advertise.${name}`, 1, 65_535, 'a port');
  }
  return all;
}

module.exports = { advertiseOption, bindHost };
