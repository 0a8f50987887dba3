'use strict';

const assert = require('node:assert/strict');

const { killAll, service } = require('./support/processes');
const { freePort } = require('./support/ports');
const { VERSIONS, act, closeAll, gossip, node, plain } = require('./support/seneca');
const { pause, until } = require('./support/until');

for (const version of VERSIONS) {
  describe(`close, on ${version}`, function () {
    this.timeout(60_000);
    afterEach(() => Promise.all([closeAll(), killAll()]));

    const server = (port, options, more) =>
      service({
        ...more,
        version,
        options: { port, pin: 'role:api', ...options },
        add: [
          ['role:api,cmd:who', 'who'],
          ['role:api,cmd:slow', 'slow'],
        ],
      });

    it('lets the process exit by itself', async () => {
      const port = await freePort();
      const first = await server(port);
      const caller = await service({ version, options: { seeds: [`127.0.0.1:${port + 1}`] } });
      await caller.act('role:api,cmd:who');
      for (const one of [caller, first]) {
        one.do('close').catch(() => {});
        const { code } = await Promise.race([one.ended, pause(8000).then(() => ({}))]);
        assert.equal(code, 0, `still there: ${one.output()}`);
      }
    });

    it('finishes calls in flight, and the others do not notice', async () => {
      const port = await freePort();
      const first = await server(port);
      const seeds = [`127.0.0.1:${port + 1}`];
      const second = await server(await freePort(), { seeds });
      const caller = await service({ version, options: { seeds } });
      await until(async () => {
        const { routes } = await caller.act('sys:gossip,get:routes');
        return routes.length > 0 && routes.every((route) => route.targets.length === 2);
      });
      const slow = Promise.all(
        Array.from({ length: 10 }, () => caller.act({ role: 'api', cmd: 'slow', ms: 800 })),
      );
      /** @type {string[]} */
      const failed = [];
      let calls = 0;
      let stop = false;
      const steady = (async () => {
        while (!stop) {
          calls++;
          await caller
            .act('role:api,cmd:who')
            .catch((err) => failed.push(`${err.code} ${err.message}`));
          await pause(5);
        }
      })();
      await pause(100);
      first.do('close').catch(() => {});
      const answers = await slow;
      assert.ok(answers.some(({ pid }) => pid === first.pid));
      await first.ended;
      await pause(200);
      stop = true;
      await steady;
      assert.deepEqual(failed, [], `${failed.length} of ${calls} calls failed`);
      assert.equal((await caller.act('role:api,cmd:who')).pid, second.pid);
      assert.equal((await caller.member(`127.0.0.1:${port + 1}`)).status, 'left');
    });

    it('waits no longer than drain', async () => {
      const port = await freePort();
      const first = await server(port, { drain: 300 });
      const caller = await service({ version, options: { seeds: [`127.0.0.1:${port + 1}`] } });
      const slow = caller.act({ role: 'api', cmd: 'slow', ms: 15_000 });
      slow.catch(() => {});
      await pause(100);
      const began = Date.now();
      first.do('close').catch(() => {});
      await assert.rejects(slow, { code: 'target_lost' });
      assert.ok(Date.now() - began < 5000);
    });

    for (const signal of ['SIGTERM', 'SIGINT']) {
      it(`${signal} leaves in order`, async () => {
        const port = await freePort();
        const first = await server(port);
        const caller = await service({ version, options: { seeds: [`127.0.0.1:${port + 1}`] } });
        first.kill(signal);
        const ended = await first.ended;
        assert.equal(ended.signal, signal);
        await until(async () => (await caller.member(`127.0.0.1:${port + 1}`)).status === 'left');
      });
    }

    it('a signal ends the process soon, when drain was too short for what runs', async () => {
      const port = await freePort();
      const first = await server(port, { drain: 300 });
      const caller = await service({ version, options: { seeds: [`127.0.0.1:${port + 1}`] } });
      caller.act({ role: 'api', cmd: 'slow', ms: 15_000 }).catch(() => {});
      await pause(100);
      const began = Date.now();
      first.kill('SIGTERM');
      assert.equal((await first.ended).signal, 'SIGTERM');
      assert.ok(Date.now() - began < 8000);
    });

    it('listeners of signal-exit are no handlers of the host', async () => {
      const port = await freePort();
      const first = await server(port, {}, { watched: true });
      const caller = await service({ version, options: { seeds: [`127.0.0.1:${port + 1}`] } });
      first.kill('SIGTERM');
      assert.equal((await first.ended).signal, 'SIGTERM');
      assert.ok(first.events.some(({ on }) => on === 'exit'));
      await until(async () => (await caller.member(`127.0.0.1:${port + 1}`)).status === 'left');
    });

    it('a signal that the host handles is left to the host', async () => {
      const first = await server(await freePort(), {}, { handles: 'SIGTERM' });
      first.kill('SIGTERM');
      await until(() => first.events.some(({ on }) => on === 'signal'));
      await pause(300);
      assert.equal((await first.act('role:api,cmd:who')).pid, first.pid);
      assert.equal((await first.act('sys:gossip,get:members')).members.length, 1);
    });

    it('and one that the options leave alone ends the process as ever', async () => {
      const port = await freePort();
      const seeds = [`127.0.0.1:${port + 1}`];
      const first = await server(port, { signals: false });
      const caller = await service({ version, options: { seeds } });
      first.kill('SIGTERM');
      assert.equal((await first.ended).signal, 'SIGTERM');
      await until(async () => (await caller.member(seeds[0])).status === 'dead');
    });

    it('the action that tells plugins of it may be called more than once', async () => {
      const seneca = await node(version, { pin: 'role:api' });
      const sys = version === 'seneca' ? 'role' : 'sys';
      await act(seneca, `${sys}:seneca,cmd:close`);
      await act(seneca, `${sys}:seneca,cmd:close`);
      await closeAll();
      await seneca.close();
    });

    it('may come while the node is still joining', async () => {
      const seneca = plain(version);
      seneca.use(gossip, { pin: 'role:api', seeds: ['127.0.0.1:1'], jointime: 5000 });
      await pause(200);
      const began = Date.now();
      await seneca.close();
      assert.ok(Date.now() - began < 4000);
    });

    it('may come before the node has begun to start', async () => {
      for (const turns of [0, 1, 2]) {
        const port = await freePort();
        const seneca = plain(version);
        seneca.use(gossip, { port, pin: 'role:api' });
        for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
        await new Promise((resolve) => seneca.close(resolve));
        await pause(500);
        // Nobody is left behind who could not be closed any more: the ports are free.
        const next = await node(version, { port, pin: 'role:api' });
        await next.close();
      }
    });

    it('a function for seeds that never answers holds up neither start nor close', async () => {
      const never = () => new Promise(() => {});
      const seneca = plain(version);
      seneca.use(gossip, { seeds: never });
      await pause(200);
      const began = Date.now();
      await new Promise((resolve) => seneca.close(resolve));
      assert.ok(Date.now() - began < 4000);
      const other = await node(version, { seeds: never });
      assert.equal((await act(other, 'sys:gossip,get:members')).members.length, 1);
    });

    it('calls that wait for a needed pattern end with it', async () => {
      const seneca = await node(version, { need: 'role:later' });
      const waiting = act(seneca, 'role:later,timeout$:20000');
      waiting.catch(() => {});
      await pause(100);
      await act(seneca, 'sys:gossip,cmd:leave');
      await assert.rejects(waiting, { code: 'closed' });
      await assert.rejects(act(seneca, 'role:later,timeout$:20000'), { code: 'closed' });
    });

    it('gives a promise, or calls back', async () => {
      const first = await node(version, {});
      assert.ok(first.close() instanceof Promise);
      const second = await node(version, {});
      await new Promise((resolve) => assert.equal(second.close(resolve), second));
    });

    it('cmd:leave leaves the cluster and keeps the instance', async () => {
      const port = await freePort();
      const first = await server(port, {}, { keep: true });
      const caller = await service({ version, options: { seeds: [`127.0.0.1:${port + 1}`] } });
      assert.equal((await caller.act('role:api,cmd:who')).pid, first.pid);
      assert.deepEqual(await first.act('sys:gossip,cmd:leave'), { ok: true });
      await until(async () => (await caller.member(`127.0.0.1:${port + 1}`)).status === 'left');
      await assert.rejects(caller.act('role:api,cmd:who'), { code: 'no_target' });
      assert.equal((await first.act('role:api,cmd:who')).pid, first.pid);
    });
  });
}
