'use strict';

// Many Gossipers in one process, with one seed. Arguments: how many, and how many quiet minutes
// to watch them. Prints JSON; cluster.js runs it.

const { Gossiper } = require('..');

const [many, minutes] = process.argv.slice(2).map(Number);

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** All nodes, once everybody knows everybody; and how long that took. */
async function meet() {
  const begun = performance.now();
  let meetings = 0;
  /** @type {(ms: number) => void} */
  let all = () => {};
  const met = new Promise((resolve) => {
    all = resolve;
  });
  const make = (/** @type {string[]} */ seeds) => {
    const node = new Gossiper({ port: 0, host: '127.0.0.1', seeds });
    node.on('new_peer', () => {
      if (++meetings === many * (many - 1)) all(performance.now() - begun);
    });
    return node;
  };
  const seed = make([]);
  const { name } = await seed.start();
  const others = Array.from({ length: many - 1 }, () => make([name]));
  await Promise.all(others.map((node) => node.start()));
  return { nodes: [seed, ...others], known: await met };
}

/**
 * How long until a key that one node sets has reached all the others.
 *
 * @param {any[]} nodes
 */
async function spread(nodes) {
  const [setter] = nodes.slice(-1);
  const heard = nodes.slice(0, -1).map(
    (node) =>
      new Promise((resolve) => {
        node.on('update', (/** @type {string} */ peer, /** @type {string} */ key) => {
          if (peer === setter.name && key === 'bench') resolve(undefined);
        });
      }),
  );
  const begun = performance.now();
  setter.setLocalState('bench', { some: 'value' });
  await Promise.all(heard);
  return performance.now() - begun;
}

async function main() {
  const { nodes, known } = await meet();
  await pause(500);
  const key = await spread(nodes);
  let failed = 0;
  let suspected = 0;
  for (const node of nodes) {
    node.on('peer_failed', () => failed++);
    node.on('peer_suspect', () => suspected++);
  }
  const before = process.cpuUsage();
  await pause(minutes * 60_000);
  const { user, system } = process.cpuUsage(before);
  const cpu = minutes > 0 ? (user + system) / 1e6 / (minutes * 60) : null;
  await Promise.all(nodes.map((node) => node.stop()));
  console.log(JSON.stringify({ known, key, failed, suspected, cpu }));
}

main();
