'use strict';
// @ts-check

/**
 * The option `tls`: what node:tls is given for the call port and for calls.
 *
 * The authority `ca` is the cluster's own: whoever has a certificate of it is a member. So both sides show one, and it
 * is the authority that is checked, not a name: members are reached by address. `servername` has the name checked as well.
 */

const { constants } = require('node:crypto');
const tls = require('node:tls');

const { flag, isObject, onlyKnown, refuse, text } = require('./check');

const NAMES = [
  'ca',
  'cert',
  'key',
  'passphrase',
  'crl',
  'servername',
  'minVersion',
  'maxVersion',
  'ciphers',
  'requestCert',
  'plain',
];
/** What a secure context is made of. */
const CONTEXT = ['ca', 'cert', 'key', 'passphrase', 'crl', 'minVersion', 'maxVersion', 'ciphers'];
/** How long a handshake may take, ms. */
const HANDSHAKE = 5000;

/**
 * @typedef {object} Tls
 * @property {import('node:tls').TlsOptions} server for what arrives
 * @property {import('node:tls').ConnectionOptions} client for what is called
 * @property {boolean} plain are nodes without TLS served and called as well?
 */

/**
 * @param {any} given
 * @returns {Tls}
 */
function tlsOption(given) {
  if (!isObject(given)) refuse('tls', 'an object with ca, cert and key');
  onlyKnown(given, NAMES, 'tls.');
  given = { ...given };
  // Hidden from Seneca's logs.
  for (const name of ['key', 'passphrase']) {
    if (typeof given[name] === 'function') given[name] = given[name]();
  }
  for (const name of ['ca', 'cert', 'key']) {
    if (!isPem(given[name])) {
      // Not shown: it may be a key.
      refuse(
        `tls.${name}`,
        'PEM, the contents of a file: a string, a Buffer, or an array of these',
      );
    }
  }
  const requestCert = flag(given.requestCert ?? true, 'tls.requestCert');
  const plain = flag(given.plain ?? false, 'tls.plain');
  const name = given.servername;
  if (name !== undefined)
    text(name, 'tls.servername', "a name that all members' certificates have");
  /** @type {import('node:tls').SecureContextOptions} */
  const parts = { minVersion: 'TLSv1.2' };
  for (const part of CONTEXT) {
    if (given[part] !== undefined) parts[/** @type {'ca'} */ (part)] = given[part];
  }
  let secureContext;
  try {
    secureContext = tls.createSecureContext(parts);
  } catch (/** @type {any} */ err) {
    refuse('tls', `what node:tls accepts (${err.message})`);
  }
  return {
    server: {
      ...parts,
      requestCert,
      // Looked at after the handshake, so that whoever is refused can be told why.
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE,
      // No tickets: connections last, and who was refused has nothing to come back with.
      secureOptions: constants.SSL_OP_NO_TICKET,
    },
    client: {
      secureContext,
      rejectUnauthorized: true,
      ...(name === undefined ? { checkServerIdentity: () => undefined } : { servername: name }),
    },
    plain,
  };
}

/**
 * Node.js takes any text for authorities, the name of a file as well, and then trusts nobody.
 *
 * @param {any} value
 */
function isPem(value) {
  if (Array.isArray(value)) return value.length > 0 && value.every(isPem);
  return (Buffer.isBuffer(value) || typeof value === 'string') && value.includes('-----BEGIN ');
}

module.exports = { HANDSHAKE, tlsOption };
