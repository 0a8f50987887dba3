'use strict';

// Beyond loopback: three hosts, each a network namespace with an address of its own,
// on which every node binds to 0.0.0.0 and says nothing of where it is.

const assert = require('node:assert/strict');

const { Hosts, skipIf, whyNot } = require('./support/netns');
const { killAll, service } = require('./support/processes');
const { rustService, startRust } = require('./support/rust');
const { until } = require('./support/until');

describe('between hosts', function () {
  this.timeout(120_000);
  /** @type {Hosts} */
  let hosts;

  before(async function () {
    this.timeout(600_000); // it may have to be built
    skipIf(this, whyNot());
    await rustService();
    hosts = new Hosts(3);
  });
  afterEach(async () => {
    await killAll();
    hosts?.restore();
  });
  after(() => hosts?.remove());

  /**
   * @param {number} host
   * @param {string} version
   * @param {[string, string][]} add
   */
  const start = (host, version, add) =>
    service({
      version,
      wrapper: hosts.on(host),
      add,
      options: {
        port: 4444,
        host: '0.0.0.0',
        pin: 'role:api',
        seeds: host === 0 ? [] : [`${hosts.address(0)}:4445`],
      },
    });

  /** @param {number} host */
  const startRustOn = (host) => {
    const args = ['--port', '4444', '--host', '0.0.0.0', '--seeds', `${hosts.address(0)}:4445`];
    return startRust(args, hosts.on(host));
  };

  /** @param {any} node */
  const view = async (node) => {
    const { members } = await node.act('sys:gossip,get:members');
    return members.map((/** @type {any} */ one) => `${one.name} ${one.status}`).sort();
  };
  const names = () => [0, 1, 2].map((i) => `${hosts.address(i)}:4445`);
  const allAlive = () => names().map((name) => `${name} alive`);
  const call = (/** @type {any} */ node, /** @type {string} */ cmd) =>
    node.act({ role: 'api', cmd, left: 2, right: 3 });

  for (const version of ['seneca', 'seneca-rc']) {
    it(`0.0.0.0 without 'advertise' works both ways, and is never told: ${version}`, async () => {
      const adder = await start(0, version, [['role:api,cmd:add', 'sum']]);
      const other = await start(1, version, [['role:api,cmd:sub', 'product']]);
      const rust = await startRustOn(2);
      assert.equal(rust.name, names()[2]);
      for (const node of [adder, other]) {
        await until(async () => assert.deepEqual(await view(node), allAlive()) ?? true);
        const { members } = await node.act('sys:gossip,get:members');
        assert.ok(!JSON.stringify(members).includes('0.0.0.0'), JSON.stringify(members));
      }
      for (const node of [adder, other]) {
        await until(async () => (await call(node, 'mcl')).answer === 6);
        assert.equal((await call(node, 'add')).answer, 5);
        assert.equal((await call(node, 'sub')).pid, other.pid);
      }
      await until(() => rust.calls.some((said) => said.startsWith('= 5')), {
        what: 'a call out of Rust',
      });
    });
  }

  it('an interface by its name is bound and told', async () => {
    const adder = await service({
      version: 'seneca',
      wrapper: hosts.on(0),
      add: [['role:api,cmd:add', 'sum']],
      options: { port: 4444, host: '@eth0', pin: 'role:api' },
    });
    const caller = await service({
      version: 'seneca',
      wrapper: hosts.on(1),
      options: {
        port: 4444,
        host: '0.0.0.0',
        advertise: '@eth0',
        seeds: [`${hosts.address(0)}:4445`],
      },
    });
    assert.equal((await call(caller, 'add')).answer, 5);
    const expected = allAlive().slice(0, 2);
    await until(async () => assert.deepEqual(await view(adder), expected) ?? true);
  });

  /** @type {[string, (linked: boolean) => void][]} */
  const cuts = [
    ['in the network, silently', (linked) => hosts.bridge(2, linked)],
    ['by its own link', (linked) => hosts.link(2, linked)],
  ];
  for (const [how, set] of cuts) {
    it(`a host that is cut off ${how} is dead, alive again when it is back, and called`, async () => {
      const adder = await start(0, 'seneca', [['role:api,cmd:add', 'sum']]);
      const other = await start(1, 'seneca', [['role:api,cmd:sub', 'product']]);
      const rust = await startRustOn(2);
      const agree = (/** @type {string[]} */ expected, within = 30_000) =>
        Promise.all(
          [adder, other].map((node) =>
            until(async () => assert.deepEqual(await view(node), expected) ?? true, { within }),
          ),
        );
      await agree(allAlive());
      // A member may be seen before what it answers is known: a cut in between would leave
      // nobody who ever heard of the pattern, and another error below.
      for (const node of [adder, other]) {
        await until(async () => (await call(node, 'mcl')).answer === 6);
      }

      const begun = Date.now();
      set(false);
      await agree([...allAlive().slice(0, 2), `${names()[2]} dead`]);
      console.log(`      the others saw it dead after ${Date.now() - begun} ms`);
      await assert.rejects(call(adder, 'mcl'), /answers/);
      assert.equal((await call(other, 'add')).answer, 5);
      const alone = () => names().every((name, i) => i === 2 || rust.members.get(name) === 'dead');
      await until(alone, { within: 30_000, what: 'the lonely view of the one cut off' });

      const healed = Date.now();
      set(true);
      await agree(allAlive(), 60_000);
      const together = () => [...rust.members.values()].every((status) => status === 'alive');
      await until(together, { within: 60_000, what: 'the view of the one that is back' });
      console.log(`      one view again ${Date.now() - healed} ms after the cut was healed`);
      for (const node of [adder, other]) {
        await until(async () => (await call(node, 'mcl')).answer === 6);
      }
      const before = rust.calls.length;
      await until(() => rust.calls.slice(before).some((said) => said.startsWith('= 5')), {
        what: 'a call out of Rust',
      });
    });
  }
});
