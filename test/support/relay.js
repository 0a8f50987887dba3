// @ts-check
'use strict';

// A long line between nodes, as between two sites: mapped ports that hold what they pass on.

const assert = require('node:assert/strict');

const { mapPort } = require('./mapping');
const { freePort } = require('./ports');

/**
 * Numbers from 0 to below 1, the same ones for a seed (mulberry32).
 *
 * @param {number} seed
 */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Who sealed a datagram, and its number among those of that node: `session` and `count` of docs/protocol.md.
 *
 * @param {Buffer} bytes
 */
function sealed(bytes) {
  assert.equal(bytes[0], 0x81, 'gossip without a seal');
  return { session: bytes.toString('hex', 9, 17), count: bytes.readUIntLE(23, 6) };
}

/**
 * Holds every datagram of sealed gossip for `ms`, more or less by up to `jitter`, so that they overtake each other, and
 * what comes by TCP for `ms`, in order. Nothing is lost and nothing comes twice. How long the next datagram is held comes
 * out of `seed`; which one is next depends on the nodes.
 */
class Relay {
  /** @param {{ ms: number, jitter: number, seed: number }} how */
  constructor({ ms, jitter, seed }) {
    const next = random(seed);
    /** `overtaken`: came to a socket behind one that the same node had sealed later. */
    this.counts = { datagrams: 0, overtaken: 0 };
    /** @type {{ close: () => void }[]} */
    this.mappings = [];
    /** @type {Set<NodeJS.Timeout>} */
    this.timers = new Set();
    /** @type {Map<string, number>} the highest number so far */
    const passed = new Map();
    /** @type {import('./mapping').Line} */
    this.line = {
      datagram: (pass, bytes, to) => {
        const { session, count } = sealed(bytes);
        const flow = `${session} ${to}`;
        this._later(ms - jitter + 2 * jitter * next(), () => {
          const highest = passed.get(flow) ?? 0;
          this.counts.datagrams += 1;
          if (count < highest) this.counts.overtaken += 1;
          passed.set(flow, Math.max(highest, count));
          pass();
        });
      },
      // Timers of equal length end in the order in which they began.
      chunk: (pass) => this._later(ms, pass),
    };
  }

  /**
   * @param {number} ms
   * @param {() => void} pass
   */
  _later(ms, pass) {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      pass();
    }, ms);
    this.timers.add(timer);
  }

  /**
   * Ports that lead to a port and its successor.
   *
   * @param {number} port
   * @returns {Promise<number>} the first of the two
   */
  async lead(port) {
    const outer = await freePort();
    for (const at of [0, 1]) this.mappings.push(await mapPort(outer + at, port + at, this.line));
    return outer;
  }

  close() {
    for (const timer of this.timers) clearTimeout(timer);
    for (const mapping of this.mappings) mapping.close();
  }
}

module.exports = { Relay };
