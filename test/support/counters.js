'use strict';

// Sharded counters in processes of their own (`counter.js`), and what became of their counts.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { Service, service } = require('./processes');
const { freePort } = require('./ports');
const { startRust } = require('./rust');
const { until } = require('./until');

const COUNTER = path.join(__dirname, 'counter.js');
const PIN = 'role:counter';
const SHARDS = 16_384;

class Counters {
  constructor() {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'seneca-gossip-'));
    /** @type {string[]} gossip addresses of all that were started */
    this.seeds = [];
  }

  /**
   * A counter with this entry of `listen`; with null a client.
   *
   * @param {Record<string, any> | null} listen
   * @param {Record<string, any>} [setup] of its process: the `version` of Seneca, and what `counter.js` takes
   */
  async start(listen, setup = {}) {
    const port = await freePort();
    const seeds = [...this.seeds];
    const name = `127.0.0.1:${port + 1}`;
    this.seeds.push(name);
    const options = {
      port,
      seeds,
      ...(listen && { listen: [{ pin: PIN, ...listen }] }),
      ...setup.options,
    };
    const all = { version: 'seneca', dir: this.dir, ...setup, options };
    const made = await service(all, COUNTER);
    return Object.assign(made, { name, port });
  }

  /** A counter in Rust (examples/counter.rs). */
  async startRust() {
    const port = await freePort();
    const args = ['--port', `${port}`, '--seeds', this.seeds.join(), '--dir', this.dir];
    const made = await startRust(args, [], 'counter');
    this.seeds.push(made.name);
    return made;
  }

  /**
   * Waits until these, and nobody else, are the owners to those in JavaScript, and each of those holds what it
   * is to own.
   *
   * @param {any[]} counters
   */
  async settled(...counters) {
    const names = JSON.stringify(counters.map((one) => one.name).sort());
    const asked = counters.filter((one) => one instanceof Service);
    await until(
      async () => {
        for (const one of asked) {
          const [view] = (await one.do('shards')).pins;
          const owners = view?.owners.map((/** @type {any} */ owner) => owner.name);
          if (JSON.stringify(owners) !== names) return false;
          const own = view.owners.find((/** @type {any} */ owner) => owner.self);
          if (own && own.shards !== view.held) return false;
        }
        return true;
      },
      { within: 30_000, what: 'all shards with their owners' },
    );
  }

  /** What all counters did, as they wrote it down, in order of time. */
  journal() {
    const logs = fs.readdirSync(this.dir).filter((name) => name.endsWith('.log'));
    const lines = logs.flatMap((name) =>
      fs.readFileSync(path.join(this.dir, name), 'utf8').split('\n'),
    );
    return lines
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
      .sort((a, b) => a.begun - b.begun);
  }

  /** Counts by a process that did not own the key, and those of a key by two at a time. */
  faults() {
    /** @type {Map<string, any[]>} */
    const byKey = new Map();
    const found = { strangers: 0, together: 0 };
    for (const line of this.journal()) {
      const before = byKey.get(line.id) ?? [];
      if (!line.owned) found.strangers++;
      if (before.some((one) => one.pid !== line.pid && one.ended > line.begun)) found.together++;
      byKey.set(line.id, [...before.filter((one) => one.ended > line.begun), line]);
    }
    return found;
  }

  clean() {
    fs.rmSync(this.dir, { recursive: true });
  }
}

/**
 * How many counts were given twice, or left out: each key is counted from 1.
 *
 * @param {Record<string, number[]>} numbers by key
 */
function miscounted(numbers) {
  return Object.values(numbers).filter((given) => {
    const sorted = [...given].sort((a, b) => a - b);
    return sorted.some((n, at) => n !== at + 1);
  }).length;
}

module.exports = { Counters, miscounted, PIN, SHARDS };
