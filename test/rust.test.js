'use strict';

// The service of examples/service.rs, without Node.js, among JavaScript nodes.

const assert = require('node:assert/strict');

const { killAll, service } = require('./support/processes');
const { freePort } = require('./support/ports');
const { startRust } = require('./support/rust');
const { VERSIONS, act, closeAll, plain, ready } = require('./support/seneca');
const { pause, until } = require('./support/until');

const PRODUCT = { role: 'api', cmd: 'mcl', left: 2, right: 3 };
const MCL = 'cmd:mcl,role:api';

for (const version of VERSIONS) {
  describe(`a Rust service among nodes on ${version}`, function () {
    this.timeout(60_000);
    afterEach(() => Promise.all([closeAll(), killAll()]));

    /** A JavaScript node that answers role:api,cmd:add in one way or another, and also calls. */
    const adder = async (answer = 'sum') => {
      const port = await freePort();
      const add = [['role:api,cmd:add', answer]];
      const node = await service({ version, options: { port, pin: 'role:api' }, add });
      return { node, seed: `127.0.0.1:${port + 1}` };
    };
    const client = (seed) => service({ version, options: { seeds: [seed] } });
    /** A Rust node, once the given ones have its route. */
    const multiplier = async (seed, nodes, ...args) => {
      const made = await startRust(['--port', '0', '--seeds', seed, ...args]);
      for (const node of nodes) {
        await until(async () => (await targets(node)).includes(made.name), { what: 'its route' });
      }
      return made;
    };
    const targets = async (node) => {
      const { routes } = await node.act('sys:gossip,get:routes');
      const route = routes.find((one) => one.pattern === MCL);
      return route?.targets.map((target) => target.name) ?? [];
    };

    it('joins, is shown, answers, and calls', async () => {
      const { node, seed } = await adder();
      const caller = await client(seed);
      const rusty = await multiplier(seed, [node, caller], '--every', '50');
      for (const one of [node, caller]) {
        const member = await one.member(rusty.name);
        assert.equal(member.status, 'alive');
        assert.deepEqual(member.patterns, [MCL]);
        assert.equal(member.services[0].type, 'tcp');
        assert.equal(member.name, `${member.host}:${member.port + 1}`);
        assert.deepEqual(await one.act(PRODUCT), { answer: 6 });
        assert.deepEqual(await one.act({ ...PRODUCT, left: 0.5 }), { answer: 1.5 });
      }
      await until(() => rusty.calls.filter((line) => line.startsWith('= 5 ')).length >= 5);
      // 100 calls at once come back to whom they belong.
      const many = Array.from({ length: 100 }, (_, left) => caller.act({ ...PRODUCT, left }));
      (await Promise.all(many)).forEach(({ answer }, left) => {
        assert.equal(answer, left * 3);
      });
      assert.deepEqual(
        rusty.calls.filter((line) => !line.startsWith('= 5 ')),
        [],
      );
    });

    it('errors come across, both ways', async () => {
      const { node, seed } = await adder('fail');
      const rusty = await multiplier(seed, [node], '--every', '50');
      await assert.rejects(node.act({ ...PRODUCT, left: 'two' }), (err) => {
        assert.equal(err.code, 'not_a_number');
        assert.match(err.message, /must be numbers/);
        return true;
      });
      const error = await until(() => rusty.calls.find((line) => /as asked/.test(line)));
      // Seneca 3 gives every failing action that code.
      assert.match(error, version === 'seneca' ? /^= \? .*act_execute/ : /^= \? .*as_asked/);
    });

    it('SIGTERM: it leaves, ends by itself, and no call is lost', async () => {
      const { seed } = await adder();
      const caller = await client(seed);
      const first = await multiplier(seed, [caller], '--no-call');
      const second = await multiplier(seed, [caller], '--no-call');
      await caller.do('load', { msg: PRODUCT, rate: 200 });
      await pause(300);
      first.kill('SIGTERM');
      const { code, signal } = await first.ended;
      assert.deepEqual([code, signal], [0, null], first.output());
      await pause(300);
      const calls = await caller.do('unload');
      assert.ok(calls.length > 30, `${calls.length} calls`);
      assert.deepEqual(
        calls.filter((call) => call.error),
        [],
      );
      await until(async () => (await caller.member(first.name)).status === 'left');
      assert.deepEqual(await targets(caller), [second.name]);
      const events = caller.events.filter(({ name }) => name === first.name);
      assert.deepEqual(
        events.filter(({ on }) => on === 'fail' || on === 'suspect'),
        [],
      );
    });

    it('kill -9: it is dead, its route is gone; on the same ports it is back', async () => {
      const { seed } = await adder();
      const caller = await client(seed);
      const port = await freePort();
      const start = () => startRust(['--port', `${port}`, '--seeds', seed, '--no-call']);
      const first = await start();
      await until(async () => (await caller.act(PRODUCT)).answer === 6);
      const { generation } = await caller.member(first.name);
      first.kill();
      await until(async () => (await caller.member(first.name)).status === 'dead');
      assert.deepEqual(await targets(caller), []);
      await assert.rejects(caller.act(PRODUCT), { code: 'no_target' });
      const again = await start();
      assert.equal(again.name, first.name);
      await until(async () => (await caller.act(PRODUCT)).answer === 6);
      const member = await caller.member(first.name);
      assert.equal(member.status, 'alive');
      assert.ok(member.generation > generation);
    });
  });
}

// 4.0.0-rc5 has no tcp transport of its own.
describe('a Rust service and a stock Seneca', function () {
  this.timeout(60_000);
  afterEach(() => Promise.all([closeAll(), killAll()]));

  it('a plain Seneca client calls it, without our plugin', async () => {
    const port = await freePort();
    await startRust(['--port', `${port}`, '--no-call']);
    const stock = plain('seneca');
    stock.client({ type: 'tcp', host: '127.0.0.1', port, pin: 'role:api' });
    await ready(stock);
    assert.equal((await act(stock, PRODUCT)).answer, 6);
    await assert.rejects(act(stock, { ...PRODUCT, left: 'two' }), /must be numbers/);
    await assert.rejects(act(stock, 'role:api,cmd:nothing'), (err) => {
      assert.equal(err.code, 'act_not_found');
      return true;
    });
    assert.equal((await act(stock, PRODUCT)).answer, 6);
  });
});
