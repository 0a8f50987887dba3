// @ts-check
'use strict';

// A node behind a router that translates addresses: it is told to others by mapped ports of the router, none of which is
// the port that it is bound to, and speaks to them from the router's address.

const assert = require('node:assert/strict');

const { Hosts, skipIf, whyNoRouter } = require('./support/netns');
const { killAll, service } = require('./support/processes');
const { VERSIONS } = require('./support/seneca');
const { pause, until } = require('./support/until');

const [ROUTER, CALLS, GOSSIP] = [2, 14_444, 15_555];

describe('a node behind a router', function () {
  this.timeout(120_000);
  this.slow(60_000);
  /** @type {Hosts} */
  let hosts;
  /** @type {ReturnType<Hosts['behind']>} */
  let behind;

  before(function () {
    skipIf(this, whyNoRouter());
    hosts = new Hosts(3);
    behind = hosts.behind(ROUTER, { [CALLS]: 4444, [GOSSIP]: 4445 });
  });
  afterEach(killAll);
  after(() => hosts?.remove());

  const seeds = () => [`${hosts.address(0)}:4445`];
  const mapped = () => `${hosts.address(ROUTER)}:${GOSSIP}`;

  /**
   * @param {number} host
   * @param {string} version
   */
  const outside = (host, version) =>
    service({
      version,
      wrapper: hosts.on(host),
      add: [['role:outside,cmd:who', 'who']],
      options: { port: 4444, host: '0.0.0.0', pin: 'role:outside', seeds: seeds() },
    });
  /** @param {string} version */
  const inside = (version) =>
    service({
      version,
      wrapper: behind.on,
      add: [['role:inside,cmd:who', 'who']],
      options: {
        port: 4444,
        host: behind.address,
        advertise: { host: hosts.address(ROUTER), port: CALLS, gossipPort: GOSSIP },
        pin: 'role:inside',
        seeds: seeds(),
      },
    });

  /** @param {any} node */
  const view = async (node) => {
    const { members } = await node.act('sys:gossip,get:members');
    assert.ok(!JSON.stringify(members).includes(behind.address), JSON.stringify(members));
    return members.map((/** @type {any} */ one) => `${one.name} ${one.status}`).sort();
  };
  /** @param {any[]} nodes @param {string[]} expected */
  const agree = async (nodes, expected) => {
    for (const node of nodes) {
      await until(async () => assert.deepEqual(await view(node), expected) ?? true, {
        within: 30_000,
        what: 'the view of all',
      });
    }
  };
  const alive = (/** @type {number[]} */ ...all) =>
    [...all.map((host) => `${hosts.address(host)}:4445`), mapped()].map((name) => `${name} alive`);

  for (const version of VERSIONS) {
    it(`is in every view under its mapped ports, and no call fails either way: ${version}`, async () => {
      const begun = Date.now();
      const first = await outside(0, version);
      const hidden = await inside(version);
      await agree([first, hidden], alive(0));
      const together = Date.now() - begun;

      const both = [
        { node: first, msg: 'role:inside,cmd:who', from: [hidden] },
        { node: hidden, msg: 'role:outside,cmd:who', from: [first] },
      ];
      for (const { node, msg } of both) await until(() => node.act(msg));
      for (const { node, msg } of both) await node.do('load', { msg, rate: 50 });
      await pause(2000);
      // One that comes later finds it as well, and is called from behind the router.
      const later = await outside(1, version);
      both[1].from.push(later);
      await agree([first, hidden, later], alive(0, 1));
      await until(async () => (await later.act('role:inside,cmd:who')).pid === hidden.pid);
      await pause(3000);

      let slowest = 0;
      let count = 0;
      for (const { node, from } of both) {
        /** @type {import('./support/load').Made[]} */
        const calls = await node.do('unload');
        assert.ok(calls.length > 100, `${calls.length} calls`);
        assert.deepEqual(
          calls.filter(({ error }) => error !== null),
          [],
        );
        for (const one of from) {
          // A slow first answer keeps further calls away for seconds, so there may be few.
          assert.ok(
            calls.some(({ pid }) => pid === one.pid),
            'one of them was never called',
          );
        }
        slowest = calls.reduce((most, { ms }) => Math.max(most, ms), slowest);
        count += calls.length;
      }
      for (const node of [first, hidden, later]) {
        const accused = node.events.filter(({ on }) => ['suspect', 'fail', 'leave'].includes(on));
        assert.deepEqual(accused, []);
      }
      console.log(
        `      one view after ${together} ms; ${count} calls, the slowest ${Math.round(slowest)} ms`,
      );
    });
  }

  it('is dead to the others when it is killed', async () => {
    const others = [await outside(0, 'seneca'), await outside(1, 'seneca')];
    const hidden = await inside('seneca');
    await agree([...others, hidden], alive(0, 1));
    hidden.kill();
    const { at } = await hidden.ended;
    await agree(others, [...alive(0, 1).slice(0, 2), `${mapped()} dead`]);
    console.log(`      the others saw it dead after ${Date.now() - at} ms`);
    await assert.rejects(others[0].act('role:inside,cmd:who'), /answers/);
  });
});
