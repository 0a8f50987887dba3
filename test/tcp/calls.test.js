'use strict';

const assert = require('node:assert');
const net = require('node:net');
const { once } = require('node:events');
const { createListener } = require('../../lib/tcp/listener');
const {
  SENECAS,
  cleanUp,
  serve,
  forkService,
  makeCaller,
  makeSeneca,
  act,
  manySums,
  rawConnection,
  request,
  undo,
} = require('./kit');
const { freePort } = require('../support/ports');
const { pause, until } = require('../support/until');

for (const senecaName of SENECAS) {
  describe(`calls between our nodes on ${senecaName}`, function () {
    this.timeout(30_000);
    afterEach(cleanUp);

    it('answer right, whatever comes back', async () => {
      const service = await serve(senecaName);
      const { seneca, add, router } = await makeCaller(senecaName);
      add(service);
      assert.deepStrictEqual((await act(seneca, 'role:math,cmd:sum,left:1,right:2')).out, {
        answer: 3,
      });
      assert.strictEqual((await act(seneca, 'role:math,cmd:nothing')).out, null);
      assert.deepStrictEqual((await act(seneca, 'role:math,cmd:list')).out, [1, { a: 2 }, 'x']);
      const { err } = await act(seneca, 'role:math,cmd:fail');
      assert.match(err.message, /bad thing/);
      assert.strictEqual(err.details.q, 1);
      assert.strictEqual(router.inflight, 0);
    });

    it('reach an action that nobody has: the error names what was tried', async () => {
      const service = await serve(senecaName);
      const { seneca, add, router } = await makeCaller(senecaName);
      add(service);
      const { err } = await act(seneca, 'role:math,cmd:sums');
      assert.strictEqual(err.code, 'no_target');
      assert.match(err.message, /No matching action pattern found/);
      assert.strictEqual(err.details.pattern, 'role:math');
      assert.strictEqual(router.inflight, 0);
    });

    it('without any target fail at once with no_target, and with wait find the one that comes', async () => {
      const { seneca, add, spec, caller } = await makeCaller(senecaName);
      const { err } = await act(seneca, 'role:math,cmd:sum,left:1,right:2');
      assert.strictEqual(err.code, 'no_target');
      spec.wait = 5000;
      const waiting = act(seneca, 'role:math,cmd:sum,left:1,right:2');
      const service = await serve(senecaName);
      add(service);
      assert.deepStrictEqual((await waiting).out, { answer: 3 });
      spec.wait = 100;
      caller.dropTarget({ id: 1, reason: 'left' });
      const late = await act(seneca, 'role:math,cmd:sum,left:1,right:2');
      assert.strictEqual(late.err.code, 'no_target');
      assert.strictEqual(caller.stats().waiting, 0);
    });

    it('to a pattern that nobody has published yet wait for it', async () => {
      const { seneca, add, spec } = await makeCaller(senecaName, {
        spec: { route: -1, wait: 5000 },
      });
      const waiting = act(seneca, 'role:math,cmd:sum,left:1,right:2');
      add(await serve(senecaName));
      spec.route = 3;
      assert.deepStrictEqual((await waiting).out, { answer: 3 });
    });

    it('that are never written go elsewhere by themselves', async () => {
      const dead = await freePort();
      const service = await serve(senecaName);
      const { seneca, add, caller, router } = await makeCaller(senecaName);
      add({ port: dead });
      add(service);
      await manySums(seneca, 100);
      assert.ok(caller.stats().failovers > 0);
      assert.strictEqual(router.inflight, 0);
    });

    it('written to a process that is killed fail at once with target_lost', async () => {
      const service = await forkService({ seneca: senecaName });
      const { seneca, add, router } = await makeCaller(senecaName);
      add({ ...service, name: 'one:1' });
      await act(seneca, 'role:math,cmd:sum,left:1,right:2');
      const waiting = Array.from({ length: 10 }, () => act(seneca, 'role:math,cmd:never'));
      await until(async () => (await service.ask({ cmd: 'stats' })).stats.working === 10);
      service.child.kill('SIGKILL');
      const killed = Date.now();
      for (const { err } of await Promise.all(waiting)) {
        assert.strictEqual(err.code, 'target_lost');
        assert.strictEqual(err.details.written, true);
        assert.strictEqual(err.details.target, 'one:1');
        assert.strictEqual(err.details.pattern, 'role:math');
      }
      assert.ok(Date.now() - killed < 2000);
      assert.strictEqual(router.inflight, 0);
      assert.ok(router.outcomes.filter(({ outcome }) => outcome === 2).length >= 10);
    });

    it('under 200 a second survive the death of one of two: with retry none fails, without only written ones', async () => {
      for (const retry of [2, 0]) {
        const one = await forkService({ seneca: senecaName, tag: 'one' });
        const two = await forkService({ seneca: senecaName, tag: 'two' });
        const { seneca, add, caller } = await makeCaller(senecaName, { spec: { retry } });
        add(one);
        add(two);
        const outcomes = [];
        let killedAt = Number.POSITIVE_INFINITY;
        for (let n = 0; n < 200; n++) {
          const begun = Date.now();
          outcomes.push(
            act(seneca, 'role:math,cmd:slow', { n, ms: 30 }).then(({ err, out }) => ({
              n,
              err,
              out,
              begun,
            })),
          );
          if (n === 100) {
            one.child.kill('SIGKILL');
            killedAt = Date.now();
          }
          await pause(5);
        }
        const ended = await Promise.all(outcomes);
        const failed = ended.filter(({ err }) => err);
        if (retry > 0) assert.deepStrictEqual(failed, []);
        for (const { err, begun } of failed) {
          assert.strictEqual(err.code, 'target_lost');
          assert.ok(begun < killedAt + 50, 'a call made later failed');
        }
        for (const { err, n, out } of ended) if (!err) assert.strictEqual(out.n, n);
        const { retries, lost } = caller.stats();
        if (retry > 0) assert.ok(retries > 0);
        else assert.strictEqual(lost, failed.length);
        await cleanUp();
      }
    });

    it('may come back to the only node there is, if it comes back: retry', async () => {
      // It drops the first connection, and answers on the second.
      let connections = 0;
      const server = net.createServer((socket) => {
        const first = connections++ === 0;
        socket.on('error', () => {});
        socket.on('data', (text) => {
          if (first) {
            socket.destroy();
            return;
          }
          const { id, origin } = JSON.parse(String(text));
          socket.write(
            `${JSON.stringify({ kind: 'res', id, origin, sync: true, res: { ok: 1 } })}\n`,
          );
        });
      });
      undo.push(() => new Promise((resolve) => server.close(resolve)));
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const { seneca, add, caller } = await makeCaller(senecaName, { spec: { retry: 1 } });
      add(/** @type {any} */ (server.address()));
      const { err, out } = await act(seneca, 'role:math,cmd:sum,left:1,right:2');
      assert.ifError(err);
      assert.deepStrictEqual(out, { ok: 1 });
      assert.strictEqual(caller.stats().retries, 1);
    });

    it('that may run twice do not wait for a suspect node, if there is another one', async () => {
      const silent = await forkService({ seneca: senecaName, tag: 'silent' });
      const { seneca, add, caller } = await makeCaller(senecaName, { spec: { retry: 1 } });
      add({ ...silent, name: 'silent:1' });
      await act(seneca, 'role:math,cmd:sum,left:1,right:2');
      silent.child.kill('SIGSTOP');
      try {
        const waiting = act(seneca, 'role:math,cmd:sum,left:2,right:2');
        await until(() => caller.stats().tcp.inflight === 1);
        // Nobody else is there: it goes on waiting.
        caller.suspected('silent:1');
        assert.strictEqual(caller.stats().doubted, 0);
        add({ ...(await forkService({ seneca: senecaName, tag: 'other' })), name: 'other:1' });
        caller.suspected('another:1');
        assert.strictEqual(caller.stats().doubted, 0);
        caller.suspected('silent:1');
        const { err, out } = await waiting;
        assert.ifError(err);
        assert.strictEqual(out.answer, 4);
        const { doubted, retries, lost } = caller.stats();
        assert.deepStrictEqual({ doubted, retries, lost }, { doubted: 1, retries: 1, lost: 0 });
      } finally {
        silent.child.kill('SIGCONT');
      }
    });

    it('that may run twice leave a connection that carries nothing; a slow action is no such', async () => {
      const other = await forkService({ seneca: senecaName, tag: 'other' });
      const { seneca, add, caller } = await makeCaller(senecaName, { spec: { retry: 1 } });
      add(other);
      const slow = await act(seneca, 'role:math,cmd:slow,ms:3500');
      assert.ifError(slow.err);
      assert.strictEqual(caller.stats().doubted, 0);
      const sockets = [];
      const server = net.createServer((socket) => {
        socket.on('error', () => {});
        sockets.push(socket.resume());
      });
      undo.push(() => new Promise((resolve) => server.close(resolve)));
      await once(server.listen(0, '127.0.0.1'), 'listening');
      add(/** @type {any} */ (server.address()));
      await manySums(seneca, 4);
      assert.strictEqual(caller.stats().doubted, 2);
      await until(() => sockets.every((socket) => socket.destroyed));
    });

    it('that were passed on to the owner of their key have their target asked for news', async () => {
      const server = net.createServer((socket) => {
        socket.on('error', () => {});
        socket.on('data', (text) => {
          const { id, origin } = JSON.parse(String(text));
          const reply = { kind: 'res', id, origin, sync: true, res: { ok: 1 }, moved: true };
          socket.write(`${JSON.stringify(reply)}\n`);
        });
      });
      undo.push(() => new Promise((resolve) => server.close(resolve)));
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const asked = [];
      const moved = (/** @type {number} */ target) => asked.push(target);
      const { seneca, add } = await makeCaller(senecaName, { moved });
      const target = add(/** @type {any} */ (server.address()));
      assert.deepStrictEqual((await act(seneca, 'role:math,cmd:sum,left:1,right:2')).out, {
        ok: 1,
      });
      assert.deepStrictEqual(asked, [target]);
    });

    it('in flight at a node that says it leaves end when it dies instead', async () => {
      const service = await forkService({ seneca: senecaName });
      const { seneca, add, drop, caller } = await makeCaller(senecaName);
      const id = add({ ...service, name: 'one:1' });
      await act(seneca, 'role:math,cmd:sum,left:1,right:2');
      const waiting = act(seneca, 'role:math,cmd:never');
      await until(async () => (await service.ask({ cmd: 'stats' })).stats.working === 1);
      drop(id, 'leaving');
      service.child.kill('SIGSTOP');
      try {
        caller.failed('another:1');
        caller.failed('one:1');
        const { err } = await waiting;
        assert.strictEqual(err.code, 'target_lost');
      } finally {
        service.child.kill('SIGCONT');
      }
    });

    for (const reason of ['leaving', 'left']) {
      it(`that a node does not accept any more go elsewhere, when its goodbye comes after the word that it is ${reason}`, async () => {
        const lines = [];
        let socket = null;
        const server = net.createServer((one) => {
          socket = one
            .on('error', () => {})
            .on('data', (chunk) => {
              for (const text of String(chunk).trim().split('\n')) lines.push(JSON.parse(text));
            });
        });
        undo.push(() => new Promise((resolve) => server.close(resolve)));
        await once(server.listen(0, '127.0.0.1'), 'listening');
        const { seneca, add, drop, caller } = await makeCaller(senecaName);
        const id = add({ host: '127.0.0.1', port: server.address().port });
        const first = act(seneca, 'role:math,cmd:sum,left:1,right:2');
        await until(() => lines.length === 1);
        const second = act(seneca, 'role:math,cmd:sum,left:3,right:4');
        await until(() => lines.length === 2);
        drop(id, reason);
        add(await serve(senecaName));
        const reply = { kind: 'res', id: lines[0].id, sync: true, res: { answer: 'accepted' } };
        socket.write(`{"kind":"bye","accepted":1}\n${JSON.stringify(reply)}\n`);
        assert.deepStrictEqual(await first, { out: { answer: 'accepted' } });
        assert.deepStrictEqual(await second, { out: { answer: 7 } });
        assert.strictEqual(caller.stats().lost, 0);
      });
    }

    it('that a node has not answered when it left are lost a moment later, when it says no more', async () => {
      const service = await forkService({ seneca: senecaName });
      const { seneca, add, drop } = await makeCaller(senecaName);
      const id = add(service);
      await act(seneca, 'role:math,cmd:sum,left:1,right:2');
      const waiting = act(seneca, 'role:math,cmd:never');
      await until(async () => (await service.ask({ cmd: 'stats' })).stats.working === 1);
      drop(id, 'left');
      const { err } = await waiting;
      assert.strictEqual(err.code, 'target_lost');
      assert.match(err.message, /has left/);
    });

    it('that the only node refuses say why', async () => {
      const service = await serve(senecaName, { allows: () => false });
      const { seneca, add } = await makeCaller(senecaName);
      add(service);
      const { err } = await act(seneca, 'role:math,cmd:sum,left:1,right:2');
      assert.strictEqual(err.code, 'not_served');
    });

    it('in flight end when the core says that the node is dead, although its socket stays open', async () => {
      const service = await forkService({ seneca: senecaName });
      const { seneca, add, drop } = await makeCaller(senecaName);
      const id = add(service);
      await act(seneca, 'role:math,cmd:sum,left:1,right:2');
      service.child.kill('SIGSTOP');
      try {
        const waiting = act(seneca, 'role:math,cmd:sum,left:1,right:2');
        await pause(100);
        const begun = Date.now();
        drop(id, 'dead');
        const { err } = await waiting;
        assert.strictEqual(err.code, 'target_lost');
        assert.match(err.message, /dead/);
        assert.ok(Date.now() - begun < 1000);
      } finally {
        service.child.kill('SIGCONT');
      }
    });

    it('to a process that is stopped end at their deadline with call_timeout', async () => {
      const service = await forkService({ seneca: senecaName });
      const { seneca, add, caller, router } = await makeCaller(senecaName);
      add({ ...service, name: 'one:1' });
      await act(seneca, 'role:math,cmd:sum,left:1,right:2');
      service.child.kill('SIGSTOP');
      const begun = Date.now();
      const { err } = await act(seneca, 'role:math,cmd:sum,left:1,right:2', { timeout$: 500 });
      assert.strictEqual(err.code, 'call_timeout');
      assert.strictEqual(err.details.target, 'one:1');
      assert.ok(
        err.details.elapsed >= 450 && err.details.elapsed < 5000,
        `elapsed ${err.details.elapsed}`,
      );
      assert.ok(Date.now() - begun < 5000);
      assert.strictEqual(caller.stats().tcp.inflight, 0);
      assert.strictEqual(router.outcomes.at(-1).outcome, 3);
      service.child.kill('SIGCONT');
      // The late reply is dropped, and harms no other call.
      assert.deepStrictEqual((await act(seneca, 'role:math,cmd:sum,left:5,right:5')).out, {
        answer: 10,
      });
      assert.strictEqual(router.inflight, 0);
    });

    it('have their whole way in one deadline: what is made for a call gets no more than what is left of it', async () => {
      const service = await serve(senecaName);
      const { seneca, add } = await makeCaller(senecaName);
      add(service);
      const left = [];
      seneca.add('role:outer', function outer(msg, reply) {
        setTimeout(() => {
          this.act('role:middle', reply);
        }, 200);
      });
      seneca.add('role:middle', function middle(msg, reply) {
        this.act('role:math,cmd:meta', (err, out) => {
          left.push(out.timeout);
          reply(err, out);
        });
      });
      await act(seneca, 'role:outer', { timeout$: 2000 });
      assert.ok(left[0] > 1000 && left[0] <= 1800, `left ${left[0]}`);

      // What goes on in the background after the answer is not bound by it.
      const background = new Promise((resolve) => {
        seneca.add('role:early', function early(msg, reply) {
          reply();
          setTimeout(
            () => this.act('role:math,cmd:sum,left:1,right:1', (err, out) => resolve(err || out)),
            300,
          );
        });
      });
      await act(seneca, 'role:early', { timeout$: 150 });
      assert.deepStrictEqual(await background, { answer: 2 });
    });

    it('whose caller has given up are not run by a node that was blocked', async () => {
      const service = await forkService({ seneca: senecaName });
      const { seneca, add } = await makeCaller(senecaName);
      add(service);
      for (let n = 0; n < 5; n++) await act(seneca, 'role:math,cmd:noted');
      await service.ask({ cmd: 'block', ms: 1500 });
      await pause(100);
      const late = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          act(seneca, 'role:math,cmd:note', { n, timeout$: 300 }),
        ),
      );
      for (const { err } of late) assert.strictEqual(err.code, 'call_timeout');
      const { out } = await act(seneca, 'role:math,cmd:noted');
      assert.deepStrictEqual(out.seen, []);
      const { stats } = await service.ask({ cmd: 'stats' });
      assert.strictEqual(stats.expired, 20);
    });

    it('beyond the concurrency of a target go to another, then fail at once with overloaded', async () => {
      const one = await serve(senecaName, { senecaOptions: { tag: 'one' } });
      const two = await serve(senecaName, { senecaOptions: { tag: 'two' } });
      const { seneca, add, router } = await makeCaller(senecaName, { spec: { concurrency: 3 } });
      add(one);
      add(two);
      const got = await Promise.all(
        Array.from({ length: 10 }, (_, n) => act(seneca, 'role:math,cmd:slow', { n, ms: 200 })),
      );
      assert.strictEqual(got.filter(({ err }) => !err).length, 6);
      for (const { err } of got.slice(6)) {
        assert.strictEqual(err.code, 'overloaded');
        assert.match(err.message, /3 calls in flight/);
      }
      assert.strictEqual(router.inflight, 0);
      assert.ifError((await act(seneca, 'role:math,cmd:sum,left:1,right:2')).err);
    });

    it('of a node that says goodbye lose nothing: accepted ones finish there, later ones run elsewhere, none twice', async () => {
      const one = await forkService({ seneca: senecaName, tag: 'one' });
      const two = await forkService({ seneca: senecaName, tag: 'two' });
      const { seneca, add, caller } = await makeCaller(senecaName);
      add(one);
      add(two);
      const calls = [];
      let go = true;
      let n = 0;
      const running = (async () => {
        while (go) {
          for (let burst = 0; burst < 5; burst++) {
            calls.push(act(seneca, 'role:math,cmd:note', { n: n++ }));
            calls.push(act(seneca, 'role:math,cmd:slow', { n: -1, ms: 50 }));
          }
          await pause(5);
        }
      })();
      await pause(200);
      await one.ask({ cmd: 'goodbye' });
      assert.strictEqual((await one.ask({ cmd: 'drain', ms: 5000 })).left, 0);
      // Nothing of ours runs there any more.
      const raw = await rawConnection(one.port);
      raw.send(request('q/q', { role: 'math', cmd: 'noted' }));
      const ranThere = (await raw.next()).res.seen;
      await one.ask({ cmd: 'close' });
      one.child.kill('SIGKILL');
      await pause(200);
      go = false;
      await running;
      for (const { err } of await Promise.all(calls)) assert.ifError(err);
      assert.ok(caller.stats().tcp.goodbyes >= 1);
      const { out } = await act(seneca, 'role:math,cmd:noted');
      const all = [...ranThere, ...out.seen].sort((a, b) => a - b);
      assert.deepStrictEqual(
        all,
        Array.from({ length: n }, (_, at) => at),
      );
    });

    it('to a node that leaves may finish, and no more are sent to it', async () => {
      const service = await serve(senecaName);
      const { seneca, add, drop, caller } = await makeCaller(senecaName);
      const id = add(service);
      const running = act(seneca, 'role:math,cmd:slow', { n: 1, ms: 300 });
      await until(() => service.listener.stats().working === 1);
      drop(id, 'leaving');
      assert.strictEqual(
        (await act(seneca, 'role:math,cmd:sum,left:1,right:2')).err.code,
        'no_target',
      );
      assert.strictEqual((await running).out.n, 1);
      await until(() => caller.stats().tcp.open === 0);
    });

    it('that are observed reach every target, and the first answer wins', async () => {
      const one = await serve(senecaName, { senecaOptions: { tag: 'one' } });
      const two = await forkService({ seneca: senecaName, tag: 'two' });
      const { seneca, add, caller } = await makeCaller(senecaName, { spec: { model: 'observe' } });
      assert.strictEqual((await act(seneca, 'role:math,cmd:note,n:0')).out, null);
      add(one);
      add(two);
      add({ port: await freePort() });
      for (let n = 1; n <= 3; n++) {
        assert.deepStrictEqual((await act(seneca, 'role:math,cmd:note', { n })).out, { ok: true });
      }
      seneca.act('role:math,cmd:note,n:4');
      const seenBy = async (port) => {
        const raw = await rawConnection(port);
        raw.send(request('q/q', { role: 'math', cmd: 'noted' }));
        return (await raw.next()).res.seen;
      };
      await until(
        async () => (await seenBy(one.port)).length === 4 && (await seenBy(two.port)).length === 4,
      );
      const { err } = await act(seneca, 'role:math,cmd:fail');
      assert.match(err.message, /bad thing/);
      await until(() => caller.stats().inflight === 0);
    });

    it('that want no answer hold no slot, and go elsewhere while they are not written', async () => {
      const service = await serve(senecaName);
      const { seneca, add, caller, router } = await makeCaller(senecaName);
      add({ port: await freePort() });
      add(service);
      for (let n = 0; n < 100; n++) seneca.act('role:math,cmd:note', { n });
      await until(async () => (await act(seneca, 'role:math,cmd:noted')).out.seen.length === 100);
      const stats = caller.stats();
      assert.strictEqual(stats.inflight, 0);
      assert.strictEqual(stats.tcp.inflight, 0);
      assert.strictEqual(router.inflight, 0);
    });

    it('reconnect when the target is back', async () => {
      const first = await forkService({ seneca: senecaName });
      const { seneca, add, spec } = await makeCaller(senecaName, { spec: { wait: 20_000 } });
      add(first);
      await act(seneca, 'role:math,cmd:sum,left:1,right:2');
      first.child.kill('SIGKILL');
      await first.exited;
      const waiting = act(seneca, 'role:math,cmd:sum,left:2,right:2');
      await forkService({ seneca: senecaName, port: first.port });
      assert.deepStrictEqual((await waiting).out, { answer: 4 });
      spec.wait = 0;
      assert.ifError((await act(seneca, 'role:math,cmd:sum,left:1,right:2')).err);
    });

    it('end with closed when the node closes', async () => {
      const service = await serve(senecaName);
      const { seneca, add, caller } = await makeCaller(senecaName);
      add(service);
      const waiting = act(seneca, 'role:math,cmd:never');
      await until(() => service.listener.stats().working === 1);
      caller.close();
      assert.strictEqual((await waiting).err.code, 'closed');
      assert.strictEqual((await act(seneca, 'role:math,cmd:sum')).err.code, 'closed');
      await until(() => service.listener.stats().open === 0);
    });

    it('10,000 at once are all answered', async function () {
      this.timeout(120_000);
      const service = await forkService({ seneca: senecaName, timeout: 100_000 });
      const { seneca, add, router } = await makeCaller(senecaName, {
        senecaOptions: { timeout: 100_000 },
      });
      add(service);
      await manySums(seneca, 10_000);
      assert.strictEqual(router.inflight, 0);
    });
  });
}

