'use strict';

// Services in processes of their own, on both versions of Seneca, find and call
// each other.

const assert = require('node:assert/strict');

const { killAll, refused, service } = require('./support/processes');
const { freePort } = require('./support/ports');
const { VERSIONS } = require('./support/seneca');
const { pause, until } = require('./support/until');

for (const version of VERSIONS) {
  describe(`a cluster, on ${version}`, function () {
    this.timeout(60_000);
    afterEach(killAll);

    const adder = (port, options) =>
      service({
        version,
        options: { port, pin: 'role:api', ...options },
        add: [['role:api,cmd:add', 'sum']],
      });
    const multiplier = (port, options) =>
      service({
        version,
        options: { port, pin: 'role:api', ...options },
        add: [['role:api,cmd:mcl', 'product']],
      });
    const client = (seed, options) =>
      service({ version, options: { seeds: [`127.0.0.1:${seed + 1}`], ...options } });
    const two = { left: 2, right: 3 };

    it('routes by what is answered, not by the pin that two services share', async () => {
      const port = await freePort();
      const other = await freePort();
      await adder(port);
      await multiplier(other, { seeds: [`127.0.0.1:${port + 1}`] });
      // Ready after the servers: the very first call finds its route.
      const caller = await client(port);
      const answers = await Promise.all([
        caller.act({ role: 'api', cmd: 'add', ...two }),
        caller.act({ role: 'api', cmd: 'mcl', ...two }),
      ]);
      assert.deepEqual(
        answers.map(({ answer }) => answer),
        [5, 6],
      );
      for (let at = 0; at < 50; at++) {
        const { answer } = await caller.act({ role: 'api', cmd: 'mcl', left: at, right: 2 });
        assert.equal(answer, at * 2);
      }
    });

    it('the servers call each other', async () => {
      const port = await freePort();
      const first = await adder(port);
      const second = await multiplier(await freePort(), { seeds: [`127.0.0.1:${port + 1}`] });
      assert.equal((await second.act({ role: 'api', cmd: 'add', ...two })).answer, 5);
      const product = await until(() => first.act({ role: 'api', cmd: 'mcl', ...two }));
      assert.equal(product.answer, 6);
    });

    it('the form of the seed project does the same', async () => {
      const port = await freePort();
      const options = { port, type: 'tcp', host: '127.0.0.1', pin: 'role:api' };
      await service({ version, form: 'start', options, add: [['role:api,cmd:add', 'sum']] });
      const caller = await service({
        version,
        form: 'start',
        options: { port: await freePort(), seeds: [`127.0.0.1:${port + 1}`] },
      });
      assert.equal((await caller.act({ role: 'api', cmd: 'add', ...two })).answer, 5);
    });

    it('port 0 takes free ports that lie side by side', async () => {
      const server = await adder(0);
      const { members } = await server.act('sys:gossip,get:members');
      assert.equal(members.length, 1);
      const [self] = members;
      assert.equal(self.self, true);
      assert.notEqual(self.port, 0);
      assert.equal(self.name, `127.0.0.1:${self.port + 1}`);
      const caller = await service({ version, options: { seeds: [self.name] } });
      assert.equal((await caller.act({ role: 'api', cmd: 'add', ...two })).answer, 5);
    });

    it('actions that are added later are found', async () => {
      const port = await freePort();
      const server = await adder(port);
      const caller = await client(port);
      await assert.rejects(caller.act('role:api,cmd:late'), { code: 'act_not_found' });
      await server.do('add', [['role:api,cmd:late', 'who']]);
      const answer = await until(() => caller.act('role:api,cmd:late'));
      assert.equal(answer.pid, server.pid);
    });

    it('a general action answers a narrower pin', async () => {
      const port = await freePort();
      const server = await service({
        version,
        options: { port, pin: 'role:api,cmd:get' },
        add: [['role:api', 'who']],
      });
      const caller = await client(port);
      assert.equal((await caller.act('role:api,cmd:get,x:1')).pid, server.pid);
      await assert.rejects(caller.act('role:api,cmd:set'), { code: 'act_not_found' });
    });

    it('a local action wins over a remote one, unless override', async () => {
      const port = await freePort();
      const server = await service({
        version,
        options: { port, pin: 'role:api' },
        add: [['role:api,cmd:who', 'who']],
      });
      const seeds = [`127.0.0.1:${port + 1}`];
      const add = [['role:api,cmd:who', 'who']];
      const plain = await service({ version, options: { seeds }, add });
      assert.equal((await plain.act('role:api,cmd:who')).pid, plain.pid);
      const override = await service({ version, options: { seeds, override: true }, add });
      assert.equal((await override.act('role:api,cmd:who')).pid, server.pid);
    });

    it('with override on both sides nothing runs in circles', async () => {
      const port = await freePort();
      const add = [['role:api,cmd:who', 'who']];
      const options = { pin: 'role:api', override: true };
      const first = await service({ version, add, options: { ...options, port } });
      const seeds = [`127.0.0.1:${port + 1}`];
      const second = await service({ version, add, options: { ...options, seeds } });
      assert.equal((await second.act('role:api,cmd:who')).pid, first.pid);
      const back = await until(async () => {
        const { pid } = await first.act('role:api,cmd:who');
        return pid === second.pid;
      });
      assert.ok(back);
    });

    it('actions that call their prior run in no circle either', async () => {
      const port = await freePort();
      const first = await service({
        version,
        options: { port, pin: 'role:api' },
        add: [['role:api', 'who']],
      });
      const second = await service({
        version,
        options: { pin: 'role:api', seeds: [`127.0.0.1:${port + 1}`] },
      });
      // Laid over the route to the first one, which becomes its prior.
      await second.do('add', [['role:api,cmd:deep', 'prior']]);
      // Also once the first one has a route back for that very message.
      await until(async () => {
        const { routes } = await first.act('sys:gossip,get:routes');
        return routes.some(
          ({ pattern, model }) => pattern === 'cmd:deep,role:api' && model === 'consume',
        );
      });
      assert.equal((await second.act('role:api,cmd:deep')).pid, first.pid);
      // first -> second -> its prior, which is the first again: refused, not endless.
      await assert.rejects(first.act('role:api,cmd:deep'), { code: 'message_loop' });
      assert.equal((await first.act('role:api,cmd:other')).pid, first.pid);
    });

    it('errors reach the caller', async () => {
      const port = await freePort();
      await service({
        version,
        options: { port, pin: 'role:api' },
        add: [['role:api,cmd:fail', 'fail']],
      });
      const caller = await client(port);
      await assert.rejects(caller.act('role:api,cmd:fail'), /as asked/);
    });

    it('a needed pattern is waited for', async () => {
      const port = await freePort();
      const server = await adder(port);
      const caller = await client(port, { need: 'role:later' });
      const answer = caller.act('role:later,cmd:x');
      await pause(300);
      const later = await service({
        version,
        options: { pin: 'role:later', seeds: [`127.0.0.1:${port + 1}`] },
        add: [['role:later,cmd:x', 'who']],
      });
      assert.equal((await answer).pid, later.pid);
      assert.ok(server.pid);
    });

    it('members, routes and status tell what there is', async () => {
      const port = await freePort();
      const server = await adder(port, { meta: { zone: 'a' } });
      const caller = await client(port);
      const { ok, members } = await caller.act('sys:gossip,get:members');
      assert.equal(ok, true);
      assert.equal(members.length, 2);
      const name = `127.0.0.1:${port + 1}`;
      const seen = members.find((member) => member.name === name);
      assert.equal(seen.host, '127.0.0.1');
      assert.equal(seen.port, port);
      assert.equal(seen.status, 'alive');
      assert.equal(seen.self, false);
      assert.deepEqual(seen.pins, ['role:api']);
      assert.deepEqual(seen.patterns, ['cmd:add,role:api']);
      assert.deepEqual(seen.meta, { zone: 'a' });
      assert.equal(seen.services[0].type, 'tcp');
      assert.ok(seen.generation > 0);
      const self = members.find((member) => member.self);
      assert.notEqual(self.name, name);
      assert.deepEqual(self.pins, []);

      const { routes } = await caller.act('sys:gossip,get:routes');
      assert.equal(routes.length, 1);
      assert.equal(routes[0].pattern, 'cmd:add,role:api');
      assert.equal(routes[0].targets.length, 1);
      assert.equal(routes[0].targets[0].port, port);

      await caller.act({ role: 'api', cmd: 'add', ...two });
      const status = await caller.act('sys:gossip,get:status');
      assert.equal(status.ok, true);
      assert.equal(status.calls.out.answered, 1);
      const [route] = (await caller.act('sys:gossip,get:routes')).routes;
      const [{ id, latency, ...target }] = route.targets;
      assert.ok(latency > 0);
      assert.deepEqual(target, {
        name,
        host: '127.0.0.1',
        port,
        type: 'tcp',
        inflight: 0,
        errors: 0,
        ejections: 0,
        stalled: false,
        state: 'good',
        connection: 'open',
      });
      assert.equal(routes[0].targets[0].connection, 'idle');

      await server.act({ sys: 'gossip', set: 'meta', meta: { zone: 'b' } });
      await until(async () => (await caller.member(name)).meta.zone === 'b');
      await assert.rejects(server.act({ sys: 'gossip', set: 'meta', meta: 5 }), /'meta'/);
    });

    it('changes arrive as messages', async () => {
      const port = await freePort();
      const server = await adder(port);
      const caller = await client(port);
      const { name } = (await caller.act('sys:gossip,get:members')).members.find((m) => m.self);
      const heard = (on, more = {}) =>
        until(
          () =>
            server.events.find(
              (event) =>
                event.on === on &&
                event.name === name &&
                Object.entries(more).every(([key, value]) => event[key] === value),
            ),
          { what: `on:${on}` },
        );
      await heard('join');
      await caller.act({ sys: 'gossip', set: 'meta', meta: { a: 1 } });
      await heard('update');
      caller.kill('SIGSTOP');
      await heard('suspect');
      await heard('fail');
      assert.equal((await server.member(name)).status, 'dead');
      caller.kill('SIGCONT');
      await heard('alive');
      await caller.do('close');
      await heard('leave', { status: 'left' });
      assert.equal((await server.member(name)).status, 'left');
    });

    it('a call port in use is said with its option', async () => {
      const port = await freePort();
      await adder(port);
      const options = { port, pin: 'role:api', gossip: { port: port + 2 } };
      await refused({ version, options }, new RegExp(`call port ${port} .*option 'port'`));
    });

    it('a gossip port in use is said with its option', async () => {
      const port = await freePort();
      await adder(port);
      const options = { pin: 'role:api', gossip: { port: port + 1 } };
      await refused({ version, options }, new RegExp(`${port + 1}.*option 'gossip\\.port'`));
    });
  });
}
