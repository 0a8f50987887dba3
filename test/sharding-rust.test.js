'use strict';

// A sharded pin whose owners are processes in JavaScript and in Rust: they agree on who owns what,
// and hand over to each other.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { killAll, service } = require('./support/processes');
const { freePort } = require('./support/ports');
const { rustService, startRust } = require('./support/rust');
const { pause, until } = require('./support/until');

const COUNTER = path.join(__dirname, 'support/counter.js');
const PIN = 'role:counter';

describe('sharding among JavaScript and Rust', function () {
  this.timeout(90_000);
  this.slow(40_000);

  /** @type {string} */
  let dir;
  /** @type {string[]} */
  let seeds;

  before(async function () {
    this.timeout(600_000);
    await rustService({ example: 'counter' });
  });

  beforeEach(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'seneca-gossip-'));
    seeds = [];
  });

  afterEach(async () => {
    await killAll();
    fs.rmSync(dir, { recursive: true });
  });

  /** A process of JavaScript: one that counts, or one that only calls. */
  async function startJs({ counts = true, version = 'seneca' } = {}) {
    const port = await freePort();
    const name = `127.0.0.1:${port + 1}`;
    const options = {
      port,
      seeds: [...seeds],
      ...(counts && { listen: [{ pin: PIN, shard: 'id' }] }),
    };
    seeds.push(name);
    return Object.assign(await service({ version, options, dir }, COUNTER), { name });
  }

  /** A process of Rust that counts. */
  async function startCounter() {
    const port = await freePort();
    const made = await startRust(
      ['--port', `${port}`, '--seeds', seeds.join(), '--dir', dir],
      [],
      'counter',
    );
    seeds.push(made.name);
    return made;
  }

  /**
   * Waits until a JavaScript counter sees these, and nobody else, as owners.
   *
   * @param {any} js
   * @param {any[]} counters
   */
  async function settled(js, ...counters) {
    const names = counters.map((one) => one.name).sort();
    await until(
      async () => {
        const [view] = (await js.do('shards')).pins;
        return JSON.stringify(view?.owners.map((one) => one.name)) === JSON.stringify(names);
      },
      { within: 30_000, what: 'the owners' },
    );
  }

  it('all name the same owner for each key, and it alone counts', async () => {
    const js = await startJs();
    const rust = await startCounter();
    const other = await startJs({ version: 'seneca-rc' });
    const second = await startCounter();
    const all = [js, rust, other, second];
    await settled(js, ...all);
    const client = await startJs({ counts: false });
    const byRust = (id, pid) => client.act({ role: 'owner', pid, id });
    const ids = Array.from({ length: 200 }, (_, n) => (n % 2 ? `user ${n}` : n));
    const pids = new Set();
    for (const id of ids) {
      const { owner } = await js.act({ sys: 'gossip', get: 'owner', pin: PIN, key: id });
      for (const one of [rust, second]) {
        await until(async () => (await byRust(id, one.pid)).owner === owner, {
          what: `${owner} as the owner of ${id} for ${one.name}`,
        });
      }
      const out = await client.act({ role: 'counter', cmd: 'add', id });
      assert.equal(out.n, 1, `${id}`);
      assert.equal(out.pid, all.find(({ name }) => name === owner).pid, `${id}`);
      pids.add(out.pid);
    }
    assert.equal(pids.size, 4);
  });

  it('some join and some leave under load: nothing fails, and every count is right', async () => {
    const js = await startJs();
    const rust = await startCounter();
    await settled(js, js, rust);
    const client = await startJs({ counts: false });
    await client.do('load', { rate: 300, keys: 1000 });
    await pause(2000);
    const second = await startCounter();
    const other = await startJs();
    await settled(js, js, rust, second, other);
    await pause(1000);
    rust.kill('SIGTERM');
    assert.deepEqual((await rust.ended).code, 0, rust.output());
    await pause(500);
    js.kill('SIGTERM');
    await js.ended;
    await settled(other, other, second);
    await pause(1000);
    const seen = await client.do('unload');
    assert.deepEqual(seen.codes, {});
    assert.ok(seen.calls > 1500, `${seen.calls} calls`);
    // Who counts from a wrong number gives one twice, or leaves one out.
    for (const [id, numbers] of Object.entries(seen.numbers)) {
      const sorted = numbers.sort((a, b) => a - b);
      const wanted = Array.from(sorted, (_, at) => at + 1);
      assert.deepEqual(sorted, wanted, id);
    }
  });
});
