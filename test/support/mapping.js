// @ts-check
'use strict';

// A port mapping, as of a container or a router: what arrives at one port goes to another one, TCP
// and UDP, and the answers come back from the outer port.

const dgram = require('node:dgram');
const net = require('node:net');

/** Of both ports. */
const HOST = '127.0.0.1';

/**
 * What lies between the two ports: it passes on what arrives, when it sees fit.
 *
 * @typedef {object} Line
 * @property {(pass: () => void, bytes: Buffer, to: string) => void} datagram `to` says which socket will get it
 * @property {(pass: () => void) => void} chunk of a TCP connection, or its end: in the order in which they came
 */

/** @type {Line} */
const AT_ONCE = { datagram: (pass) => pass(), chunk: (pass) => pass() };

/**
 * @param {number} from outer port
 * @param {number} to inner port
 * @param {Line} [line]
 */
async function mapPort(from, to, line = AT_ONCE) {
  const counts = { connections: 0, datagrams: 0 };
  let open = true;
  /** @type {Set<net.Socket>} */
  const sockets = new Set();
  const carry = (/** @type {net.Socket} */ source, /** @type {net.Socket} */ sink) => {
    sockets.add(source);
    source.on('data', (bytes) => line.chunk(() => sink.writable && sink.write(bytes)));
    source.once('end', () => line.chunk(() => sink.end()));
    source.on('error', () => line.chunk(() => sink.destroy()));
    source.once('close', () => sockets.delete(source));
  };
  // Half open: with an end on its way in one direction, answers may be on theirs in the other.
  const tcp = net.createServer({ allowHalfOpen: true }, (outer) => {
    counts.connections += 1;
    const inner = net.connect({ port: to, host: HOST, allowHalfOpen: true });
    carry(outer, inner);
    carry(inner, outer);
  });
  const udp = dgram.createSocket('udp4');
  /** @type {Map<string, dgram.Socket>} a socket of its own for each sender, so that answers find back */
  const inner = new Map();
  // What is held may be due when the mapping is closed.
  const datagram = (
    /** @type {Buffer} */ bytes,
    /** @type {string} */ to,
    /** @type {() => void} */ pass,
  ) => line.datagram(() => open && pass(), bytes, to);
  udp.on('message', (bytes, sender) => {
    counts.datagrams += 1;
    const key = `${sender.address}:${sender.port}`;
    let socket = inner.get(key);
    if (!socket) {
      const made = dgram.createSocket('udp4');
      socket = made;
      inner.set(key, made);
      made.on('error', () => {});
      made.on('message', (answer) =>
        datagram(answer, key, () => udp.send(answer, sender.port, sender.address)),
      );
    }
    const known = socket;
    datagram(bytes, `${HOST}:${to}`, () => known.send(bytes, to, HOST));
  });
  await new Promise((resolve) => tcp.listen(from, HOST, () => resolve(null)));
  await new Promise((resolve) => udp.bind(from, HOST, () => resolve(null)));
  return {
    counts,
    close() {
      open = false;
      tcp.close();
      udp.close();
      for (const socket of sockets) socket.destroy();
      for (const socket of inner.values()) socket.close();
    },
  };
}

module.exports = { mapPort };
