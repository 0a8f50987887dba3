'use strict';

// What becomes of calls while a network is at fault: three hosts with a service and two clients each, one of them in
// Rust, and the clients call all the while. Measured here, judged by test/network.test.js and shown by bench/network.js.

const assert = require('node:assert/strict');

const { service } = require('./processes');
const { startRust } = require('./rust');
const { pause, until } = require('./until');

const PINS = ['role:traffic', 'role:api'];
const SERVED = [
  ['role:traffic,cmd:who', 'who'],
  ['role:api,cmd:add', 'sum'],
];
const MSG = { role: 'traffic', cmd: 'who', timeout$: 10_000 };

/**
 * What may happen between three hosts, by name. All links heal afterwards.
 *
 * @type {Record<string, (hosts: import('./netns').Hosts) => void>}
 */
const FAULTS = {
  'a cut between two of three': (hosts) =>
    hosts.lose([
      { from: 0, to: 1 },
      { from: 1, to: 0 },
    ]),
  'one does not hear another, but is heard': (hosts) => hosts.lose([{ from: 2, to: 0 }]),
  'a fifth of all packets lost': (hosts) =>
    hosts.lose([0, 1, 2].map((from) => ({ from, percent: 20 }))),
};

/** Time between two calls of a client in Rust, ms; it makes one after the other. */
const EVERY = 20;

/**
 * A service and its clients on each host.
 *
 * @param {import('./netns').Hosts} hosts
 * @param {{ options?: (host: number, port: number) => Record<string, any> }} [how] more options
 */
async function startAll(hosts, { options = () => ({}) } = {}) {
  const start = (/** @type {number} */ host, /** @type {number} */ port, serves = false) =>
    service({
      version: 'seneca',
      wrapper: hosts.on(host),
      add: serves ? SERVED : [],
      options: {
        port,
        host: '0.0.0.0',
        seeds: [`${hosts.address(0)}:4445`],
        ...(serves && { listen: PINS.map((pin) => ({ pin, retry: 1 })) }),
        ...options(host, port),
      },
    });
  const services = [];
  const clients = [];
  for (const host of hosts.names.keys()) services.push(await start(host, 4444, true));
  for (const host of hosts.names.keys()) clients.push(await start(host, 5444));
  const rust = [];
  for (const host of hosts.names.keys()) {
    const args = ['--port', '6444', '--host', '0.0.0.0', '--seeds', `${hosts.address(0)}:4445`];
    rust.push(await startRust([...args, '--every', `${EVERY}`], hosts.on(host)));
  }
  const nodes = [...services, ...clients];
  const whole = () => agree(nodes, nodes.length + rust.length);
  await whole();
  return { services, clients, rust, whole };
}

/** How many a node holds for alive. @param {any} node */
async function alive(node) {
  const { members } = await node.act('sys:gossip,get:members');
  return members.filter((/** @type {any} */ one) => one.status === 'alive').length;
}

/**
 * Waits until all hold all for alive.
 *
 * @param {any[]} nodes
 * @param {number} [count] how many that are, with those that cannot be asked
 */
async function agree(nodes, count = nodes.length) {
  for (const node of nodes) {
    await until(async () => (await alive(node)) === count, {
      within: 60_000,
      what: `${count} live members in one view`,
    });
  }
}

/**
 * Calls all the while: before, during and after a fault.
 *
 * @param {import('./netns').Hosts} hosts
 * @param {{ fault: () => void, ms: number, rate?: number }} how
 */
async function callsDuring(hosts, { fault, ms, rate = 50 }) {
  const { services, clients, rust, whole } = await startAll(hosts);
  await pause(1000);
  const before = rust.map(({ calls }) => calls.length);
  for (const client of clients) await client.do('load', { msg: MSG, rate });
  await pause(2000);
  const begun = Date.now();
  fault();
  await pause(ms);
  hosts.restore();
  const healed = Date.now();
  await whole();
  const together = Date.now() - healed;
  await pause(1000);
  const made = await Promise.all(clients.map((client) => client.do('unload')));
  const rusty = rust.map(({ calls }, at) => calls.slice(before[at]));
  assert.ok([...services, ...rust].every(({ child }) => child.exitCode === null));
  return { ...judged(made, begun, healed), rust: told(rusty), together };
}

/**
 * Of what the clients in Rust say of their calls.
 *
 * @param {string[][]} calls by client
 */
function told(calls) {
  const all = calls.flat();
  const times = all.map((text) => Number(/\(([\d.]+) ms\)/.exec(text)?.[1] ?? 0));
  const failed = all.filter((text) => !text.startsWith('= 5 '));
  return { calls: all.length, failed, slowest: Math.round(Math.max(...times)) };
}

/**
 * @param {import('./load').Made[][]} made by client
 * @param {number} begun
 * @param {number} healed
 */
function judged(made, begun, healed) {
  /** @type {Record<string, number>} */
  const codes = {};
  /** @type {{ client: number, at: number, error: string | null, target: string | null, ms: number }[]} */
  const failed = [];
  let slowest = 0;
  for (const [client, calls] of made.entries()) {
    for (const { at, ms, error, target } of calls) {
      slowest = Math.max(slowest, ms);
      if (error === null) continue;
      codes[error] = (codes[error] ?? 0) + 1;
      failed.push({ client, at: at - begun, error, target, ms: Math.round(ms) });
    }
  }
  const calls = made.reduce((sum, one) => sum + one.length, 0);
  const slow = made.flat().filter(({ ms }) => ms > 1000).length;
  return { calls, failed, codes, slowest: Math.round(slowest), slow, lasted: healed - begun };
}

module.exports = { agree, alive, callsDuring, FAULTS, startAll };
