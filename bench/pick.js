'use strict';

// What it costs to route a call: choosing the target, and reporting how the call ended, from
// JavaScript through N-API. With 2, 100 and 1,000 targets.
//
//   npm run bench:pick -- [options]
//
//   --runs <n>   runs for each number of targets (5)
//   --calls <n>  calls of a run (200000)
//
// The targets are invented: a seed of ours tells a real node of so many members. Their ports are open,
// but answer no pings, so what is measured is done before anybody could miss them.

const dgram = require('node:dgram');
const { once } = require('node:events');
const net = require('node:net');

const { Gossiper } = require('..');
const { core } = require('../lib/native');
const { freePort } = require('../test/support/ports');
const { until } = require('../test/support/until');
const wire = require('../test/support/wire');
const { cpuOf } = require('./cpu');
const { readOptions } = require('./options');
const { run } = require('./run');
const { Table } = require('./table');

const { runs, calls } = readOptions({ runs: '5', calls: '200000' });

const OK = 0;
/** Members of an answer; each frame has a bound. */
const SOME = 250;

/**
 * A seed that answers the first question with so many members, all of which answer one pattern.
 *
 * @param {number} count
 */
async function seedOf(count) {
  const port = await freePort();
  const name = `127.0.0.1:${port}`;
  const generation = Date.now();
  const members = Array.from({ length: count }, (_, n) => {
    const host = `127.1.${n >> 8}.${n & 255}`;
    const svc = JSON.stringify({ host, port, type: 'tcp', instance: `${n}` });
    const state = [
      ['@svc', svc],
      ['@r/cmd:sum,role:bench', '{}'],
    ];
    return wire.claim(`${host}:${port}`, generation, `${host}:${port}`, /** @type {any} */ (state));
  });
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      const all = [wire.claim(name, generation, name), ...members];
      for (let at = 0; at < all.length; at += SOME) {
        const deltas = all.slice(at, at + SOME);
        const last = at + SOME >= all.length;
        socket.write(wire.frame(wire.sync({ from: name, stage: 'answer', last, deltas })));
      }
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const pings = dgram.createSocket('udp4').bind(port, '0.0.0.0');
  await once(pings, 'listening');
  const close = () => {
    server.close();
    pings.close();
  };
  return { address: name, close };
}

/** @param {number} count */
async function measure(count) {
  const { address, close } = await seedOf(count);
  const node = new Gossiper({ port: await freePort(), seeds: [address] });
  await node.start();
  try {
    const { handle, native } = node;
    await until(() => native.targets(1).length === count, { what: `${count} targets` });
    const us = cpuOf(calls, (n) => {
      core.done(handle, 1, core.pick(handle, 1), 1000 + (n & 255), OK);
    });
    if (native.targets(1).length !== count) throw new Error('targets were lost meanwhile');
    return us;
  } finally {
    await node.stop();
    close();
  }
}

const table = new Table();

run(table, async () => {
  const show = (/** @type {number} */ us) => `${us.toFixed(2)} µs`;
  for (let at = 0; at < runs; at++) {
    for (const count of [2, 100, 1000]) {
      const us = await measure(count);
      // The first one warms the process up.
      if (at > 0 || runs === 1) {
        table.most(`CPU to pick one of ${count} targets and to report the end`, 1, us, show);
      }
    }
  }
});
