'use strict';

// A sharded pin whose owners are processes in JavaScript and in Rust: they agree on who owns what,
// and hand over to each other.

const assert = require('node:assert/strict');

const { Counters, miscounted, PIN } = require('./support/counters');
const { killAll } = require('./support/processes');
const { rustService } = require('./support/rust');
const { pause, until } = require('./support/until');

describe('sharding among JavaScript and Rust', function () {
  this.timeout(90_000);
  this.slow(40_000);

  /** @type {Counters} */
  let all;

  before(async function () {
    this.timeout(600_000);
    await rustService({ example: 'counter' });
  });

  beforeEach(() => {
    all = new Counters();
  });

  afterEach(async () => {
    await killAll();
    all.clean();
  });

  it('all name the same owner for each key, and it alone counts', async () => {
    const counters = [
      await all.start({ shard: 'id' }),
      await all.startRust(),
      await all.start({ shard: 'id' }, { version: 'seneca-rc' }),
      await all.startRust(),
    ];
    const [js, rust, , second] = counters;
    await all.settled(...counters);
    const client = await all.start(null);
    const ids = Array.from({ length: 200 }, (_, n) => (n % 2 ? `user ${n}` : n));
    const pids = new Set();
    for (const id of ids) {
      const { owner } = await js.act({ sys: 'gossip', get: 'owner', pin: PIN, key: id });
      for (const { name, pid } of [rust, second]) {
        await until(async () => (await client.act({ role: 'owner', pid, id })).owner === owner, {
          what: `${owner} as the owner of ${id} for ${name}`,
        });
      }
      const out = await client.act({ role: 'counter', cmd: 'add', id });
      assert.equal(out.n, 1, `${id}`);
      assert.equal(out.pid, counters.find(({ name }) => name === owner)?.pid, `${id}`);
      pids.add(out.pid);
    }
    assert.equal(pids.size, 4);
  });

  it('some join and some leave under load: nothing fails, and every count is right', async () => {
    const js = await all.start({ shard: 'id' });
    const rust = await all.startRust();
    await all.settled(js, rust);
    const client = await all.start(null);
    await client.do('load', { rate: 300, keys: 1000 });
    await pause(2000);
    const second = await all.startRust();
    const other = await all.start({ shard: 'id' });
    await all.settled(js, rust, second, other);
    await pause(1000);
    rust.kill('SIGTERM');
    assert.equal((await rust.ended).code, 0, rust.output());
    await pause(500);
    js.kill('SIGTERM');
    await js.ended;
    await all.settled(other, second);
    await pause(1000);
    const seen = await client.do('unload');
    assert.deepEqual(seen.codes, {});
    assert.ok(seen.calls > 1500, `${seen.calls} calls`);
    assert.equal(miscounted(seen.numbers), 0);
  });
});
