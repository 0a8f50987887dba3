'use strict';
// @ts-check

/** Opens a connection and reads its lines. */

const net = require('node:net');
const { LineReader } = require('./lines');
const { reason } = require('../message');

const KEEPALIVE = 10_000;

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
 * @param {{ host: string, port: number }} target
 * @param {{ connectTimeout: number, maxLine: number }} options
 * @param {Listeners} on
 */
function dial({ host, port }, { connectTimeout, maxLine }, on) {
  const socket = net.connect({ host, port, noDelay: true });
  // Keeps half-open connections from staying for ever.
  socket.setKeepAlive(true, KEEPALIVE);
  const reader = new LineReader(maxLine, on);
  /** @type {any} */
  let failure = null;
  const timer = setTimeout(() => {
    failure = new Error(`no connection within ${connectTimeout} ms`);
    socket.destroy();
  }, connectTimeout);
  socket.on('connect', () => {
    clearTimeout(timer);
    on.open();
  });
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
    on.closed(failure ? reason(failure) : 'closed by the other side');
  });
  return { socket, reader };
}

module.exports = { dial };
