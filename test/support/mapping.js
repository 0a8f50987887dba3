'use strict';

// A port mapping, as of a container or a router: what arrives at one port goes to another one, TCP
// and UDP, and the answers come back from the outer port.

const dgram = require('node:dgram');
const net = require('node:net');

/**
 * @param {number} from outer port
 * @param {number} to inner port
 * @param {string} host of both
 */
async function mapPort(from, to, host = '127.0.0.1') {
  const counts = { connections: 0, datagrams: 0 };
  /** @type {Set<net.Socket>} */
  const sockets = new Set();
  const keep = (/** @type {net.Socket} */ socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  };
  const tcp = net.createServer((outer) => {
    counts.connections += 1;
    const inner = net.connect(to, host);
    keep(outer);
    keep(inner);
    outer.pipe(inner).pipe(outer);
    outer.once('close', () => inner.destroy());
    inner.once('close', () => outer.destroy());
  });
  const udp = dgram.createSocket('udp4');
  /** @type {Map<string, dgram.Socket>} a socket of its own for each sender, so that answers find back */
  const inner = new Map();
  udp.on('message', (bytes, sender) => {
    counts.datagrams += 1;
    const key = `${sender.address}:${sender.port}`;
    let socket = inner.get(key);
    if (!socket) {
      const made = dgram.createSocket('udp4');
      socket = made;
      inner.set(key, made);
      made.on('error', () => {});
      made.on('message', (answer) => udp.send(answer, sender.port, sender.address));
    }
    socket.send(bytes, to, host);
  });
  await new Promise((resolve) => tcp.listen(from, host, () => resolve(null)));
  await new Promise((resolve) => udp.bind(from, host, () => resolve(null)));
  return {
    counts,
    close() {
      tcp.close();
      udp.close();
      for (const socket of sockets) socket.destroy();
      for (const socket of inner.values()) socket.close();
    },
  };
}

module.exports = { mapPort };
