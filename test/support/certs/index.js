'use strict';

// Certificates for tests of TLS; `make.sh` has made them.

const fs = require('node:fs');
const path = require('node:path');

const file = (/** @type {string} */ name) => path.join(__dirname, name);
const read = (/** @type {string} */ name) => fs.readFileSync(file(name), 'utf8');

const MEMBER = { ca: read('ca.pem'), cert: read('node.pem'), key: read('node.key') };
/** Knows the right authority, but has its certificate from another one. */
const STRANGER = { ...MEMBER, cert: read('stranger.pem'), key: read('stranger.key') };

/**
 * What the service in Rust is told.
 *
 * @param {string} [who]
 */
const rustArgs = (who = 'node') => [
  ...['--tls-ca', file('ca.pem'), '--tls-cert', file(`${who}.pem`)],
  ...['--tls-key', file(`${who}.key`)],
];

module.exports = { file, MEMBER, rustArgs, STRANGER };
