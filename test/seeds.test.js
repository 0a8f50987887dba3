'use strict';

// Seeds that are not fixed: a function, SRV records, seeds that are set while a node runs.

const assert = require('node:assert/strict');
const dns = require('node:dns');

const { Gossiper } = require('..');
const { Seeds } = require('../lib/seeds');
const { NameServer } = require('./support/dns');
const { VERSIONS, act, closeAll, node } = require('./support/seneca');
const { pause, until } = require('./support/until');

const NAME = '_gossip._udp.cluster.test';

/** @param {any} seneca */
const alive = async (seneca) => {
  const { members } = await act(seneca, 'sys:gossip,get:members');
  return members.filter((/** @type {any} */ one) => one.status === 'alive').length;
};

describe('seeds that are not fixed', function () {
  this.timeout(60_000);
  afterEach(closeAll);

  /** A service, and its gossip address. @param {string} version */
  const server = async (version) => {
    const made = await node(version, { pin: 'role:api' }, (seneca) => {
      seneca.add('role:api,cmd:add', (/** @type {any} */ msg, /** @type {any} */ reply) =>
        reply({ answer: msg.left + msg.right }),
      );
    });
    const { name } = await act(made, 'sys:gossip,get:status');
    return { name, port: Number(name.split(':')[1]) };
  };
  /** @param {any} seneca */
  const sum = async (seneca) =>
    (await act(seneca, { role: 'api', cmd: 'add', left: 2, right: 3 })).answer;

  for (const version of VERSIONS) {
    it(`a function is asked until the node has joined, on ${version}`, async () => {
      const { name } = await server(version);
      /** @type {string[][]} */
      const answers = [[], []];
      let asked = 0;
      const caller = await node(version, {
        seeds: async () => {
          asked += 1;
          if (asked === 2) throw new Error('the cloud is down');
          return answers.shift() ?? [name];
        },
      });
      await until(async () => (await sum(caller)) === 5);
      assert.ok(asked >= 4, `asked ${asked} times`);
    });

    it(`a function is asked at the stated interval afterwards, on ${version}`, async () => {
      const one = await server(version);
      const lonely = await server(version);
      let list = [one.name];
      const caller = await node(version, { seeds: () => list, gossip: { resolve: 1000 } });
      assert.equal(await sum(caller), 5);
      assert.equal(await alive(caller), 2);
      // A second cluster is learned of, and joined with the first.
      list = [one.name, lonely.name];
      await until(async () => (await alive(caller)) === 3, { within: 20_000 });
    });
  }

  it('a function that never answers does not hold a start up', async () => {
    const begun = Date.now();
    await node('seneca', { seeds: () => new Promise(() => {}) });
    assert.ok(Date.now() - begun < 20_000);
  });

  it('the reason of a failure is told once, and again when it is another one', async () => {
    /** @type {string[]} */
    const lines = [];
    let reason = 'down';
    const seeds = new Seeds({
      given: () => {
        throw new Error(reason);
      },
      log: (_level, text) => lines.push(text),
    });
    await seeds.ask(1000);
    await seeds.ask(1000);
    assert.deepEqual(lines, ["the function in option 'seeds' failed: down"]);
    reason = 'gone';
    await seeds.ask(1000);
    assert.equal(lines.length, 2);
    assert.deepEqual(seeds.list, []);
  });

  describe('by SRV records', () => {
    const before = dns.getServers();
    /** @type {NameServer} */
    let names;
    beforeEach(async () => {
      names = new NameServer();
      const address = await names.start();
      dns.setServers([address]);
      dns.promises.setServers([address]);
    });
    afterEach(() => {
      dns.setServers(before);
      dns.promises.setServers(before);
      names.close();
    });

    for (const version of VERSIONS) {
      it(`are joined by, on ${version}`, async () => {
        const one = await server(version);
        names.records.set(NAME, [
          { name: 'localhost', port: 1 },
          { name: 'localhost', port: one.port },
        ]);
        const caller = await node(version, { seeds: [NAME] });
        assert.equal(await sum(caller), 5);
      });
    }

    it('are looked up until there are some', async () => {
      const one = await server('seneca');
      const caller = await node('seneca', { seeds: NAME });
      await until(() => names.asked >= 2);
      assert.equal(await alive(caller), 1);
      names.records.set(NAME, [{ name: 'localhost', port: one.port }]);
      await until(async () => (await sum(caller)) === 5);
    });

    it('that change are followed, and stay where the name server is gone', async () => {
      /** @type {string[]} */
      const lines = [];
      const seeds = new Seeds({ given: [NAME, 'a:1'], log: (_level, text) => lines.push(text) });
      names.records.set(NAME, [{ name: 'b.test', port: 4445 }]);
      assert.deepEqual(await seeds.ask(5000), ['b.test:4445', 'a:1']);
      names.records.set(NAME, [
        { name: 'b.test', port: 4455 },
        { name: 'nobody.test', port: 0 },
      ]);
      assert.deepEqual(await seeds.ask(5000), ['b.test:4455', 'a:1']);
      names.records.clear();
      assert.deepEqual(await seeds.ask(5000), ['b.test:4455', 'a:1']);
      names.silent = true;
      assert.deepEqual(await seeds.ask(200), ['b.test:4455', 'a:1']);
      assert.equal(lines.length, 2);
      assert.match(lines[0], /seed '_gossip\._udp\.cluster\.test' cannot be resolved: .*ENOTFOUND/);
      assert.match(lines[1], /no answer within 200 ms/);
    });
  });

  it('may be set while a Gossiper runs', async () => {
    const one = new Gossiper();
    const other = new Gossiper();
    try {
      assert.throws(() => one.setSeeds(['127.0.0.1:1']), { code: 'gossip_state' });
      await Promise.all([one.start(), other.start()]);
      assert.throws(() => one.setSeeds(['nonsense']), /'seeds\[0\]'/);
      assert.throws(() => one.setSeeds([NAME]), /'seeds' must be addresses/);
      one.setSeeds(['127.0.0.1:1']);
      await pause(50);
      one.setSeeds([`127.0.0.1:${other.info?.port}`]);
      await until(() => one.livePeers().length === 2 && other.livePeers().length === 2);
    } finally {
      await Promise.all([one.stop(), other.stop()]);
    }
  });
});
