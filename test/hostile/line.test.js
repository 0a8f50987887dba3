'use strict';

// One sender of the call port against all others, on nodes with the plugin. (More on hostile input
// to the call port: test/tcp/hostile.test.js.)

const assert = require('node:assert/strict');

const { attack } = require('../support/attacker');
const { freePort } = require('../support/ports');
const { killAll, service } = require('../support/processes');
const { VERSIONS } = require('../support/seneca');
const { pause } = require('../support/until');
const { MB, rss } = require('../support/victims');

for (const version of VERSIONS) {
  describe(`a JSON line of 100 MB to a node of ${version}`, function () {
    this.timeout(60_000);
    after(killAll);

    it('is refused, and delays nobody for long', async () => {
      const port = await freePort();
      const server = await service({
        version,
        options: { port, pin: 'role:api', signals: false },
        add: [['role:api,cmd:add', 'sum']],
      });
      const caller = await service({
        version,
        options: { seeds: [`127.0.0.1:${port + 1}`], signals: false },
      });
      const before = rss(server.pid) ?? 0;
      let peak = 0;
      let slowest = 0;
      let calls = 0;
      let done = false;
      const calling = (async () => {
        while (!done) {
          const begun = Date.now();
          const sum = await caller.act({ role: 'api', cmd: 'add', left: 2, right: 3 });
          assert.deepEqual(sum, { pid: server.pid, answer: 5 });
          slowest = Math.max(slowest, Date.now() - begun);
          peak = Math.max(peak, rss(server.pid) ?? 0);
          calls++;
          await pause(10);
        }
      })();
      const reply = await attack({ host: '127.0.0.1', port }, async (attacker) => {
        const socket = await attacker.connect();
        const said = new Promise((resolve) => socket.once('data', resolve));
        socket.write('{"id":"big/big","kind":"act","sync":true,"act":{"role":"api","pad":"');
        const piece = Buffer.alloc(MB, 'x');
        for (let n = 0; n < 100; n++) {
          await pause(5);
          if (!socket.write(piece)) await new Promise((resolve) => socket.once('drain', resolve));
        }
        socket.write('"}}\n');
        return JSON.parse(String(await said));
      });
      done = true;
      await calling;
      assert.equal(reply.id, 'big/big');
      assert.equal(reply.error.code, 'line_too_long');
      const grown = Math.round((peak - before) / MB);
      console.log(
        `      ${calls} calls meanwhile, the slowest ${slowest} ms; grown by ${grown} MB`,
      );
      assert.ok(grown < 150, `grown by ${grown} MB`);
      assert.ok(slowest < 2000, `a call took ${slowest} ms`);
      const status = await server.act('sys:gossip,get:status');
      assert.equal(status.calls.in.tooLong, 1);
    });
  });
}
