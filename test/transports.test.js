'use strict';

// Other transports than tcp: the plugin uses their own hooks. Seneca 3.38 brings two
// `web` ones, with different wires; 4.0.0-rc5 brings none.

const assert = require('node:assert/strict');
const http = require('node:http');

const { killAll, refused, service } = require('./support/processes');
const { freePort } = require('./support/ports');
const { VERSIONS, act, closeAll, node } = require('./support/seneca');
const { pause, until } = require('./support/until');

const WIRES = {
  'the web of seneca-transport': {},
  'the web of Seneca itself': { legacy: { transport: false } },
};

for (const [name, seneca] of Object.entries(WIRES)) {
  describe(`type web, ${name}`, function () {
    this.timeout(60_000);
    afterEach(killAll);

    const version = 'seneca';
    const server = (port, options) =>
      service({
        version,
        seneca,
        options: { port, type: 'web', pin: 'role:api', ...options },
        add: [
          ['role:api,cmd:who', 'who'],
          ['role:api,cmd:fail', 'fail'],
          ['role:api,cmd:slow', 'slow'],
        ],
      });

    it('finishes calls in flight when it closes', async () => {
      const port = await freePort();
      const first = await server(port);
      const caller = await service({ version, options: { seeds: [`127.0.0.1:${port + 1}`] } });
      const slow = caller.act({ role: 'api', cmd: 'slow', ms: 1500 });
      slow.catch(() => {});
      await pause(200);
      first.do('close').catch(() => {});
      assert.equal((await slow).pid, first.pid);
    });

    it('answers, fails, and fails over', async () => {
      const port = await freePort();
      const seeds = [`127.0.0.1:${port + 1}`];
      const first = await server(port);
      const second = await server(0, { seeds });
      const caller = await service({ version, seneca, options: { seeds } });
      const pids = new Set();
      await until(async () => {
        pids.add((await caller.act('role:api,cmd:who')).pid);
        return pids.size === 2;
      });
      assert.deepEqual(pids, new Set([first.pid, second.pid]));
      await assert.rejects(caller.act('role:api,cmd:fail'), /as asked|500/);
      first.kill();
      await first.ended;
      // A refused connection never ran: it goes elsewhere by itself.
      for (let at = 0; at < 20; at++) {
        assert.equal((await caller.act('role:api,cmd:who')).pid, second.pid);
      }
    });

    it('a port in use is said at once', async () => {
      const taken = http.createServer();
      const port = await new Promise((resolve) => {
        taken.listen(0, '127.0.0.1', () => resolve(taken.address().port));
      });
      try {
        const options = { port, type: 'web', pin: 'role:api' };
        const says = new RegExp(`call port ${port} .*option 'port'`);
        await refused({ version, seneca, options }, says);
      } finally {
        taken.close();
      }
    });
  });
}

for (const version of VERSIONS) {
  describe(`a transport that is not there, on ${version}`, () => {
    afterEach(() => Promise.all([closeAll(), killAll()]));

    it('is refused with its option', async () => {
      const options = { type: 'pigeon', pin: 'role:api' };
      await refused({ version, options }, /option 'type' is 'pigeon'/);
    });

    it('a transport plugin is used through its hooks', async () => {
      // Carries a message to another instance of this process.
      const listeners = new Map();
      function pigeon() {
        this.add('role:transport,hook:listen,type:pigeon', function listen(msg, reply) {
          listeners.set(msg.port, this.root);
          reply({ ...msg });
        });
        this.add('role:transport,hook:client,type:pigeon', (msg, reply) => {
          assert.equal(msg.pin, undefined);
          clients++;
          reply({
            send(call, answer) {
              const transport$ = { track: ['pigeon'] };
              listeners.get(msg.port).act({ ...call, transport$, remote$: true }, answer);
            },
          });
        });
      }
      let clients = 0;
      const first = await node(version, { type: 'pigeon', pin: 'role:api' }, (seneca) => {
        seneca.use(pigeon).add('role:api,cmd:a', (_, reply) => reply({ answer: 'coo' }));
      });
      const [{ name }] = (await act(first, 'sys:gossip,get:members')).members;
      const caller = await node(version, { seeds: [name] }, (seneca) => seneca.use(pigeon));
      for (let at = 0; at < 3; at++) {
        assert.equal((await act(caller, 'role:api,cmd:a')).answer, 'coo');
      }
      assert.equal(clients, 1);
    });
  });
}
