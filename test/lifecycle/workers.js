'use strict';

// Worker threads with running nodes are terminated, at any moment of their life; a node of the
// main thread looks on. Argument: how many.

const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');

const gossip = require('../..');
const { counts, settled } = require('./counts');

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function work() {
  const { seed, what } = workerData;
  parentPort?.postMessage('begun');
  if (what === 'gossiper') {
    const nodes = [1, 2, 3].map(() => new gossip.Gossiper({ port: 0, seeds: [seed] }));
    await Promise.all(nodes.map((node) => node.start()));
    // Much to tell: the core wakes this thread while it is being terminated.
    for (let n = 0; ; n++) {
      for (const node of nodes) node.setLocalState('n', n);
      await pause(1);
    }
  }
  const seneca = require('seneca')({ log: 'silent' });
  seneca.add('role:api,cmd:who', (/** @type {any} */ _, /** @type {any} */ reply) => reply({}));
  seneca.use(gossip, { pin: 'role:api', seeds: [seed] });
}

/**
 * @param {string} seed
 * @param {string} what
 * @param {number} after so many ms it is terminated
 */
async function one(seed, what, after) {
  const worker = new Worker(__filename, { workerData: { seed, what } });
  await new Promise((resolve) => worker.once('message', resolve));
  await pause(after);
  await worker.terminate();
}

/** @param {number} many */
async function round(many) {
  const node = new gossip.Gossiper({ port: 0 });
  const { name } = await node.start();
  for (let n = 0; n < many; n += 2) {
    const after = [0, 1, 3, 10, 30, 100, 300, 600][(n / 2) % 8];
    await Promise.all([one(name, 'gossiper', after), one(name, 'seneca', after)]);
  }
  const works = node.livePeers().includes(name);
  const seen = node.allPeers().length;
  await node.leave();
  return { works, seen };
}

async function main() {
  // The thread pool, and what the first worker leaves behind for the next.
  await round(2);
  await pause(500);
  const base = counts();
  const { works, seen } = await round(Number(process.argv[2]));
  console.log(JSON.stringify({ ...(await settled(base, 10_000)), works, seen }));
}

if (isMainThread) main();
else work();
