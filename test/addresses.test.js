'use strict';

// Where nodes bind and what they tell others, apart: interfaces by name, mapped ports, IPv6.

const assert = require('node:assert/strict');
const os = require('node:os');

const { Jsonic } = require('seneca').util;
const { Gossiper, intern } = require('..');
const { mapPort } = require('./support/mapping');
const { freePort } = require('./support/ports');
const { killAll, service } = require('./support/processes');
const { until } = require('./support/until');

/** @param {any} given */
const resolve = (given) => intern.options.resolve(given, { jsonic: Jsonic, env: {} });

const interfaces = Object.entries(os.networkInterfaces());
const [loopback] = interfaces.find(([, list]) => list?.some((one) => one.internal)) ?? [''];
const v6 = interfaces.some(([, list]) => list?.some((one) => one.address === '::1'));

describe('addresses', function () {
  this.timeout(60_000);
  /** @type {{ close: () => void }[]} */
  const mappings = [];
  afterEach(async () => {
    await killAll();
    for (const mapping of mappings.splice(0)) mapping.close();
  });

  const add = [['role:api,cmd:add', 'sum']];
  /** @param {any} options */
  const adder = (options) =>
    service({ version: 'seneca', add, options: { pin: 'role:api', ...options } });
  /** @param {any} options */
  const caller = (options) => service({ version: 'seneca', options });
  /** @param {any} node */
  const sum = async (node) =>
    (await node.act({ role: 'api', cmd: 'add', left: 2, right: 3 })).answer;
  /** @param {any} node */
  const names = async (node) => {
    const { members } = await node.act('sys:gossip,get:members');
    return members
      .filter((/** @type {any} */ one) => one.status === 'alive')
      .map((/** @type {any} */ one) => one.name)
      .sort();
  };

  describe('by the name of an interface', () => {
    it('are those that it has', () => {
      const all = resolve({ host: `@${loopback}`, gossip: { host: `@${loopback}` } });
      assert.equal(all.host, '127.0.0.1');
      assert.equal(all.gossip.host, '127.0.0.1');
      assert.equal(resolve({ advertise: `@${loopback}` }).advertise.host, '127.0.0.1');
    });

    for (const [option, given] of Object.entries({
      host: { host: '@nope0' },
      advertise: { advertise: '@nope0' },
      'advertise.host': { advertise: { host: '@nope0' } },
      'gossip.host': { gossip: { host: '@nope0' } },
    })) {
      it(`are refused with those that there are: ${option}`, () => {
        assert.throws(
          () => resolve(given),
          (/** @type {any} */ err) => {
            assert.equal(err.code, 'gossip_option');
            assert.equal(err.details.option, option);
            assert.match(err.message, /no interface 'nope0'/);
            assert.ok(err.message.includes(`'${option}'`) && err.message.includes(loopback));
            return true;
          },
        );
      });
    }

    it('work for calls and gossip, and for a Gossiper', async () => {
      const port = await freePort();
      await adder({ port, host: `@${loopback}` });
      const one = await caller({ host: `@${loopback}`, seeds: [`127.0.0.1:${port + 1}`] });
      assert.equal(await sum(one), 5);
      const gossiper = new Gossiper({ host: `@${loopback}`, advertise: `@${loopback}` });
      const info = await gossiper.start();
      await gossiper.stop();
      assert.equal(info.name, `127.0.0.1:${info.port}`);
    });
  });

  describe('of a port mapping', () => {
    it('are told in place of the bound ones, for calls and gossip', async () => {
      const inner = await freePort();
      const outer = await freePort();
      const calls = await mapPort(outer, inner);
      const gossip = await mapPort(outer + 2, inner + 1);
      mappings.push(calls, gossip);
      const server = await adder({
        port: inner,
        advertise: { host: '127.0.0.1', port: outer, gossipPort: outer + 2 },
      });
      const name = `127.0.0.1:${outer + 2}`;
      const one = await caller({ seeds: [name] });
      assert.equal(await sum(one), 5);
      const other = await caller({ seeds: [name] });
      const all = await until(async () => {
        const found = await names(one);
        return found.length === 3 && found;
      });
      assert.ok(all.includes(name), all.join());
      for (const node of [server, other]) {
        await until(async () => assert.deepEqual(await names(node), all) ?? true);
      }
      assert.equal(await sum(other), 5);
      const { host, port } = await one.member(name);
      assert.deepEqual([host, port], ['127.0.0.1', outer]);
      assert.equal(calls.counts.connections, 2);
      assert.ok(gossip.counts.datagrams > 0 && gossip.counts.connections >= 2);
      // Nobody is told of the inner ports.
      const told = JSON.stringify(await one.act('sys:gossip,get:members'));
      assert.ok(!told.includes(`:${inner}`) && !told.includes(`:${inner + 1}`), told);
    });

    it('work for a Gossiper', async () => {
      const inner = await freePort();
      const outer = await freePort();
      mappings.push(await mapPort(outer, inner));
      const mapped = new Gossiper({ port: inner, advertise: { gossipPort: outer } });
      const other = new Gossiper(0, [`127.0.0.1:${outer}`]);
      try {
        const { name } = await mapped.start();
        assert.equal(name, `127.0.0.1:${outer}`);
        await other.start();
        await until(() => other.livePeers().includes(name) && mapped.livePeers().length === 2);
      } finally {
        await Promise.all([mapped.stop(), other.stop()]);
      }
    });

    it('are refused where they are none', () => {
      const wrong = (/** @type {any} */ advertise, /** @type {RegExp} */ says) =>
        assert.throws(() => resolve({ advertise }), says);
      wrong({ port: 0 }, /'advertise\.port' must be a port from 1 to 65535/);
      wrong({ gossipPort: '4445' }, /'advertise\.gossipPort' must be a port/);
      wrong(
        { gossip: 1 },
        /unknown option 'advertise\.gossip'; known are: .*advertise\.gossipPort/,
      );
      wrong({ host: 'a:1' }, /'advertise\.host' must be a host name or address, without port/);
      assert.throws(() => new Gossiper({ advertise: { port: 1 } }), /unknown option/);
    });
  });

  describe('of IPv6', () => {
    before(function () {
      if (v6) return;
      process.stdout.write('      skipped, this machine has no ::1\n');
      this.skip();
    });

    it('are bound, told, joined and called', async () => {
      const port = await freePort();
      await adder({ port, host: '::1' });
      const one = await caller({ host: '::1', seeds: [`[::1]:${port + 1}`] });
      assert.equal(await sum(one), 5);
      await until(async () => (await names(one)).includes(`[::1]:${port + 1}`));
    });

    it("are told by 'advertise', where all addresses are bound", async () => {
      const port = await freePort();
      const server = await adder({ port, host: '::', advertise: '::1' });
      const one = await caller({ host: '::1', seeds: [`[::1]:${port + 1}`] });
      assert.equal(await sum(one), 5);
      const both = await names(one);
      await until(async () => assert.deepEqual(await names(server), both) ?? true);
      const { gossip } = await one.member(`[::1]:${port + 1}`);
      assert.equal(gossip, `[::1]:${port + 1}`);
    });

    it('live beside those of IPv4 on nodes that bind both', async () => {
      const port = await freePort();
      await adder({ port, host: '::', advertise: '127.0.0.1' });
      const old = await caller({ host: '127.0.0.1', seeds: [`127.0.0.1:${port + 1}`] });
      const both = await caller({
        host: '::',
        advertise: '127.0.0.1',
        seeds: [`[::1]:${port + 1}`],
      });
      assert.equal(await sum(old), 5);
      assert.equal(await sum(both), 5);
      await until(async () => (await names(old)).length === 3);
    });
  });
});
