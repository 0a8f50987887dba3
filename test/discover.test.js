'use strict';

// Nodes on one network find each other without any address: by multicast.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');

const { Jsonic } = require('seneca').util;
const { Gossiper, intern } = require('..');
const { Hosts, skipIf, whyNot } = require('./support/netns');
const { freePort } = require('./support/ports');
const { killAll, service } = require('./support/processes');
const { rustService, startRust } = require('./support/rust');
const { VERSIONS } = require('./support/seneca');
const { pause, until } = require('./support/until');

const GROUP = '239.255.83.71';

/** @param {any} given */
const resolve = (given) => intern.options.resolve(given, { jsonic: Jsonic, env: {} });
/** @param {any} node */
const sum = async (node) => (await node.act({ role: 'api', cmd: 'add', left: 2, right: 3 })).answer;
/** @param {any} node */
const alive = async (node) => {
  const { members } = await node.act('sys:gossip,get:members');
  return members
    .filter((/** @type {any} */ one) => one.status === 'alive')
    .map((/** @type {any} */ one) => one.name)
    .sort();
};
const add = [['role:api,cmd:add', 'sum']];

describe('discovery by multicast', function () {
  this.timeout(60_000);
  afterEach(killAll);

  describe('as an option', () => {
    it('is off unless it is asked for, and binds all addresses then', () => {
      assert.equal(resolve({}).discover, null);
      assert.equal(resolve({}).host, '127.0.0.1');
      assert.deepEqual(resolve({ discover: 'multicast' }).discover, {});
      assert.equal(resolve({ discover: 'multicast' }).host, '0.0.0.0');
      assert.equal(resolve({ discover: 'multicast', host: '127.0.0.1' }).host, '127.0.0.1');
      const given = { group: '239.1.2.3', port: 7000, interface: '127.0.0.1' };
      assert.deepEqual(resolve({ discover: { multicast: given } }).discover, given);
      assert.deepEqual(resolve({ discover: { multicast: true } }).discover, {});
    });

    /** @type {[any, RegExp][]} */
    const wrong = [
      ['broadcast', /'discover' must be 'multicast'/],
      [true, /'discover' must be/],
      [{ mdns: true }, /unknown option 'discover\.mdns'/],
      [{ multicast: 'yes' }, /'discover\.multicast' must be/],
      [{ multicast: { group: '10.0.0.1' } }, /'discover\.multicast\.group' must be a multicast/],
      [{ multicast: { port: 0 } }, /'discover\.multicast\.port' must be a port/],
      [{ multicast: { ttl: 5 } }, /unknown option 'discover\.multicast\.ttl'/],
      [{ multicast: { interface: '@nope0' } }, /no interface 'nope0'/],
      [{ multicast: { interface: '::1' } }, /'discover\.multicast\.interface' must be/],
    ];
    for (const [discover, says] of wrong) {
      it(`refuses ${JSON.stringify(discover)}`, () => {
        assert.throws(() => resolve({ discover }), says);
      });
    }

    it('is refused where only IPv6 is bound', async () => {
      const node = new Gossiper({ host: '::1', discover: 'multicast' });
      await assert.rejects(node.start(), /'discover'.*IPv4/);
    });
  });

  for (const version of VERSIONS) {
    it(`processes of one host find each other: ${version}`, async () => {
      // The loopback, so that nothing leaves this machine.
      const discover = { multicast: { port: await freePort() } };
      const options = { host: '127.0.0.1', discover };
      const server = await service({ version, add, options: { ...options, pin: 'role:api' } });
      const caller = await service({ version, options });
      assert.equal(await sum(caller), 5);
      await until(async () => (await alive(server)).length === 2);
      const other = await service({ version, options });
      assert.equal(await sum(other), 5);
      const { net } = await other.act('sys:gossip,get:status');
      assert.equal(net.found > 0, true);
    });
  }

  it('does not bring clusters together', async () => {
    const discover = { multicast: { port: await freePort() } };
    const options = { host: '127.0.0.1', discover };
    const nodes = ['red', 'red', 'blue'].map((cluster) => new Gossiper({ ...options, cluster }));
    try {
      for (const node of nodes) await node.start();
      await until(() => nodes[0].livePeers().length === 2);
      await until(() => nodes[2].status().counters.dropped.cluster > 0);
      assert.equal(nodes[2].livePeers().length, 1);
      assert.equal(nodes[2].status().net.found, 0);
    } finally {
      await Promise.all(nodes.map((node) => node.stop()));
    }
  });

  it('stands what others send to the group', async () => {
    const port = await freePort();
    const discover = { multicast: { port } };
    const nodes = [0, 1].map(() => new Gossiper({ host: '127.0.0.1', discover }));
    const attacker = dgram.createSocket('udp4');
    try {
      await nodes[0].start();
      await new Promise((resolve) => attacker.bind(0, '127.0.0.1', () => resolve(null)));
      attacker.setMulticastInterface('127.0.0.1');
      const say = (/** @type {Buffer} */ bytes) =>
        new Promise((resolve) => attacker.send(bytes, port, GROUP, resolve));
      // The announcement of the document, with another port each time.
      const head = Buffer.from('01067d23e4509e7aaa2259d3a58330f5e7c900', 'hex');
      const announce = (/** @type {number} */ at) => {
        return Buffer.concat([head, Buffer.from([(at & 127) | 128, at >> 7])]);
      };
      const dropped = () => nodes[0].status().counters.dropped;
      // It may join the group a moment after its start.
      await until(
        async () => {
          await say(Buffer.alloc(0));
          await say(Buffer.alloc(1500, 1));
          await say(Buffer.concat([head, Buffer.from([0])])); // port 0
          await say(Buffer.from('0105', 'hex'));
          return dropped().malformed >= 2 && dropped().oversized >= 1;
        },
        { what: 'what is none of ours counted' },
      );
      await pause(1100); // a second's allowance
      for (let at = 1000; at < 1100; at++) await say(announce(at));
      await until(() => nodes[0].status().net.found === 16);
      await until(() => dropped().limit >= 50, { what: 'what is too much counted' });
      for (let at = 0; at < 5000; at++) await say(announce(1000 + (at % 1000)));
      // A flood takes up a second or two at most.
      await pause(1100);
      await nodes[1].start();
      await until(() => nodes.every((node) => node.livePeers().length === 2), { within: 30_000 });
    } finally {
      attacker.close();
      await Promise.all(nodes.map((node) => node.stop()));
    }
  });

  it('a node that is not told to says nothing', async () => {
    const heard = [];
    const ear = dgram.createSocket({ type: 'udp4', reuseAddr: true });
    ear.on('message', (bytes, from) => heard.push([from.address, bytes.length]));
    await new Promise((resolve) => ear.bind(8371, GROUP, () => resolve(null)));
    ear.addMembership(GROUP, '127.0.0.1');
    const quiet = new Gossiper();
    const loud = new Gossiper({ host: '127.0.0.1', cluster: 'loud', discover: 'multicast' });
    try {
      await quiet.start();
      await pause(1500);
      assert.deepEqual(heard, []);
      await loud.start();
      await until(() => heard.length > 0);
    } finally {
      ear.close();
      await Promise.all([quiet.stop(), loud.stop()]);
    }
  });

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
    after(() => hosts?.remove());

    for (const version of VERSIONS) {
      it(`nothing but the option is needed: ${version}`, async () => {
        const options = { discover: 'multicast' };
        const server = await service({
          version,
          wrapper: hosts.on(0),
          add,
          options: { ...options, pin: 'role:api' },
        });
        const caller = await service({ version, wrapper: hosts.on(1), options });
        assert.equal(await sum(caller), 5);
        const rust = await startRust(['--discover'], hosts.on(2));
        await until(() => rust.calls.some((said) => said.startsWith('= 5')));
        for (const node of [server, caller]) {
          await until(async () => (await alive(node)).length === 3);
        }
        const names = await alive(caller);
        for (const at of [0, 1, 2]) {
          assert.ok(names[at].startsWith(`${hosts.address(at)}:`), names.join());
        }
      });
    }

    it('those who start at the same time are one cluster', async () => {
      const options = { discover: 'multicast', pin: 'role:api' };
      const all = await Promise.all(
        [0, 1, 2, 0, 1, 2].map((host) =>
          service({ version: 'seneca', wrapper: hosts.on(host), add, options }),
        ),
      );
      for (const node of all) {
        await until(async () => (await alive(node)).length === 6, { within: 20_000 });
      }
    });
  });
});
