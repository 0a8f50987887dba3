'use strict';

// Sharded pins with real processes: every key has one node that answers for it, and nothing is lost
// when nodes come and go. bench/sharding.js measures the same with more calls.

const assert = require('node:assert/strict');

const { Counters, miscounted, PIN } = require('./support/counters');
const { killAll, refused } = require('./support/processes');
const { rawConnection, request } = require('./tcp/kit');
const { freePort } = require('./support/ports');
const { pause, until } = require('./support/until');

describe('sharding', function () {
  this.timeout(90_000);
  this.slow(40_000);

  /** @type {Counters} */
  let all;

  beforeEach(() => {
    all = new Counters();
  });

  afterEach(async () => {
    await killAll();
    all.clean();
  });

  it('a node joins and another leaves under load: nothing fails, and every count is right', async () => {
    const one = await all.start({ shard: 'id' });
    const two = await all.start({ shard: 'id' });
    await all.settled(one, two);
    const client = await all.start(null);
    await client.do('load', { rate: 300, keys: 1000 });
    await pause(1500);
    const three = await all.start({ shard: 'id' });
    await all.settled(one, two, three);
    await pause(1000);
    one.kill('SIGTERM');
    await one.ended;
    await all.settled(two, three);
    await pause(1000);
    const seen = await client.do('unload');
    assert.deepEqual(seen.codes, {});
    assert.equal(miscounted(seen.numbers), 0);
    assert.deepEqual(all.faults(), { strangers: 0, together: 0 });
    const journal = all.journal();
    assert.equal(journal.length, seen.calls);
    assert.equal(new Set(journal.map((line) => line.pid)).size, 3, 'all three have counted');
  });

  it('kill -9 of an owner: with retry no call fails', async () => {
    const [one, two, three] = [
      await all.start({ shard: 'id', retry: 1 }),
      await all.start({ shard: 'id', retry: 1 }),
      await all.start({ shard: 'id', retry: 1 }),
    ];
    await all.settled(one, two, three);
    const client = await all.start(null);
    await client.do('load', { rate: 300, keys: 1000 });
    await pause(1000);
    two.kill();
    await all.settled(one, three);
    await pause(500);
    const seen = await client.do('unload');
    assert.deepEqual(seen.codes, {});
    assert.deepEqual(all.faults(), { strangers: 0, together: 0 });
    assert.ok(seen.slowest < 10_000, `${seen.slowest} ms`);
  });

  it('a call by a node that serves the pin goes to the owner of its key all the same', async () => {
    const one = await all.start({ shard: 'id' });
    const two = await all.start({ shard: 'id' }, { version: 'seneca-rc' });
    await all.settled(one, two);
    const owners = new Set();
    for (let id = 0; id < 40; id++) {
      const { owner } = await one.act({ sys: 'gossip', get: 'owner', pin: PIN, key: id });
      const pin = { role: 'counter' };
      const same = await two.act({ sys: 'gossip', get: 'owner', pin, key: `${id}` });
      assert.equal(same.owner, owner);
      owners.add(owner);
      const { pid } = [one, two].find((counter) => counter.name === owner) ?? {};
      for (const caller of [one, two]) {
        assert.equal((await caller.act({ role: 'counter', cmd: 'add', id })).pid, pid);
      }
    }
    assert.equal(owners.size, 2);
    assert.deepEqual(all.faults(), { strangers: 0, together: 0 });
  });

  it('a message at a node that does not own its key is passed on, and its reply tells', async () => {
    const one = await all.start({ shard: 'id' });
    const two = await all.start({ shard: 'id' });
    await all.settled(one, two);
    const wire = await rawConnection(one.port);
    const moved = new Set();
    for (let id = 0; moved.size < 2; id++) {
      const { owner } = await one.act({ sys: 'gossip', get: 'owner', key: id });
      wire.send(request(`m${id}/t`, { role: 'counter', cmd: 'add', id }));
      const reply = await wire.next();
      assert.equal(reply.res.pid, owner === one.name ? one.pid : two.pid);
      assert.equal(reply.moved, owner === one.name ? undefined : true);
      moved.add(reply.moved);
    }
    wire.socket.destroy();
  });

  it('a pin that a more general action answers is shared out as well', async () => {
    const listen = { pin: 'role:counter,cmd:add', shard: 'id' };
    const general = (/** @type {string} */ version) =>
      all.start(listen, { version, pattern: 'role:counter' });
    const [one, two] = [await general('seneca'), await general('seneca-rc')];
    await all.settled(one, two);
    const client = await all.start(null);
    const pids = new Set();
    for (let id = 0; id < 20; id++) {
      const counts = [];
      for (const caller of [one, two, client]) {
        counts.push(await caller.act({ role: 'counter', cmd: 'add', id }));
      }
      assert.deepEqual(
        counts.map(({ n }) => n),
        [1, 2, 3],
      );
      pids.add(counts[0].pid);
    }
    assert.equal(pids.size, 2);
  });

  it('a message without its key says so, or goes anywhere where the key is optional', async () => {
    const one = await all.start({ shard: 'user.id' });
    await all.settled(one);
    const client = await all.start(null);
    const without = [{}, { user: 7 }, { user: {} }, { user: { id: null } }, { user: { id: [1] } }];
    for (const msg of without) {
      for (const caller of [one, client]) {
        const call = caller.act({ role: 'counter', cmd: 'add', id: 'x', ...msg });
        await assert.rejects(call, { code: 'shard_key_missing', message: /'user\.id'/ });
      }
    }
    await client.act({ role: 'counter', cmd: 'add', id: 'x', user: { id: 7 } });
    await all.start({ shard: { key: 'user.id', optional: true } });
    // How a pin is called is up to the node that was started last.
    await until(() =>
      client.act({ role: 'counter', cmd: 'add', id: 'x' }).then(
        () => true,
        () => false,
      ),
    );
  });

  it('asks about keys: wrong ones, and pins that nobody shares out, are told', async () => {
    const one = await all.start({ shard: { key: 'id', replicas: 2 } });
    await all.settled(one);
    const ask = (/** @type {any} */ msg) => one.act({ sys: 'gossip', get: 'owner', ...msg });
    // The service has been told of its shards, and has answered.
    const owner = await until(async () => {
      const told = await ask({ key: 'ann' });
      return told.held && told;
    });
    assert.deepEqual(owner, {
      ok: true,
      shard: owner.shard,
      owner: one.name,
      replicas: [],
      self: true,
      held: true,
    });
    const two = await all.start({ shard: { key: 'id', replicas: 2 } });
    await all.settled(one, two);
    const [first, second] = [one.name, two.name];
    const { owner: name, replicas } = await ask({ key: 'ann' });
    assert.deepEqual([name, ...replicas].sort(), [first, second].sort());
    await assert.rejects(ask({ key: { a: 1 } }), { code: 'gossip_value' });
    await assert.rejects(ask({ key: Number.NaN }), {
      code: 'gossip_value',
      message: /not null|NaN/,
    });
    await assert.rejects(ask({ pin: 5, key: 1 }), { code: 'gossip_value' });
    await assert.rejects(ask({ pin: 'role:none', key: 1 }), { code: 'gossip_pin' });
    const client = await all.start(null);
    const nameless = client.act({ sys: 'gossip', get: 'owner', key: 1 });
    await assert.rejects(nameless, { code: 'gossip_value', message: /serves no sharded pin/ });
  });

  it('a save that takes longer than drain is waited for when its node closes', async () => {
    const slow = { save: 1500, options: { drain: 0 } };
    const one = await all.start({ shard: 'id' }, slow);
    const two = await all.start({ shard: 'id' }, slow);
    await all.settled(one, two);
    const client = await all.start(null);
    await client.do('load', { rate: 100, keys: 100 });
    await pause(1000);
    one.kill('SIGTERM');
    await one.ended;
    await all.settled(two);
    await pause(500);
    const seen = await client.do('unload');
    assert.deepEqual(seen.codes, {});
    assert.equal(miscounted(seen.numbers), 0);
    assert.deepEqual(all.faults(), { strangers: 0, together: 0 });
  });

  it('a handler that fails is called again, and calls wait for it', async () => {
    const one = await all.start({ shard: 'id' }, { failures: 1 });
    await all.settled(one);
    const client = await all.start(null);
    await client.do('load', { rate: 100, keys: 100 });
    await pause(1000);
    const two = await all.start({ shard: 'id' }, { failures: 1 });
    await all.settled(one, two);
    await pause(500);
    const seen = await client.do('unload');
    assert.deepEqual(seen.codes, {});
    assert.equal(miscounted(seen.numbers), 0);
    assert.deepEqual(all.faults(), { strangers: 0, together: 0 });
  });

  it('nodes that divide the keys otherwise are refused, by both numbers or keys', async () => {
    const one = await all.start({ shard: 'id' });
    await all.settled(one);
    for (const [shard, ours] of /** @type {[any, string][]} */ ([
      [{ key: 'id', shards: 512 }, "512 shards by the key 'id'"],
      ['user.id', "16384 shards by the key 'user.id'"],
    ])) {
      const port = await freePort();
      const options = { port, seeds: [one.name], listen: [{ pin: PIN, shard }] };
      const theirs = `${one.name} divides '${PIN}' into 16384 shards by the key 'id'`;
      await refused(
        { version: 'seneca', options, add: [[PIN, 'who']] },
        new RegExp(`${theirs}, this node into ${ours}`),
      );
    }
  });
});
