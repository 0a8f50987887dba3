// @ts-check
'use strict';

// Two sites, 200 ms from each other, and datagrams overtake each other on the way. Each node is told to the others by
// ports of the relay, so nobody is reached in any other way; neighbours at one site are as far from each other.

const assert = require('node:assert/strict');
const { randomBytes, randomInt } = require('node:crypto');

const { agree } = require('./support/network');
const { freePort } = require('./support/ports');
const { killAll, service } = require('./support/processes');
const { Relay } = require('./support/relay');
const { VERSIONS } = require('./support/seneca');
const { pause, until } = require('./support/until');

const SITES = ['near', 'far'];
/** Why something may be dropped while a cluster forms; `replayed` is none of them. */
const USUAL = ['unconfirmed', 'unasked', 'stale', 'gap'];

/** All ports that are told of a member. @param {any} member */
const portsOf = ({ name, gossip, port, services }) => [
  ...[name, gossip].map((at) => Number(at.split(':')[1])),
  ...[port, ...services.map((/** @type {any} */ one) => one.port)],
];

describe('two sites', function () {
  this.timeout(120_000);
  this.slow(60_000);
  const seed = randomInt(2 ** 31);
  /** @type {Relay} */
  let relay;

  beforeEach(() => {
    relay = new Relay({ ms: 200, jitter: 100, seed });
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') console.log(`      the seed of the relay: ${seed}`);
    await killAll();
    relay.close();
  });

  /**
   * A service and a client at each site, all at once: the services are the seeds of all.
   *
   * @param {string} version
   */
  async function startAll(version) {
    const gossip = { key: randomBytes(32).toString('base64') };
    const places = [];
    for (let n = 0; n < 4; n++) {
      const port = await freePort();
      places.push({ port, outer: await relay.lead(port) });
    }
    const seeds = places.slice(0, 2).map(({ outer }) => `127.0.0.1:${outer + 1}`);
    const all = await Promise.all(
      places.map(({ port, outer }, n) => {
        const pin = `role:${SITES[n % 2]}`;
        return service({
          version,
          add: n < 2 ? [[`${pin},cmd:who`, 'who']] : [],
          options: {
            port,
            advertise: { host: '127.0.0.1', port: outer, gossipPort: outer + 1 },
            seeds,
            gossip,
            ...(n < 2 && { pin }),
          },
        });
      }),
    );
    return { all, services: all.slice(0, 2), clients: all.slice(2), places };
  }

  for (const version of VERSIONS) {
    it(`are one cluster: no call fails, nobody is suspected, nothing looks replayed: ${version}`, async () => {
      const begun = Date.now();
      const { all, services, clients, places } = await startAll(version);
      await agree(all);
      const together = Date.now() - begun;

      // Each client calls the service of the other site.
      const remote = [1, 0].map((n) => ({ role: SITES[n], cmd: 'who' }));
      for (const [n, client] of clients.entries()) {
        await until(async () => (await client.act(remote[n])).pid === services[1 - n].pid);
      }
      for (const [n, client] of clients.entries()) {
        await client.do('load', { msg: remote[n], rate: 20 });
      }
      await pause(10_000);
      const made = await Promise.all(clients.map((client) => client.do('unload')));

      for (const [n, calls] of made.entries()) {
        const failed = calls.filter((/** @type {any} */ one) => one.error !== null);
        assert.deepEqual(failed, []);
        assert.ok(calls.every((/** @type {any} */ one) => one.pid === services[1 - n].pid));
        assert.ok(calls.length > 100, `${calls.length} calls`);
      }
      const times = made.flat().map(({ ms }) => ms);
      const [fastest, slowest] = [Math.min(...times), Math.max(...times)].map(Math.round);
      assert.ok(fastest >= 390, `a call of ${fastest} ms went another way`);
      assert.ok(slowest < 5000, `${slowest} ms`);

      await agree(all);
      const outer = new Set(places.flatMap((place) => [place.outer, place.outer + 1]));
      for (const node of all) {
        const accused = node.events.filter(({ on }) => ['suspect', 'fail', 'leave'].includes(on));
        assert.deepEqual(accused, []);
        const { counters, isolated } = await node.act('sys:gossip,get:status');
        const refused = Object.keys(counters.dropped).filter((reason) => !USUAL.includes(reason));
        assert.deepEqual(refused, [], JSON.stringify(counters.dropped));
        assert.equal(isolated, null);
        const { members } = await node.act('sys:gossip,get:members');
        const others = members
          .flatMap(portsOf)
          .filter((/** @type {number} */ port) => !outer.has(port));
        assert.deepEqual(others, [], 'told of other ports than those of the relay');
      }
      const { datagrams, overtaken } = relay.counts;
      assert.ok(overtaken > 20, `only ${overtaken} of ${datagrams} datagrams were overtaken`);
      console.log(
        `      one view after ${together} ms; ${times.length} calls of ${fastest} to ${slowest} ms; ` +
          `${overtaken} of ${datagrams} datagrams overtaken`,
      );
    });
  }
});
