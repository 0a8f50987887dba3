'use strict';

// A sharded pin while nodes come and go: calls that fail, that are run by a node that does not own their
// key, or by two at a time. How soon fifty nodes agree on all owners after churn, and what it costs to find
// the owner of a key.
//
//   npm run bench:sharding -- [options]
//
//   --runs <n>     runs of each scenario (3)
//   --rate <n>     calls a second (500)
//   --keys <n>     keys (10000)

const { core } = require('../lib/native');
const { Gossiper } = require('..');
const { Counters, miscounted, PIN, SHARDS } = require('../test/support/counters');
const { freePort } = require('../test/support/ports');
const { pause, until } = require('../test/support/until');
const { cpuOf } = require('./cpu');
const { readOptions } = require('./options');
const { run } = require('./run');
const { Table } = require('./table');

const { runs, rate, keys } = readOptions({ runs: '3', rate: '500', keys: '10000' });
const load = { rate, keys };
/** Calls of a run of what costs microseconds. */
const CALLS = 200_000;

const table = new Table();

/**
 * @param {string} what
 * @param {{ retry?: number }} how
 * @param {(all: Counters, counters: any[]) => Promise<any[]>} disturb gives those that are left
 */
async function scenario(what, how, disturb) {
  const all = new Counters();
  try {
    const counters = [];
    for (let n = 0; n < 3; n++) counters.push(await all.start({ shard: 'id', ...how }));
    await all.settled(...counters);
    const client = await all.start(null);
    await client.do('load', load);
    await pause(2000);
    const left = await disturb(all, counters);
    await pause(2000);
    const seen = await client.do('unload');
    const failed = Object.values(seen.codes).reduce((sum, count) => sum + count, 0);
    const { strangers, together } = all.faults();
    table.none(`${what}: calls that failed`, failed);
    table.none('... run by a node that did not own the key', strangers, what);
    table.none('... run by two nodes at a time', together, what);
    table.time('... the slowest call', 10_000, seen.slowest, what);
    for (const one of [...left, client]) one.kill();
    return seen;
  } finally {
    all.clean();
  }
}

async function joinAndLeave() {
  const what = 'one node joins, another leaves (SIGTERM)';
  const seen = await scenario(what, {}, async (all, [first, ...others]) => {
    const fourth = await all.start({ shard: 'id' });
    await all.settled(first, ...others, fourth);
    await pause(1000);
    first.kill('SIGTERM');
    await first.ended;
    await all.settled(...others, fourth);
    return [...others, fourth];
  });
  table.none('... keys with a wrong count', miscounted(seen.numbers), what);
}

async function killed() {
  await scenario('kill -9 of an owner, retry: 1', { retry: 1 }, async (all, [first, ...others]) => {
    first.kill();
    await all.settled(...others);
    return others;
  });
}

/** A node that serves a sharded pin and answers nothing. @param {string[]} seeds */
async function sharer(seeds) {
  const node = new Gossiper({ port: await freePort(), seeds });
  await node.start();
  const shared = { pin: PIN, key: 'id', shards: SHARDS, replicas: 1, weight: 1, handover: 10_000 };
  await until(() => node.status().synced || seeds.length === 0, { what: 'the cluster' });
  // Nothing to load or to save.
  node.on('shards', ({ pin, ticket }) => node.native.shardsDone(pin, ticket));
  node.native.share(JSON.stringify([shared]));
  return node;
}

/** Leaves in order. @param {Gossiper} node */
async function parted(node) {
  node.native.leaving();
  node.native.unshare();
  await until(() => !node.native.sharing(), { what: 'the end of its shares' });
  await node.leave();
}

/** Fifty nodes, of which ten come and ten go within a second. */
async function agreement() {
  const nodes = [await sharer([])];
  const seed = nodes[0].name;
  const add = async () => nodes.push(await sharer([seed]));
  try {
    for (let n = 1; n < 50; n++) await add();
    const owners = (/** @type {Gossiper} */ node) =>
      JSON.parse(node.native.shards())[0]
        .owners.map((/** @type {any} */ { name, shards }) => `${name} ${shards}`)
        .join();
    const agreed = () => {
      const first = owners(nodes[0]);
      return (
        first.split(',').length === nodes.length && nodes.every((one) => owners(one) === first)
      );
    };
    await until(agreed, { within: 60_000, what: 'fifty owners' });
    for (let n = 0; n < 10; n++) {
      const [gone] = nodes.splice(1 + Math.floor(Math.random() * (nodes.length - 1)), 1);
      await Promise.all([parted(gone), add()]);
    }
    const ended = performance.now();
    await until(agreed, { within: 60_000, what: 'the same owners everywhere' });
    const what = '50 nodes, 10 came and 10 left: all name the same owners, after the last change';
    table.time(what, 2000, performance.now() - ended);
    let wrong = 0;
    for (let key = 0; key < 500; key++) {
      const named = nodes.map((node) => JSON.parse(node.native.owner(PIN, `${key}`)).owner);
      if (named.some((name) => name !== named[0])) wrong++;
    }
    table.none('... of 500 keys those with several owners', wrong, what);
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
  }
}

/** @param {string} what @param {(n: number) => void} call */
function cost(what, call) {
  cpuOf(CALLS / 10, call);
  const show = (/** @type {number} */ us) => `${us.toFixed(2)} µs`;
  table.most(what, 1.5, cpuOf(CALLS, call), show);
}

async function costs() {
  const pin = 'role:bench';
  const nodes = [];
  for (let n = 0; n < 3; n++) {
    const port = await freePort();
    const seeds = nodes.map((node) => node.name);
    const node = new Gossiper({ port, seeds });
    await node.start();
    const service = { host: '127.0.0.1', port: port + 2, type: 'tcp', instance: `${n}` };
    const offers = [['cmd:a,role:bench', { shard: { pin, key: 'id' } }]];
    node.native.publish(JSON.stringify({ service, offers }));
    nodes.push(node);
  }
  const [first] = nodes;
  try {
    await until(() => first.native.targets(1).length === 2, { what: 'two targets' });
    const shared = { pin, key: 'id', shards: SHARDS, replicas: 0, weight: 1, handover: 10_000 };
    for (const node of nodes) node.native.share(JSON.stringify([shared]));
    const owners = () => JSON.parse(first.native.shards())[0].owners.length === 3;
    await until(owners, { what: 'three owners' });
    const { handle } = first;
    const names = Array.from({ length: 1024 }, (_, n) => `user ${n}`);
    const key = (/** @type {number} */ n) => names[n & 1023];
    cost('CPU to route a call by its key, and to report its end', (n) => {
      const target = core.pickKey(handle, 1, key(n));
      if (target >= 0) core.done(handle, 1, target, 1000, 0);
    });
    cost('CPU of shard(key)', (n) => core.shardOf(handle, pin, key(n)));
    cost('CPU of owns(key)', (n) => core.shardOwns(handle, pin, key(n)));
    cost('CPU to let a message in, and out', (n) => {
      const ticket = core.shardEnter(handle, pin, key(n));
      if (ticket >= 0) core.shardExit(handle, ticket);
    });
  } finally {
    for (const node of nodes) await node.stop();
  }
}

run(table, async () => {
  for (let n = 0; n < runs; n++) {
    await joinAndLeave();
    await killed();
    await agreement();
    await costs();
  }
});
