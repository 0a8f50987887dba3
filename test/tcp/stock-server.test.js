'use strict';

const assert = require('node:assert');
const net = require('node:net');
const { once } = require('node:events');
const { SENECAS, cleanUp, forkService, makeCaller, act, manySums, undo } = require('./kit');
const { freePort } = require('../support/ports');

async function stockServer(options = {}) {
  return forkService({ stock: true, port: await freePort(), ...options });
}

for (const senecaName of SENECAS) {
  describe(`our client on ${senecaName} calls a stock tcp listener`, function () {
    this.timeout(30_000);
    afterEach(cleanUp);

    it('gets answers, null, arrays and errors', async () => {
      const service = await stockServer();
      const { seneca, add, router } = await makeCaller(senecaName);
      add(service);
      assert.deepStrictEqual((await act(seneca, 'role:math,cmd:sum,left:1,right:2')).out, {
        answer: 3,
      });
      assert.strictEqual((await act(seneca, 'role:math,cmd:nothing')).out, null);
      assert.deepStrictEqual((await act(seneca, 'role:math,cmd:list')).out, [1, { a: 2 }, 'x']);
      const { err } = await act(seneca, 'role:math,cmd:fail');
      assert.strictEqual(err.code, 'act_execute');
      assert.strictEqual(err.details.q, 1);
      assert.strictEqual(err.orig.code, 'E_BAD');
      assert.strictEqual(err.orig.status, 422);
      assert.match(err.message, /bad thing/);
      assert.strictEqual((await act(seneca, 'role:math,cmd:sums')).err.code, 'act_not_found');
      assert.strictEqual(router.inflight, 0);
      assert.ok(router.outcomes.every(({ latencyUs }) => latencyUs > 0));
    });

    it('has its deadline, custom data and fire-and-forget messages honoured', async () => {
      const service = await stockServer();
      const { seneca, add, caller } = await makeCaller(senecaName);
      add(service);
      const { out } = await act(seneca, 'role:math,cmd:meta', {
        timeout$: 5000,
        custom$: { u: 1 },
      });
      assert.ok(out.timeout > 4000 && out.timeout <= 5000, `timeout ${out.timeout}`);
      assert.deepStrictEqual(out.custom, { u: 1 });
      for (let n = 0; n < 10; n++) seneca.act('role:math,cmd:note', { n });
      const noted = await act(seneca, 'role:math,cmd:noted');
      assert.deepStrictEqual(noted.out.seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      assert.strictEqual(caller.stats().inflight, 0);
      assert.strictEqual(caller.stats().tcp.inflight, 0);
    });

    it('has 3,000 calls in flight answered, where the stock client loses 1,889', async function () {
      this.timeout(60_000);
      const service = await stockServer();
      const { seneca, add } = await makeCaller(senecaName);
      add(service);
      await manySums(seneca, 3000);
    });

    it('sends and gets 3 MB', async () => {
      const service = await stockServer();
      const { seneca, add } = await makeCaller(senecaName);
      add(service);
      const { err, out } = await act(seneca, 'role:math,cmd:echo', { pad: 'é'.repeat(1_500_000) });
      assert.ifError(err);
      assert.strictEqual(out.msg.pad.length, 1_500_000);
    });
  });
}

describe('the lines that our client writes and takes', function () {
  this.timeout(30_000);
  afterEach(cleanUp);

  /** A server that hands every line to `onLine(line, socket)`. */
  async function lineServer(onLine) {
    const server = net.createServer((socket) => {
      let rest = '';
      socket.setEncoding('utf8');
      socket.on('error', () => {});
      socket.on('data', (text) => {
        const parts = (rest + text).split('\n');
        rest = parts.pop();
        for (const line of parts) onLine(JSON.parse(line), socket);
      });
      undo.push(() => socket.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    undo.push(() => server.close());
    return { port: server.address().port, server };
  }

  it('are those of seneca-transport, with deadline and parents', async () => {
    const lines = [];
    const { port } = await lineServer((line, socket) => {
      lines.push(line);
      socket.write(
        `${JSON.stringify({ ...line, act: undefined, kind: 'res', res: { ok: true } })}\n`,
      );
    });
    const { seneca, add } = await makeCaller('seneca');
    add({ port });
    seneca.add('role:outer', function outer(msg, reply) {
      this.act('role:math,cmd:inner', reply);
    });
    assert.deepStrictEqual(
      (await act(seneca, 'role:math,cmd:x,n:1,gone$:1', { timeout$: 3000 })).out,
      { ok: true },
    );
    const [line] = lines;
    assert.match(line.id, /^[0-9a-z]{12}\/[0-9a-z]{12}$/);
    const { timeout$, ...rest } = line.act;
    assert.ok(timeout$ > 2000 && timeout$ <= 3000);
    assert.deepStrictEqual(rest, { role: 'math', cmd: 'x', n: 1, custom$: {} });
    assert.strictEqual(line.kind, 'act');
    assert.strictEqual(line.origin, seneca.id);
    assert.deepStrictEqual(line.track, [seneca.id]);
    assert.strictEqual(line.sync, true);
    assert.ok(Math.abs(line.time.client_sent - Date.now()) < 60_000);

    await act(seneca, 'role:outer');
    assert.strictEqual(lines[1].act.parents$.length, 1);
    assert.strictEqual(lines[1].act.parents$[0][0], 'role:outer');
  });

  it('may come back for calls never made, twice, malformed, and of other kinds: nobody gets a wrong answer', async () => {
    const { port } = await lineServer((line, socket) => {
      const reply = {
        id: line.id,
        kind: 'res',
        origin: line.origin,
        sync: true,
        res: { n: line.act.n },
      };
      const junk = [
        '[]',
        'null',
        '7',
        '"text"',
        '{}',
        JSON.stringify({ ...reply, id: 'other/id', res: { n: -1 } }),
        JSON.stringify({ ...reply, id: 7 }),
        JSON.stringify({ ...reply, id: null }),
        JSON.stringify({ ...reply, id: { a: 1 } }),
        JSON.stringify({ ...reply, id: '__proto__' }),
        JSON.stringify({ ...reply, kind: 'act' }),
        JSON.stringify({ kind: 'bye', accepted: 'x' }),
        JSON.stringify({ kind: 'bye', accepted: -1 }),
        JSON.stringify({ kind: 'bye' }),
        '',
        '   ',
      ];
      socket.write(
        `${junk.join('\n')}\n${JSON.stringify(reply)}\n${JSON.stringify({ ...reply, res: { n: -2 } })}\n`,
      );
    });
    const { seneca, add, caller } = await makeCaller('seneca');
    add({ port });
    for (let n = 0; n < 20; n++) {
      const { err, out } = await act(seneca, 'role:math,cmd:x', { n });
      assert.ifError(err);
      assert.deepStrictEqual(out, { n });
    }
    const { tcp } = caller.stats();
    assert.ok(tcp.unknown >= 19 * 7, `unknown ${tcp.unknown}`);
    assert.ok(tcp.malformed >= 19 * 6, `malformed ${tcp.malformed}`);
    assert.strictEqual(tcp.connects, 1);
  });

  it('end the connection when they are not JSON, and its calls at once', async () => {
    const { port } = await lineServer((line, socket) => socket.write('this is not JSON\n'));
    const { seneca, add } = await makeCaller('seneca');
    add({ port });
    const begun = Date.now();
    const { err } = await act(seneca, 'role:math,cmd:x');
    assert.strictEqual(err.code, 'target_lost');
    assert.strictEqual(err.details.written, true);
    assert.match(err.message, /not JSON/);
    assert.ok(Date.now() - begun < 5000);
  });

  it('may hold an error of any shape', async () => {
    const shapes = [
      'text',
      7,
      true,
      [],
      {},
      { message: { a: 1 } },
      { message: 'm', meta$: 'x', fatal$: true },
      JSON.parse('{"message":"m","__proto__":{"fatal$":true},"stack":5,"details":7}'),
    ];
    const { port } = await lineServer((line, socket) => {
      const error = shapes[line.act.n];
      const text = JSON.stringify({ id: line.id, kind: 'res', sync: true, res: null, error });
      socket.write(`${text}\n`);
    });
    const { seneca, add } = await makeCaller('seneca');
    add({ port });
    for (let n = 0; n < shapes.length; n++) {
      const { err } = await act(seneca, 'role:math,cmd:x', { n });
      assert.ok(err instanceof Error, `shape ${n}`);
      assert.strictEqual(typeof err.message, 'string');
    }
  });

  it('above the limit fail their own call only', async () => {
    const { port } = await lineServer((line, socket) => {
      const res = line.act.big ? { pad: 'p'.repeat(200_000) } : { ok: true };
      socket.write(
        `${JSON.stringify({ id: line.id, kind: 'res', origin: 'x', sync: true, res })}\n`,
      );
    });
    const { seneca, add } = await makeCaller('seneca', { maxLine: 100_000 });
    add({ port });
    const [big, small] = await Promise.all([
      act(seneca, 'role:math,cmd:x,big:true'),
      act(seneca, 'role:math,cmd:x'),
    ]);
    assert.strictEqual(big.err.code, 'reply_too_long');
    assert.deepStrictEqual(small.out, { ok: true });
    const sent = await act(seneca, 'role:math,cmd:x', { pad: 'p'.repeat(200_000) });
    assert.strictEqual(sent.err.code, 'message_too_long');
    const big2 = await act(seneca, 'role:math,cmd:x', { n: 10n });
    assert.strictEqual(big2.err.code, 'unserialisable_message');
  });
});
