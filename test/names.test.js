'use strict';

// Names whose addresses change: of seeds, and of nodes that move. Hosts are network namespaces,
// each with an `/etc/hosts` that a test rewrites.

const assert = require('node:assert/strict');

const { Hosts, skipIf, whyNot } = require('./support/netns');
const { killAll, service } = require('./support/processes');
const { VERSIONS } = require('./support/seneca');
const { until } = require('./support/until');

describe('names whose addresses change', function () {
  this.timeout(120_000);
  /** @type {Hosts} */
  let hosts;

  before(function () {
    skipIf(this, whyNot());
    hosts = new Hosts(4);
    hosts.resolve({});
  });
  afterEach(killAll);
  after(() => hosts?.remove());

  /**
   * @param {number} host
   * @param {string} version
   * @param {any} options
   */
  const start = (host, version, options) =>
    service({
      version,
      wrapper: hosts.on(host),
      add: options.pin ? [['role:api,cmd:who', 'who']] : [],
      options: { port: 4444, host: '0.0.0.0', ...options },
    });
  const who = (/** @type {any} */ node) => node.act('role:api,cmd:who');
  const alive = async (/** @type {any} */ node) => {
    const { members } = await node.act('sys:gossip,get:members');
    return members.filter((/** @type {any} */ one) => one.status === 'alive').length;
  };

  for (const version of VERSIONS) {
    it(`a seed is each of the addresses of its name, and those that it gets: ${version}`, async () => {
      await start(0, version, { pin: 'role:api' });
      // Nobody is at the first of them.
      hosts.resolve({ 'seeds.test': [3, 0] });
      const caller = await start(1, version, { seeds: ['seeds.test:4445'] });
      const { pid } = await until(() => who(caller));
      assert.ok(pid > 0);
      // One that starts while the name means nothing joins when it does.
      hosts.resolve({});
      const later = await start(2, version, { seeds: ['seeds.test:4445'] });
      assert.equal(await alive(later), 1);
      hosts.resolve({ 'seeds.test': [0] });
      await until(async () => (await alive(later)) === 3, { within: 20_000 });
    });

    it(`a node that comes back at another address under its name is reached there: ${version}`, async () => {
      hosts.resolve({ 'mover.test': [2] });
      const seed = await start(0, version, {});
      const seeds = [`${hosts.address(0)}:4445`];
      const caller = await start(1, version, { seeds });
      const options = { pin: 'role:api', advertise: 'mover.test', seeds };
      const before = await start(2, version, options);
      for (const node of [seed, caller]) {
        await until(async () => (await who(node)).pid === before.pid);
        assert.equal((await node.member('mover.test:4445')).gossip, `${hosts.address(2)}:4445`);
      }
      before.kill();
      await before.ended;
      hosts.resolve({ 'mover.test': [3] });
      const after = await start(3, version, options);
      const begun = Date.now();
      for (const node of [seed, caller]) {
        await until(async () => (await who(node)).pid === after.pid, { within: 10_000 });
        // Calls find it by its name, which may be sooner than gossip has let it in.
        const there = async () => {
          const { gossip, status } = await node.member('mover.test:4445');
          return gossip === `${hosts.address(3)}:4445` && status === 'alive';
        };
        await until(there, { within: 15_000, what: 'the member at its new address' });
      }
      // The same again, from a host that vanishes without a word.
      hosts.bridge(3, false);
      hosts.resolve({ 'mover.test': [2] });
      const again = await start(2, version, options);
      for (const node of [seed, caller]) {
        await until(async () => (await who(node)).pid === again.pid, { within: 15_000 });
      }
      after.kill();
      hosts.bridge(3, true);
      console.log(`      called at its new address after ${Date.now() - begun} ms`);
    });
  }

  it('of two live nodes with one name the older stays, and both say so', async () => {
    hosts.resolve({ 'twin.test': [2] });
    const seed = await start(0, 'seneca', {});
    const seeds = [`${hosts.address(0)}:4445`];
    const options = { pin: 'role:api', advertise: 'twin.test', seeds };
    /** @param {number} host */
    const twin = (host) =>
      service({
        version: 'seneca',
        wrapper: hosts.on(host),
        seneca: { log: 'warn' },
        add: [['role:api,cmd:who', 'who']],
        options: { port: 4444, host: '0.0.0.0', ...options },
      });
    const older = await twin(2);
    await until(async () => (await who(seed)).pid === older.pid);
    // The name leads to the older one still for those who call it.
    hosts.resolve({ 'twin.test': [3] });
    const newer = await twin(3);
    hosts.resolve({ 'twin.test': [2] });
    const [at, there] = [hosts.address(2), hosts.address(3)];
    const says = (/** @type {any} */ node, /** @type {string} */ words) =>
      until(() => node.output().includes(words), { within: 20_000, what: words });
    await says(older, `from ${there}:4445: it is not let in, since this node was here first`);
    await says(newer, `from ${at}:4445, and was here first: this node is not let in`);
    assert.equal((await seed.member('twin.test:4445')).gossip, `${at}:4445`);
    assert.equal((await who(seed)).pid, older.pid);
    // When it leaves, the other one is let in.
    older.kill('SIGTERM');
    await until(async () => (await seed.member('twin.test:4445')).gossip === `${there}:4445`, {
      within: 90_000,
    });
  });
});
