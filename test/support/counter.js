'use strict';

// A sharded counter service, or a client of it, in a process of its own; see `processes.js`. Its
// first argument is JSON: { version, options, dir, work: most ms that a count takes, pattern: what counts,
// save: ms that saving takes, failures: how many hand-overs fail at first }
// What a counter gives away it saves in `dir`, one file a shard; there the next owner finds it. Every
// count is written to a journal there, which outlives the process.

const fs = require('node:fs');
const path = require('node:path');

const setup = JSON.parse(process.argv[2]);
const gossip = require('../..');
const { Load } = require('./load');
const { listen, tell } = require('./told');

const { dir, options, work = 5, save = 20 } = setup;
let { failures = 0 } = setup;
const seneca = require(setup.version)({ log: 'fatal' });
const clock = () => Number(process.hrtime.bigint() / 1000n);
const isCounter = options.listen !== undefined;

/** @type {Map<string, number>} */
const counts = new Map();

if (isCounter) {
  const journal = fs.openSync(path.join(dir, `${process.pid}.log`), 'a');
  const file = (/** @type {number} */ shard) => path.join(dir, `${shard}.json`);

  seneca.add(
    setup.pattern ?? 'role:counter,cmd:add',
    (/** @type {any} */ msg, /** @type {any} */ reply) => {
      const { id } = msg;
      const begun = clock();
      const owned = seneca.export('gossip/owns')(id);
      setTimeout(() => {
        const n = (counts.get(id) ?? 0) + 1;
        counts.set(id, n);
        const line = { id, n, owned, begun, ended: clock(), pid: process.pid };
        fs.writeSync(journal, `${JSON.stringify(line)}\n`);
        reply({ n, pid: process.pid });
      }, Math.random() * work);
    },
  );

  const handOver = (/** @type {{ gained: number[], lost: number[] }} */ msg) => {
    const shardOf = seneca.export('gossip/shard');
    const lost = new Set(msg.lost);
    /** @type {Map<number, Record<string, number>>} */
    const given = new Map();
    for (const [id, n] of counts) {
      const shard = shardOf(id);
      if (!lost.has(shard)) continue;
      given.set(shard, { ...given.get(shard), [id]: n });
      counts.delete(id);
    }
    for (const [shard, saved] of given) fs.writeFileSync(file(shard), JSON.stringify(saved));
    const there = new Set(fs.readdirSync(dir));
    for (const shard of msg.gained) {
      if (!there.has(`${shard}.json`)) continue;
      const saved = JSON.parse(fs.readFileSync(file(shard), 'utf8'));
      for (const [id, n] of Object.entries(saved)) counts.set(id, n);
    }
  };

  seneca.add('sys:gossip,on:shards', (/** @type {any} */ msg, /** @type {any} */ reply) => {
    if (failures-- > 0) {
      reply(new Error('the store is away'));
      return;
    }
    // A store far away takes its time.
    setTimeout(
      () => {
        handOver(msg);
        reply();
      },
      msg.lost.length > 0 ? save : 20,
    );
  });
}

seneca.use(gossip, options);

/** @type {Record<string, number[]>} the counts that were given, by key */
const numbers = {};
/** @type {InstanceType<typeof Load>} */
let load;

/** @param {number} keys @param {(err: any, out?: any) => void} done */
function count(keys, done) {
  const id = `user ${Math.floor(Math.random() * keys)}`;
  const msg = { role: 'counter', cmd: 'add', id };
  seneca.act(msg, (/** @type {any} */ err, /** @type {any} */ out) => {
    if (!err) {
      numbers[id] ??= [];
      numbers[id].push(out.n);
    }
    done(err, out);
  });
}

listen({
  act: (/** @type {any} */ msg, /** @type {any} */ done) => seneca.act(msg, done),
  load({ rate, keys }, /** @type {any} */ done) {
    load = new Load((ended) => count(keys, ended), { rate });
    done(null);
  },
  async unload(/** @type {any} */ _, /** @type {any} */ done) {
    const made = await load.end();
    /** @type {Record<string, number>} */
    const codes = {};
    for (const { error } of made) if (error) codes[error] = (codes[error] ?? 0) + 1;
    const slowest = made.reduce((most, { ms }) => Math.max(most, ms), 0);
    done(null, { calls: made.length, codes, numbers, slowest });
  },
  shards(/** @type {any} */ _, /** @type {any} */ done) {
    seneca.act('sys:gossip,get:shards', done);
  },
});
seneca.ready(() => tell({ ready: true }));
