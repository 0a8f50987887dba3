'use strict';

// A key: gossip is sealed, and whoever has another one, or none, is refused.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const path = require('node:path');
const { inspect } = require('node:util');

const { Gossiper, intern } = require('..');
const { freePort } = require('./support/ports');
const { killAll, service } = require('./support/processes');
const { pause, until } = require('./support/until');
const { Jsonic } = require('seneca').util;

const resolve = (/** @type {any} */ options, env = {}) =>
  intern.options.resolve(options, { jsonic: Jsonic, env });
const newKey = () => randomBytes(32).toString('base64');

describe('a key', function () {
  this.timeout(60_000);
  this.slow(10_000);

  /** @type {any[]} */
  const gossipers = [];
  afterEach(async () => {
    delete process.env.SENECA_GOSSIP_KEY;
    await killAll();
    for (const one of gossipers.splice(0)) if (one.running) await one.stop();
  });

  /** @param {any} key @param {any[]} seeds */
  async function start(key, ...seeds) {
    const one = new Gossiper({
      port: 0,
      seeds: seeds.map(({ name }) => name),
      ...(key && { key }),
      interval: 100,
    });
    gossipers.push(one);
    /** @type {string[]} */
    const log = [];
    one.on('log', (/** @type {string} */ level, /** @type {string} */ text) => log.push(text));
    one.on('seed_failed', (/** @type {string} */ at, /** @type {string} */ why) => log.push(why));
    await one.start();
    return Object.assign(one, { log });
  }

  const know = (/** @type {any[]} */ ...all) =>
    until(() => all.every((one) => one.livePeers().length === all.length), {
      within: 20_000,
      what: `${all.length} who know each other`,
    });

  it('comes from npx seneca-gossip keygen, which says what else there is', () => {
    const file = path.join(__dirname, '../bin/seneca-gossip.js');
    const run = (/** @type {string[]} */ ...args) =>
      spawnSync(process.execPath, [file, ...args], { encoding: 'utf8' });
    const [one, two] = [run('keygen'), run('keygen')];
    assert.equal(one.status, 0);
    assert.notEqual(one.stdout, two.stdout);
    assert.ok(resolve({ gossip: { key: one.stdout.trim() } }).gossip.keys);
    assert.match(run('--help').stdout, /keygen/);
    const wrong = run('keygn');
    assert.deepEqual([wrong.status, wrong.stdout], [2, '']);
    assert.match(wrong.stderr, /'keygn' is no command[\s\S]*keygen/);
  });

  it('is checked, and shown nowhere', () => {
    const key = newKey();
    const good = resolve({ gossip: { key: [key, 'plain'] } });
    assert.deepEqual(good.gossip.keys?.reveal(), [key, 'plain']);
    assert.deepEqual(resolve({ gossip: { key: () => key } }).gossip.keys?.reveal(), [key]);
    const fromEnv = resolve({}, { SENECA_GOSSIP_KEY: `${key}, ${newKey()}` });
    assert.equal(fromEnv.gossip.keys?.reveal()[0], key);
    for (const shown of [inspect(good, { depth: 9, showHidden: true }), JSON.stringify(good)]) {
      assert.ok(!shown.includes(key), shown);
    }
    const short = randomBytes(31).toString('base64');
    for (const wrong of [short, `${key}x`, '', 7, {}, [], [key, short], Array(9).fill(key)]) {
      assert.throws(
        () => resolve({ gossip: { key: wrong } }),
        (/** @type {any} */ err) =>
          err.code === 'gossip_option' &&
          /'gossip\.key/.test(err.message) &&
          (typeof wrong !== 'string' || wrong === '' || !inspect(err).includes(wrong)),
        inspect(wrong),
      );
    }
    assert.throws(() => resolve({}, { SENECA_GOSSIP_KEY: short }), /SENECA_GOSSIP_KEY/);
  });

  it('lets those who have it know each other, and nobody else', async () => {
    const key = newKey();
    const one = await start(key);
    const two = await start(key, one);
    await know(one, two);
    one.setLocalState('k', 'v');
    await until(() => two.peerValue(one.name, 'k') === 'v');
    for (const [other, reason, says] of /** @type {[any, string, RegExp][]} */ ([
      [newKey(), 'wrong_key', /no key of this node opens/],
      [null, 'unsealed', /gossip without a seal, and this node has a key/],
    ])) {
      const stranger = await start(other, one);
      await until(() => stranger.log.some((text) => /without a word/.test(text)), {
        what: 'the reason why it does not join',
      });
      await until(() => one.status().counters.dropped[reason] > 0);
      await until(() => one.log.some((text) => says.test(text)), { what: String(says) });
      assert.equal(one.livePeers().length, 2);
      assert.equal(stranger.livePeers().length, 1);
    }
    const { keys } = one.status();
    assert.deepEqual([keys.length, keys[0].current], [1, true]);
    assert.match(keys[0].fingerprint, /^[0-9a-f]{8}$/);
    const everything = inspect([one, one.status(), one.log, gossipers], { depth: 12 });
    assert.ok(!everything.includes(key));
  });

  it('is changed while all run: nobody is lost, and the old one is worth nothing then', async () => {
    const [old, fresh] = [newKey(), newKey()];
    const one = await start(old);
    const nodes = [one, await start(old, one), await start(old, one)];
    await know(...nodes);
    let failed = 0;
    for (const node of nodes) node.on('peer_failed', () => failed++);
    for (const what of ['add', 'use', 'remove']) {
      for (const node of nodes) {
        node.changeKeys(what, what === 'remove' ? old : fresh);
        await pause(300);
      }
    }
    one.setLocalState('changed', true);
    await until(() => nodes.every((node) => node.peerValue(one.name, 'changed') === true));
    assert.equal(failed, 0);
    const stranger = await start(old, one);
    await until(() => one.status().counters.dropped.wrong_key > 0);
    assert.equal(stranger.livePeers().length, 1);
    await know(...nodes, await start(fresh, one));
  });

  it('can be introduced while all run: plain', async () => {
    const key = newKey();
    const one = await start(null);
    const nodes = [one, await start(null, one)];
    await know(...nodes);
    for (const [what, which] of [
      ['add', key],
      ['use', key],
      ['remove', 'plain'],
    ]) {
      for (const node of nodes) {
        node.changeKeys(what, which);
        await pause(300);
      }
    }
    nodes.push(await start(key, one));
    await know(...nodes);
  });

  for (const version of ['seneca', 'seneca-rc']) {
    it(`is an option of the plugin, and changed by messages, on ${version}`, async () => {
      const [key, fresh] = [newKey(), newKey()];
      const port = await freePort();
      const answering = await service({
        version,
        seneca: { log: 'debug' },
        add: [['role:api,cmd:add', 'sum']],
        options: { port, pin: 'role:api', gossip: { key } },
      });
      // Opens what is sealed with the old one, but seals with the new one: refused until that is added.
      process.env.SENECA_GOSSIP_KEY = `${fresh},${key}`;
      const options = { seeds: [`127.0.0.1:${port + 1}`] };
      const caller = await service({ version, seneca: { log: 'debug' }, options });
      const ask = (/** @type {any} */ msg) => answering.act({ sys: 'gossip', ...msg });
      const change = (/** @type {string} */ what, /** @type {string} */ key) =>
        ask({ [what]: 'key', key });
      const { keys } = await change('add', fresh);
      assert.deepEqual([keys.length, keys[0].current], [2, true]);
      await until(async () => (await caller.act('role:api,cmd:add,left:1,right:2')).answer === 3);
      await ask({ use: 'key', key: keys[1].fingerprint });
      await assert.rejects(ask({ remove: 'key', key: keys[1].fingerprint }), /seals with/);
      await change('remove', key);
      await assert.rejects(ask({ add: 'key' }), { code: 'gossip_value' });
      await assert.rejects(ask({ add: 'keys', key }), (/** @type {any} */ err) => {
        return err.code === 'act_not_found' && !err.message.includes(key.slice(0, 20));
      });
      await assert.rejects(change('add', 'nonsense'), { code: 'gossip_value' });
      assert.equal((await ask({ get: 'status' })).keys.length, 1);
      assert.equal((await caller.act('role:api,cmd:add,left:1,right:2')).answer, 3);
      for (const node of [answering, caller]) {
        const at = node.output().indexOf(key);
        assert.equal(at, -1, node.output().slice(at - 500, at + 100));
        assert.ok(!node.output().includes(fresh.slice(0, 20)), 'the new key is in what it says');
      }
    });
  }
});
