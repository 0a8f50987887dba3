'use strict';

const dgram = require('node:dgram');
const net = require('node:net');

/** Ports handed out in this process: two tests do not meet on one. */
const given = new Set();

/**
 * @param {number} port
 * @returns {Promise<void>} rejects when it is taken
 */
function tryTcp(port) {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => server.close(() => resolve()));
  });
}

/**
 * @param {number} port
 * @returns {Promise<void>}
 */
function tryUdp(port) {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket('udp4');
    socket.once('error', reject);
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve()));
  });
}

/**
 * A port that is free now, and its two successors, for TCP and UDP. Below the range
 * from which the system serves outgoing connections: none of them takes it meanwhile.
 *
 * @returns {Promise<number>}
 */
async function freePort() {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const three = [port, port + 1, port + 2];
    if (three.some((one) => given.has(one))) continue;
    try {
      for (const one of three) {
        await tryTcp(one);
        await tryUdp(one);
      }
    } catch {
      continue;
    }
    for (const one of three) given.add(one);
    return port;
  }
}

module.exports = { freePort };