describe('a listener', function () {
  this.timeout(30_000);
  afterEach(cleanUp);

  it('says goodbye to a connection that was there before, but says its first word after', async () => {
    const { port, listener } = await serve();
    const early = await rawConnection(port);
    await until(() => listener.stats().open === 1);
    listener.goodbye();
    const hello = { msg$: { vin: 1, bye: 1 } };
    early.send(request('a/b', { role: 'math', cmd: 'sum', left: 1, right: 2 }, hello));
    assert.deepStrictEqual(await early.next(), { kind: 'bye', accepted: 0 });
    assert.strictEqual(listener.stats().accepted, 0);
  });

  it('says which port is taken', async () => {
    const { port } = await serve();
    const seneca = await makeSeneca();
    const second = createListener({ seneca, host: '127.0.0.1', port, allows: () => true });
    await assert.rejects(second.listen(), { code: 'EADDRINUSE', port });
    await second.close();
  });

  it('lets go of its port and its connections when closed, replies included', async () => {
    const service = await serve();
    const { seneca, add } = await makeCaller();
    add(service);
    const running = Array.from({ length: 50 }, (_, n) =>
      act(seneca, 'role:math,cmd:slow', { n, ms: 100 }),
    );
    await until(() => service.listener.stats().working === 50);
    assert.ok((await service.listener.drain(10)) > 0);
    assert.strictEqual(await service.listener.drain(5000), 0);
    await service.listener.close();
    await service.listener.close();
    for (const { err } of await Promise.all(running)) assert.ifError(err);
    assert.strictEqual(service.listener.stats().open, 0);
  });
});
