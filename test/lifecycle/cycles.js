'use strict';

// Starts and closes two nodes that meet, again and again, in one process; says what is left.
// Arguments: 'gossiper' or a version of Seneca; how many times.

const gossip = require('../..');
const { counts, settled } = require('./counts');

const [what, times] = process.argv.slice(2);
const { Gossiper } = gossip;

/** Cycles at the same time: most of one is waiting. */
const LANES = 5;

/** Two gossipers that know each other; one leaves, one stops. */
async function gossipers() {
  const one = new Gossiper({ port: 0 });
  const { name } = await one.start();
  const two = new Gossiper({ port: 0, seeds: [name] });
  const met = new Promise((resolve) => two.once('new_peer', resolve));
  await two.start();
  two.setLocalState('key', { some: 'value' });
  await met;
  await two.leave();
  await one.stop();
}

/** @param {any} seneca */
const ready = (seneca) => new Promise((resolve) => seneca.ready(resolve));

/** A server and a client, one call, both close. */
async function senecas() {
  const make = () => require(what)({ log: 'silent' });
  const server = make();
  server.add('role:api,cmd:who', (/** @type {any} */ _, /** @type {any} */ reply) => {
    reply({ ok: true });
  });
  server.use(gossip, { pin: 'role:api', need: 'role:other' });
  await ready(server);
  const { name } = server.export('gossip/gossiper')();
  const client = make().use(gossip, { seeds: [name] });
  await ready(client);
  await new Promise((resolve, reject) => {
    client.act('role:api,cmd:who', (/** @type {any} */ err) => (err ? reject(err) : resolve(0)));
  });
  await client.close();
  await server.close();
}

async function main() {
  const cycle = what === 'gossiper' ? gossipers : senecas;
  const lanes = async (/** @type {number} */ each) => {
    const lane = async () => {
      for (let n = 0; n < each; n++) await cycle();
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  };
  // What Node.js and Seneca make once and keep: the thread pool, modules, watchers of signals.
  await lanes(2);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const base = counts();
  await lanes(Number(times) / LANES);
  const result = await settled(base, 10_000);
  console.log(JSON.stringify({ ...result, listeners: process.listenerCount('SIGTERM') }));
  // And the process ends by itself.
}

main();
