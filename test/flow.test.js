'use strict';

// A node that sets its keys faster than gossip can tell: it is told so, like the writer of a
// stream, and the others end with the last value of each key.

const assert = require('node:assert/strict');
const { once } = require('node:events');

const Seneca = require('seneca');

const gossip = require('..');
const { until } = require('./support/until');

const { Gossiper } = gossip;

describe('flow control', function () {
  this.timeout(60_000);
  /** @type {any[]} */
  let nodes = [];
  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    nodes = [];
  });

  /** @param {any} options */
  const start = async (options) => {
    const node = new Gossiper({ port: 0, host: '127.0.0.1', ...options });
    nodes.push(node);
    await node.start();
    return node;
  };
  /** Two nodes that know each other. */
  const pair = async () => {
    const a = await start({});
    const b = await start({ seeds: [a.name], order: 'breadth' });
    await until(() => a.livePeers().length === 2 && b.livePeers().length === 2);
    return [a, b];
  };

  it('says false when a change has to wait, drain when none does, and loses no last value', async () => {
    const [a, b] = await pair();
    const drained = once(a, 'drain');
    let waiting = 0;
    for (let round = 0; round < 60; round++) {
      for (let key = 0; key < 30; key++) {
        const told = a.setLocalState(`k${key}`, { round, text: 'x'.repeat(100) });
        if (!told) waiting++;
      }
    }
    assert.ok(waiting > 300, `${waiting} of 1,800 changes had to wait`);
    assert.equal(a.getLocalState('k29').round, 59, 'the own view is never behind');
    const { flow } = a.status();
    assert.ok(flow.held > 0 && flow.held <= 30, 'one change of each key waits');
    assert.ok(flow.rho > flow.tau, JSON.stringify(flow));
    await drained;
    assert.equal(a.status().flow.held, 0);
    const rounds = () =>
      Array.from({ length: 30 }, (_, key) => b.peerValue(a.name, `k${key}`)?.round);
    await until(() => assert.deepEqual(rounds(), Array(30).fill(59)) ?? true);
    assert.equal(a.setLocalState('one', 1), true, 'nothing waits any more');
  });

  it('holds back a removal as well', async () => {
    const [a, b] = await pair();
    a.setLocalState('doomed', 1);
    await until(() => b.peerValue(a.name, 'doomed') === 1);
    while (a.setLocalState('noise', Math.random().toString().repeat(50)));
    a.setLocalState('doomed', undefined);
    assert.equal(a.getLocalState('doomed'), undefined);
    await until(() => b.peerValue(a.name, 'doomed') === undefined);
  });

  it('holds back nothing before anybody else is there', async () => {
    const alone = await start({});
    for (let i = 0; i < 3_000; i++) {
      assert.equal(alone.setLocalState(`k${i}`, 'x'.repeat(100)), true);
    }
  });

  it('tells the caller of set:meta', async () => {
    const a = await start({});
    const seneca = Seneca({ tag: 'flow' })
      .test()
      .use(gossip, { port: 0, seeds: [a.name] });
    try {
      await new Promise((resolve) => seneca.ready(() => resolve(null)));
      const act = (/** @type {any} */ msg) =>
        new Promise((resolve, reject) =>
          seneca.act(msg, (/** @type {any} */ err, /** @type {any} */ out) =>
            err ? reject(err) : resolve(out),
          ),
        );
      await until(() => a.livePeers().length === 2);
      const set = (/** @type {string} */ text) =>
        act({ sys: 'gossip', set: 'meta', meta: { text, pad: 'x'.repeat(10_000) } });
      assert.deepEqual(await set('first'), { ok: true, held: false });
      let last = '';
      for (let i = 0; i < 100; i++) {
        last = `m${i}`;
        if ((await set(last)).held) break;
      }
      assert.equal((await set('last')).held, true, `${last} was not held back`);
      const { flow } = await act('sys:gossip,get:status');
      assert.equal(flow.held, 1);
      const meta = () => a.members().find((/** @type {any} */ one) => one.name !== a.name)?.meta;
      await until(() => meta()?.text === 'last');
    } finally {
      await new Promise((resolve) => seneca.close(() => resolve(null)));
    }
  });

  it('refuses an order that there is not', () => {
    assert.throws(() => new Gossiper({ port: 0, order: 'height' }), /'order'.*'depth', 'breadth'/);
  });
});
