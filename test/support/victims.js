'use strict';

// A small cluster to be attacked: two JavaScript nodes and a Rust one.

const assert = require('node:assert/strict');
const fs = require('node:fs');

const { Gossiper } = require('../..');
const { attack } = require('./attacker');
const { freePort } = require('./ports');
const { killAll, service } = require('./processes');
const { startRust } = require('./rust');
const { until } = require('./until');
const wire = require('./wire');

const MB = 1024 * 1024;
/** What a node may grow by under everything together. */
const GROWTH = 150 * MB;

/** @param {number} pid @returns {number | null} bytes, where the system tells */
function rss(pid) {
  try {
    const pages = fs.readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1];
    return Number(pages) * 4096;
  } catch {
    return null;
  }
}

/** @param {string} name */
function address(name) {
  const at = name.lastIndexOf(':');
  return { name, host: name.slice(0, at), port: Number(name.slice(at + 1)) };
}

/** What a member says of itself, without what changes by the moment. @param {any} member */
function said({ name, host, port, pins, patterns, meta, services, gossip }) {
  return { name, host, port, pins, patterns: [...patterns].sort(), meta, services, gossip };
}

/** Two JavaScript nodes and a Rust one. */
class Victims {
  /** Those of the `describe` that calls this: started before its tests, killed after them. */
  static here() {
    const victims = new Victims();
    before(async function () {
      this.timeout(600_000); // the Rust service may have to be built
      await victims.start();
    });
    after(async () => {
      await killAll();
      console.log(`      ${victims.growth()}`);
    });
    return victims;
  }

  async start() {
    this.port = await freePort();
    this.js = await service({
      version: 'seneca',
      options: { port: this.port, pin: 'role:api', meta: { zone: 'a' }, signals: false },
      add: [['role:api,cmd:add', 'sum']],
    });
    this.jsName = `127.0.0.1:${this.port + 1}`;
    const rustPort = await freePort();
    this.rust = await startRust(['--port', `${rustPort}`, '--seeds', this.jsName, '--no-call']);
    this.caller = await service({
      version: 'seneca',
      options: { seeds: [this.jsName, this.rust.name], signals: false },
    });
    const { name } = await this.caller.act('sys:gossip,get:status');
    this.real = [this.jsName, this.rust.name, name].sort();
    await until(async () => (await this.live(this.js)).length === 3, { what: 'the cluster' });
    this.own = said(await this.js.member(this.jsName));
    this.size = [this.js, this.rust].map(({ pid }) => rss(pid));
    this.grown = [0, 0];
    /** The gossip ports under attack. */
    this.targets = [
      { what: 'JavaScript', ...address(this.jsName) },
      { what: 'Rust', ...address(this.rust.name) },
    ];
    return this;
  }

  /** @param {any} node @returns {Promise<string[]>} names of those it holds for alive */
  async live(node) {
    const { members } = await node.act('sys:gossip,get:members');
    const alive = members.filter((/** @type {any} */ m) => m.status === 'alive');
    return alive.map((/** @type {any} */ m) => m.name).sort();
  }

  /** @returns {Promise<Record<string, number>>} */
  async drops() {
    const status = await this.js.act('sys:gossip,get:status');
    return status.counters.dropped;
  }

  /** Calls reach both, whatever else happens. */
  async answers() {
    const sum = await this.caller.act({ role: 'api', cmd: 'add', left: 2, right: 3 });
    assert.deepEqual(sum, { pid: this.js.pid, answer: 5 });
    const product = await this.caller.act({ role: 'api', cmd: 'mcl', left: 2, right: 3 });
    assert.deepEqual(product, { answer: 6 });
  }

