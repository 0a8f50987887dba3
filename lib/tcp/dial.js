'use strict';
// @ts-check

/** Opens a connection, with or without TLS, and reads its lines. */

const net = require('node:net');
const tls = require('node:tls');
const { LineReader } = require('./lines');
const { Word } = require('./terms');
const { reason } = require('../message');

const KEEPALIVE = 10_000;
/** Whoever answers a handshake with something else. */
const NO_TLS = /wrong version number|packet length too long|record layer failure/i;
/** What a listener says in TLS itself that refuses a certificate within the handshake, as a service in Rust does. */
const ALERT =
  /\balert ((?:unknown|bad|unsupported) \w+|certificate \w+|access denied|decrypt error)/i;

/**
 * @typedef {object} Listeners
 * @property {() => void} open
 * @property {() => void} heard bytes arrived
 * @property {(text: string) => void} line
 * @property {(prefix: string) => void} tooLong a line above the limit was skipped
 * @property {() => void} drained there is room for more
 * @property {(why: string) => void} closed once, also if it never opened
 */

/**
 * @param {import('./terms').Target} target
 * @param {{ connectTimeout: number, maxLine: number, tls?: import('node:tls').ConnectionOptions }} options
 * @param {Listeners} on
 */
function dial({ host, port, secure }, { connectTimeout, maxLine, tls: options }, on) {
  const socket = secure ? tls.connect({ ...options, host, port }) : net.connect({ host, port });
  socket.setNoDelay(true);
  // Keeps half-open connections from staying for ever.
  socket.setKeepAlive(true, KEEPALIVE);
  const open = () => {
    clearTimeout(timer);
    opened = true;
    on.open();
  };
  let opened = false;
  const line = (/** @type {string} */ text) => {
    if (opened) on.line(text);
    else if (text === Word.HI) open();
    else socket.destroy(new Error(refusalOf(text)));
  };
  const reader = new LineReader(maxLine, { line, tooLong: on.tooLong });
  /** @type {any} */
  let failure = null;
  const timer = setTimeout(() => {
    failure = new Error(`no connection within ${connectTimeout} ms`);
    socket.destroy();
  }, connectTimeout);
  if (!secure) socket.on('connect', open);
  socket.on('data', (chunk) => {
    on.heard();
    reader.push(/** @type {any} */ (chunk));
  });
  socket.on('drain', on.drained);
  socket.on('error', (err) => {
    failure = err;
  });
  // The other side sends no more, so no reply will come.
  socket.on('end', () => socket.destroy());
  socket.on('close', () => {
    clearTimeout(timer);
    on.closed(whyClosed(socket, failure));
  });
  return { socket, reader };
}

/**
 * What it means that a listener with TLS says something else first.
 *
 * @param {string} text
 */
function refusalOf(text) {
  try {
    const { kind, why } = JSON.parse(text);
    if (kind === Word.NO && typeof why === 'string') return `it refuses us: ${why.slice(0, 300)}`;
  } catch {
    // Told below.
  }
  return 'it does not speak as a node with TLS does';
}

/**
 * @param {any} socket
 * @param {any} failure
 */
function whyClosed(socket, failure) {
  if (failure === null) return 'closed by the other side';
  const why = reason(failure);
  if (NO_TLS.test(why)) return 'it does not speak TLS';
  const alert = ALERT.exec(why);
  if (alert) return `it refuses us: our certificate is not accepted (${alert[1]})`;
  return socket.authorizationError ? `its certificate is not accepted: ${why}` : why;
}

module.exports = { dial };
