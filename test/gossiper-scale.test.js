'use strict';

// Many Gossipers in one process, with one seed: how soon all know all, and a key reaches all. The
// bounds are loose (the machine that runs this may be busy with other things); what is to be
// reached is printed beside what was measured.

const assert = require('node:assert/strict');

const { Gossiper } = require('..');
const { pause } = require('./support/until');

describe('many Gossipers in one process', function () {
  this.timeout(120_000);

  /** @type {any[]} */
  let nodes = [];
  /** @type {string[]} who was held for dead */
  let dead = [];
  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    nodes = [];
    dead = [];
  });

  /** @param {any} options */
  function gossiper(options) {
    const node = new Gossiper(options);
    node.on('peer_failed', (peer) => dead.push(`${peer} by ${node.name}`));
    nodes.push(node);
    return node;
  }

  /**
   * Looks every few milliseconds until something holds.
   *
   * @param {string} what
   * @param {() => boolean} holds
   * @param {{ goal: number, within: number }} limits
   */
  async function measure(what, holds, { goal, within }) {
    const begun = performance.now();
    const elapsed = () => Math.round(performance.now() - begun);
    while (!holds()) {
      assert.ok(elapsed() < within, `${what}: not within ${within} ms`);
      await pause(20);
    }
    console.log(`      ${what}: ${elapsed()} ms (goal ${goal})`);
  }

  /** @param {number} count */
  async function start(count) {
    const seed = gossiper({ port: 0 });
    await seed.start();
    const others = Array.from({ length: count - 1 }, () =>
      gossiper({ port: 0, seeds: [seed.name] }),
    );
    await Promise.all(others.map((node) => node.start()));
  }

  const allKnowAll = () => nodes.every((node) => node.livePeers().length === nodes.length);

  for (const [count, goal] of [
    [20, 2000],
    [100, 5000],
  ]) {
    it(`${count}: all know all, and so does a key`, async () => {
      const begun = performance.now();
      await start(count);
      const started = Math.round(performance.now() - begun);
      const limits = { goal, within: 3 * goal };
      await measure(`${count} started in ${started} ms, all know all after`, allKnowAll, limits);

      const [writer] = nodes.slice(-1);
      writer.setLocalState('color', { deep: ['blue'] });
      const told = () =>
        nodes.every((node) => node.peerValue(writer.name, 'color')?.deep?.[0] === 'blue');
      await measure(`a key at all ${count}`, told, { goal: 2000, within: 6000 });

      const quiet = 10_000;
      await pause(quiet);
      assert.deepEqual(dead, [], `false deaths while they joined and in ${quiet} ms afterwards`);
      assert.ok(allKnowAll());
    });
  }

  it('50 that go without a word: the other 50 know, and hold nobody else for dead', async () => {
    await start(100);
    await measure('all know all', allKnowAll, { goal: 5000, within: 15_000 });
    const [gone, left] = [nodes.slice(50), nodes.slice(0, 50)];
    const names = gone.map((node) => node.name).sort();
    await Promise.all(gone.map((node) => node.stop()));
    nodes = left;
    const known = () => left.every((node) => node.deadPeers().sort().join() === names.join());
    await measure('50 deaths known to 50', known, { goal: 5000, within: 30_000 });
    for (const node of left) assert.equal(node.livePeers().length, 50);
  });
});