  /** Somebody new, who knows only the one under attack, is in the cluster soon, and leaves it. */
  async admits(target) {
    const newcomer = new Gossiper({ port: 0, seeds: [target.name] });
    try {
      const { name } = await newcomer.start();
      // Others may come and go meanwhile: both targets are attacked at the same time.
      const all = [...this.real, name];
      const sees = (/** @type {string[]} */ live) => all.every((one) => live.includes(one));
      await until(() => sees(newcomer.livePeers()), {
        within: 40_000,
        what: `${all} in ${newcomer.name}`,
      });
      await until(async () => sees(await this.live(this.js)), {
        within: 40_000,
        what: `${name} in the node`,
      });
    } finally {
      await newcomer.leave();
    }
  }

  /** All that has to hold after anything. */
  async hold() {
    for (const node of [this.js, this.rust, this.caller]) {
      assert.equal(node.child.exitCode ?? node.child.signalCode, null, `ended: ${node.output()}`);
      assert.doesNotMatch(node.output(), /panicked|RangeError|TypeError/);
    }
    await this.answers();
    assert.deepEqual(said(await this.js.member(this.jsName)), this.own, 'its own state');
    for (const target of this.targets) await this.admits(target);
    for (const node of [this.js, this.caller]) {
      await until(async () => (await this.live(node)).join() === this.real.join(), {
        what: 'the real members only',
      });
    }
    await until(
      async () => {
        assert.deepEqual(said(await this.caller.member(this.jsName)), this.own);
        return true;
      },
      { what: 'what the others know of it' },
    );
    for (const [at, { what }] of this.targets.entries()) {
      const grown = (rss([this.js, this.rust][at].pid) ?? 0) - (this.size[at] ?? 0);
      assert.ok(grown < GROWTH, `the ${what} node grew by ${Math.round(grown / MB)} MB`);
      this.grown[at] = Math.max(this.grown[at], grown);
    }
  }

  /** @returns {Promise<Map<string, any>>} names, generations and addresses, which a liar can find out */
  async known() {
    const { members } = await this.js.act('sys:gossip,get:members');
    return new Map(members.map((/** @type {any} */ m) => [m.name, m]));
  }

  /**
   * Attacks both ports, and looks whether anything has come of it.
   *
   * @param {string[]} reasons for which something must have been dropped, and counted
   * @param {(attacker: import('./attacker').Attacker, target: any) => Promise<any>} run
   * @param {{ meanwhile?: boolean }} [how] do things have to hold already while the attacker is there?
   */
  async survive(reasons, run, { meanwhile = false } = {}) {
    const before = await this.drops();
    const [first, second] = this.targets;
    await attack(first, (one) =>
      attack(second, async (other) => {
        await Promise.all([run(one, first), run(other, second)]);
        if (meanwhile) await this.hold();
      }),
    );
    await this.hold();
    const after = await this.drops();
    for (const reason of reasons) {
      const [was, is] = [before[reason] ?? 0, after[reason] ?? 0];
      assert.ok(is > was, `${reason} is not counted: ${JSON.stringify(after)}`);
    }
  }

  /** What its nodes have grown by. */
  growth() {
    const [js, rust] = this.grown.map((bytes) => `${Math.round(bytes / MB)} MB`);
    return `the JavaScript node grew by ${js} at most, the Rust node by ${rust}`;
  }
}

/** One well-formed message of each kind. @param {string} from @param {string} to */
function examples(from, to) {
  const generation = Date.now();
  const accuse = { generation, incarnation: 3 };
  const claimed = wire.claim(from, generation, from, [['.k', '"v"']]);
  const listed = [{ id: to, generation, version: 7 }];
  return {
    ping: wire.ping({ from, to, nonce: 7n, accuse }),
    ack: wire.ack({ from, nonce: 7n, generation, accuse }),
    rumor: wire.rumor({ from, subject: to, generation }),
    gossip: wire.gossip({
      from,
      buckets: new Array(64).fill(1),
      digests: listed,
      deltas: [claimed],
    }),
    sync: wire.sync({ from, stage: 'finish', digests: listed, deltas: [claimed] }),
  };
}

module.exports = { MB, Victims, address, examples, rss, said };
