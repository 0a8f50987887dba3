'use strict';

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');

const { Gossiper } = require('..');
const { freePort } = require('./support/ports');
const { pause, until } = require('./support/until');

/** @type {Set<any>} */
const open = new Set();

/** @param {any[]} args */
function gossiper(...args) {
  const made = new Gossiper(...args);
  open.add(made);
  return made;
}

/** @param {number} count all but the first know the first only */
async function cluster(count) {
  const first = gossiper(await freePort(), [], '127.0.0.1');
  await first.start();
  const nodes = [first];
  for (let at = 1; at < count; at++) {
    const node = gossiper(await freePort(), [first.name], '127.0.0.1');
    await node.start();
    nodes.push(node);
  }
  await until(() => nodes.every((node) => node.livePeers().length === count), {
    what: 'everybody knows everybody',
  });
  return nodes;
}

describe('Gossiper', () => {
  afterEach(async () => {
    await Promise.all([...open].map((node) => node.stop()));
    open.clear();
  });

  it('is an EventEmitter with the names of the seed project', () => {
    const node = gossiper(0);
    assert.ok(node instanceof EventEmitter);
    for (const name of [
      ...['start', 'stop', 'setLocalState', 'getLocalState', 'peerKeys', 'peerValue'],
      ...['allPeers', 'livePeers', 'deadPeers'],
    ]) {
      assert.equal(typeof node[name], 'function', name);
    }
  });

  it('calls back when it has started and stopped', (done) => {
    const node = gossiper(0, [], '127.0.0.1');
    const same = node.start((err, info) => {
      assert.equal(err, null);
      assert.equal(info.name, `127.0.0.1:${info.port}`);
      assert.equal(node.name, info.name);
      assert.deepEqual(node.allPeers(), [info.name]);
      assert.deepEqual(node.livePeers(), [info.name]);
      assert.deepEqual(node.deadPeers(), []);
      node.stop((stopErr) => {
        assert.equal(stopErr, null);
        assert.deepEqual(node.livePeers(), []);
        done();
      });
    });
    assert.equal(same, node);
  });

  it('says which port is in use', async () => {
    const first = gossiper(0);
    const { port } = await first.start();
    const second = gossiper(port);
    await assert.rejects(second.start(), (err) => {
      assert.equal(err.code, 'GOSSIP_PORT_IN_USE');
      assert.match(err.message, new RegExp(String(port)));
      return true;
    });
  });

  it('starts once', async () => {
    const node = gossiper(0);
    await node.start();
    await assert.rejects(node.start(), /starts once/);
  });

  it('may be stopped while it starts, twice, and before', async () => {
    const node = gossiper(0);
    const starting = node.start();
    await node.stop();
    await assert.rejects(starting, /stopped/);
    await node.stop();
    await gossiper(0).stop();
  });

  it('finds everybody through one seed, and says so', async () => {
    const [first, second, third] = await cluster(3);
    for (const node of [first, second, third]) {
      assert.deepEqual(node.allPeers().sort(), [first.name, second.name, third.name].sort());
    }
  });

  it('tells of a new peer, its keys, its failure, its return', async () => {
    const [first] = await cluster(1);
    /** @type {any[]} */
    const heard = [];
    for (const event of ['new_peer', 'peer_alive', 'peer_failed', 'peer_left', 'update']) {
      first.on(event, (...args) => heard.push([event, ...args]));
    }
    const has = (...wanted) =>
      until(() => heard.some((one) => JSON.stringify(one) === JSON.stringify(wanted)), {
        what: `event ${wanted.join(' ')}`,
      });
    const port = await freePort();
    const second = gossiper(port, [first.name], '127.0.0.1');
    second.setLocalState('color', 'red');
    const { name } = await second.start();
    await has('new_peer', name);
    await has('update', name, 'color', 'red');
    second.setLocalState('color', { deep: [1, 2] });
    await has('update', name, 'color', { deep: [1, 2] });
    assert.deepEqual(first.peerValue(name, 'color'), { deep: [1, 2] });
    assert.deepEqual(first.peerKeys(name), ['color']);

    await second.stop();
    await has('peer_failed', name);
    assert.deepEqual(first.deadPeers(), [name]);
    assert.deepEqual(first.livePeers(), [first.name]);

    const again = gossiper(port, [first.name], '127.0.0.1');
    again.setLocalState('color', 'blue');
    await again.start();
    await has('peer_alive', name);
    await has('update', name, 'color', 'blue');
    assert.equal(first.peerValue(name, 'color'), 'blue');
    assert.deepEqual(first.deadPeers(), []);

    await again.leave();
    await has('peer_left', name);
    assert.deepEqual(first.deadPeers(), [name]);
  });

  it('carries what JSON can, and nothing else', async () => {
    const [first, second] = await cluster(2);
    const values = {
      text: 'ü',
      number: 1.5,
      none: null,
      list: [1, 'a', null],
      deep: { a: { b: 1 } },
    };
    for (const [key, value] of Object.entries(values)) first.setLocalState(key, value);
    for (const [key, value] of Object.entries(values)) {
      assert.deepEqual(first.getLocalState(key), value);
      await until(() => second.peerKeys(first.name).includes(key));
      assert.deepEqual(second.peerValue(first.name, key), value);
    }
    for (const bad of [() => 1, 1n, Number.NaN, new Map(), Symbol('x')]) {
      assert.throws(() => first.setLocalState('bad', bad), /must be something that JSON can carry/);
    }
    assert.throws(() => first.setLocalState('', 1), /a key must be/);
    assert.throws(() => first.setLocalState('big', 'x'.repeat(10_000_000)));
    assert.equal(first.getLocalState('big'), undefined);
  });

  it('removes a key that is set to undefined', async () => {
    const [first, second] = await cluster(2);
    first.setLocalState('gone', 1);
    await until(() => second.peerValue(first.name, 'gone') === 1);
    /** @type {any[]} */
    const heard = [];
    second.on('update', (...args) => heard.push(args));
    first.setLocalState('gone', undefined);
    await until(() => heard.length > 0);
    assert.deepEqual(heard, [[first.name, 'gone', undefined]]);
    assert.deepEqual(second.peerKeys(first.name), []);
    assert.equal(second.peerValue(first.name, 'gone'), undefined);
    assert.equal(first.getLocalState('gone'), undefined);
  });

  it('knows nothing of a peer that nobody knows', async () => {
    const [first] = await cluster(1);
    assert.deepEqual(first.peerKeys('nonsense'), []);
    assert.equal(first.peerValue('127.0.0.1:99999', 'x'), undefined);
  });

  it('keeps clusters of another name apart', async () => {
    const [first] = await cluster(1);
    const other = gossiper({ port: 0, seeds: [first.name], cluster: 'other' });
    await other.start();
    await pause(1500);
    assert.deepEqual(first.allPeers(), [first.name]);
    assert.deepEqual(other.allPeers(), [other.name]);
  });

  it('goes on when a listener throws', async () => {
    const [first] = await cluster(1);
    // Thrown as ever, but not into the events behind it.
    const mocha = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    /** @type {any[]} */
    const thrown = [];
    const catcher = (/** @type {any} */ err) => thrown.push(err.message);
    process.on('uncaughtException', catcher);
    try {
      first.on('new_peer', () => {
        throw new Error('a listener');
      });
      const second = gossiper(0, [first.name]);
      second.setLocalState('a', 1);
      await second.start();
      await until(() => first.peerValue(second.name, 'a') === 1);
      await until(() => thrown.length > 0);
      assert.deepEqual(thrown, ['a listener']);
    } finally {
      process.removeListener('uncaughtException', catcher);
      for (const listener of mocha) process.on('uncaughtException', listener);
    }
  });

  it('joins late: a seed that is not there yet is tried again', async () => {
    const port = await freePort();
    const early = gossiper(0, [`127.0.0.1:${port}`], '127.0.0.1');
    /** @type {any[]} */
    const failed = [];
    early.on('seed_failed', (address, reason) => failed.push([address, reason]));
    await early.start();
    await until(() => failed.length > 0);
    assert.equal(failed[0][0], `127.0.0.1:${port}`);
    assert.equal(typeof failed[0][1], 'string');
    const seed = gossiper(port, [], '127.0.0.1');
    await seed.start();
    await until(() => seed.livePeers().length === 2 && early.livePeers().length === 2);
  });

  it('20 of them in one process know each other soon', async function () {
    this.timeout(30_000);
    const nodes = await cluster(20);
    for (const node of nodes) assert.equal(node.allPeers().length, 20);
  });
});
