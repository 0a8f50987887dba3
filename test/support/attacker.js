'use strict';

// Somebody on the network who does not keep to the rules: a UDP socket and TCP connections.

const dgram = require('node:dgram');
const { once } = require('node:events');
const net = require('node:net');

const wire = require('./wire');
const { pause, until } = require('./until');

/** Datagrams in a row before the receiver gets a breath: what does not fit its buffer is lost. */
const BURST = 64;

class Attacker {
  /** @param {{ host: string, port: number }} target its gossip address */
  constructor(target) {
    this.target = target;
    this.socket = dgram.createSocket('udp4');
    this.socket.on('error', () => {});
    /** @type {Buffer[]} what came back */
    this.heard = [];
    this.socket.on('message', (bytes) => this.heard.push(bytes));
    /** @type {Set<net.Socket>} */
    this.connections = new Set();
  }

  async open() {
    this.socket.bind(0, '127.0.0.1');
    await once(this.socket, 'listening');
    return this;
  }

  /** Our own address, as a member would name itself. */
  get name() {
    return `127.0.0.1:${this.socket.address().port}`;
  }

  /** @param {Buffer[]} datagrams */
  async send(...datagrams) {
    const { host, port } = this.target;
    for (const [at, bytes] of datagrams.entries()) {
      await new Promise((resolve) => this.socket.send(bytes, port, host, resolve));
      if (at % BURST === BURST - 1) await pause(1);
    }
  }

  /** A TCP connection. It ends with the attacker. */
  async connect() {
    const socket = net.connect(this.target.port, this.target.host);
    this.connections.add(socket);
    await new Promise((resolve) => {
      socket.on('error', () => {});
      socket.on('connect', resolve);
      socket.on('close', () => {
        this.connections.delete(socket);
        resolve(null);
      });
    });
    return socket;
  }

  /**
   * Sends bytes over a connection of their own, and waits until the other side says something or
   * ends it.
   *
   * @param {Buffer[]} pieces
   * @returns {Promise<Buffer | null>} null when it said nothing
   */
  async talk(...pieces) {
    const socket = await this.connect();
    const said = new Promise((resolve) => {
      socket.on('data', resolve);
      socket.on('close', () => resolve(null));
      if (socket.destroyed) resolve(null);
    });
    for (const piece of pieces) socket.write(piece);
    const first = await said;
    socket.destroy();
    return first;
  }

  /**
   * Tells lies over TCP, as somebody would who has joined: after a question.
   *
   * @param {string} from
   * @param {import('./wire').Delta[]} deltas
   */
  async tell(from, deltas) {
    const socket = await this.connect();
    const over = new Promise((resolve) => {
      socket.on('end', resolve);
      socket.on('close', resolve);
      if (socket.destroyed) resolve(null);
    });
    socket.resume();
    socket.write(wire.frame(wire.sync({ from, stage: 'ask' })));
    socket.write(wire.frame(wire.sync({ from, stage: 'finish', deltas })));
    await over;
    socket.destroy();
  }

  /**
   * Answers pings from now on, so that others take us for a node: every name that ends in our port.
   *
   * @param {() => number | bigint} generation
   * @param {string} [name]
   */
  answer(generation, name = this.name) {
    const id = wire.hash(name);
    this.socket.on('message', (bytes, from) => {
      const said = wire.decode(bytes);
      if (said.kind !== 'ping' || said.to !== id) return;
      const ack = wire.ack({ from: name, nonce: said.nonce, generation: generation() });
      this.socket.send(ack, from.port, from.address);
    });
  }

  /**
   * Waits for a message of a kind.
   *
   * @param {string} kind
   */
  hears(kind) {
    return until(() => this.heard.find((bytes) => wire.decode(bytes).kind === kind), {
      what: `a ${kind}`,
    });
  }

  close() {
    for (const socket of this.connections) socket.destroy();
    this.socket.close();
  }
}

/** A real member, in that it answers pings; what it says of itself is its own affair. */
class Liar extends Attacker {
  /** Becomes a member. @param {[string, string | Buffer | null][]} [entries] */
  async join(entries = []) {
    this.generation = Date.now();
    this.version = 0;
    this.answer(() => this.generation);
    const claim = wire.claim(this.name, this.generation, this.name, entries);
    this.version = 1 + entries.length;
    await this.tell(this.name, [claim]);
  }

  /** Says something of itself, to everybody at once. @param {[string, string | Buffer | null][]} entries */
  async say(entries) {
    const { name, generation, version } = this;
    this.version += entries.length;
    await this.tell(name, [{ name, generation, from: version, entries }]);
  }
}

/**
 * @template T
 * @param {{ host: string, port: number }} target
 * @param {(attacker: any) => Promise<T>} run
 * @param {typeof Attacker} [Kind]
 */
async function attack(target, run, Kind = Attacker) {
  const attacker = await new Kind(target).open();
  try {
    return await run(attacker);
  } finally {
    attacker.close();
  }
}

module.exports = { Attacker, Liar, attack };
