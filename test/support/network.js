'use strict';

// What becomes of calls while a network is at fault: three hosts with a service and a client each, and the clients
// call all the while. Measured here, judged by test/network.test.js and shown by bench/network.js.

const assert = require('node:assert/strict');

const { service } = require('./processes');
const { pause, until } = require('./until');

const PIN = 'role:traffic';
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

/**
 * A service and a client on each host.
 *
 * @param {import('./netns').Hosts} hosts
 * @param {{ options?: (host: number, port: number) => Record<string, any> }} [how] more options
 */
async function startAll(hosts, { options = () => ({}) } = {}) {
  const start = (/** @type {number} */ host, /** @type {number} */ port, serves = false) =>
    service({
      version: 'seneca',
      wrapper: hosts.on(host),
      add: serves ? [[`${PIN},cmd:who`, 'who']] : [],
      options: {
        port,
        host: '0.0.0.0',
        seeds: [`${hosts.address(0)}:4445`],
        ...(serves && { listen: [{ pin: PIN, retry: 1 }] }),
        ...options(host, port),
      },
    });
  const services = [];
  const clients = [];
  for (const host of hosts.names.keys()) services.push(await start(host, 4444, true));
  for (const host of hosts.names.keys()) clients.push(await start(host, 5444));
  const all = [...services, ...clients];
  await agree(all);
  return { services, clients, all };
}

/**
 * Waits until all hold all for alive.
 *
 * @param {any[]} nodes
 */
async function agree(nodes) {
  for (const node of nodes) {
    await until(
      async () => {
        const { members } = await node.act('sys:gossip,get:members');
        const alive = members.filter((/** @type {any} */ one) => one.status === 'alive');
        return alive.length === nodes.length;
      },
      { within: 60_000, what: `${nodes.length} live members in one view` },
    );
  }
}

/**
 * Calls all the while: before, during and after a fault.
 *
 * @param {import('./netns').Hosts} hosts
 * @param {{ fault: () => void, ms: number, rate?: number }} how
 */
async function callsDuring(hosts, { fault, ms, rate = 50 }) {
  const { services, clients, all } = await startAll(hosts);
  for (const client of clients) await client.do('load', { msg: MSG, rate });
  await pause(2000);
  const begun = Date.now();
  fault();
  await pause(ms);
  hosts.restore();
  const healed = Date.now();
  await agree(all);
  const together = Date.now() - healed;
  await pause(1000);
  const made = await Promise.all(clients.map((client) => client.do('unload')));
  assert.ok(services.every(({ child }) => child.exitCode === null));
  return { ...judged(made, begun, healed), together };
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

module.exports = { agree, callsDuring, FAULTS, startAll };
