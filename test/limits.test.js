'use strict';

const assert = require('node:assert/strict');

const { killAll, service } = require('./support/processes');
const { freePort } = require('./support/ports');
const { VERSIONS } = require('./support/seneca');
const { pause, until } = require('./support/until');

for (const version of VERSIONS) {
  describe(`offers of a pin, on ${version}`, function () {
    this.timeout(60_000);
    afterEach(killAll);

    /** A server with one entry of `listen`, and a client. */
    async function pair(entry) {
      const port = await freePort();
      const server = await service({
        version,
        options: { port, listen: [{ pin: 'role:api', ...entry }] },
        add: [
          ['role:api,cmd:slow', 'slow'],
          ['role:api,cmd:who', 'who'],
        ],
      });
      const caller = await service({ version, options: { seeds: [`127.0.0.1:${port + 1}`] } });
      return { server, caller, port };
    }

    it('concurrency bounds what one caller has in flight', async () => {
      const { caller } = await pair({ concurrency: 2 });
      const calls = Array.from({ length: 5 }, () =>
        caller.act({ role: 'api', cmd: 'slow', ms: 500 }).then(
          () => 'ok',
          (err) => err.code,
        ),
      );
      const ended = await Promise.all(calls);
      assert.equal(ended.filter((how) => how === 'ok').length, 2);
      assert.equal(ended.filter((how) => how === 'overloaded').length, 3);
    });

    it('timeout is the deadline of its calls', async () => {
      const { caller } = await pair({ timeout: 300 });
      const began = Date.now();
      await assert.rejects(caller.act({ role: 'api', cmd: 'slow', ms: 5000 }), {
        code: 'call_timeout',
      });
      assert.ok(Date.now() - began < 4000);
    });

    it('wait waits for a target to come back', async () => {
      const { caller, server, port } = await pair({ wait: 10_000 });
      assert.equal((await caller.act('role:api,cmd:who')).pid, server.pid);
      server.kill();
      await server.ended;
      // A call written before the caller has seen the end would be lost, not wait.
      await pause(200);
      const answer = caller.act('role:api,cmd:who');
      const again = await service({
        version,
        options: { port, listen: [{ pin: 'role:api', wait: 10_000 }] },
        add: [['role:api,cmd:who', 'who']],
      });
      assert.equal((await answer).pid, again.pid);
    });

    it('model observe reaches every node', async () => {
      const { caller, server, port } = await pair({ model: 'observe' });
      const second = await service({
        version,
        options: {
          listen: { pin: 'role:api', model: 'observe' },
          seeds: [`127.0.0.1:${port + 1}`],
        },
        add: [['role:api,cmd:slow', 'slow']],
      });
      await until(async () => {
        const { routes } = await caller.act('sys:gossip,get:routes');
        const slow = routes.find(({ pattern }) => pattern === 'cmd:slow,role:api');
        return slow.targets.length === 2;
      });
      const inbound = async (one) => (await one.act('sys:gossip,get:status')).calls.in.accepted;
      const before = [await inbound(server), await inbound(second)];
      for (let at = 0; at < 5; at++) await caller.act({ role: 'api', cmd: 'slow', ms: 100 });
      assert.deepEqual(
        [await inbound(server), await inbound(second)],
        before.map((n) => n + 5),
      );
    });
  });
}
