'use strict';

const assert = require('node:assert');
const { cleanUp, serve, makeSeneca, act, manySums, rawConnection, request } = require('./kit');
const { until } = require('../support/until');

/** A Seneca without this package, on its own tcp transport. */
async function stockClient(port, options = {}) {
  const seneca = await makeSeneca('seneca', options);
  seneca.client({ type: 'tcp', host: '127.0.0.1', port, pin: 'role:math' });
  await new Promise((resolve) => seneca.ready(resolve));
  return seneca;
}

for (const senecaName of ['seneca', 'seneca-rc']) {
  describe(`a stock tcp client calls our listener on ${senecaName}`, function () {
    this.timeout(30_000);
    afterEach(cleanUp);

    it('gets answers, null and arrays', async () => {
      const { port } = await serve(senecaName);
      const client = await stockClient(port);
      assert.deepStrictEqual((await act(client, 'role:math,cmd:sum,left:1,right:2')).out, {
        answer: 3,
      });
      assert.strictEqual((await act(client, 'role:math,cmd:nothing')).out, null);
      assert.deepStrictEqual((await act(client, 'role:math,cmd:list')).out, [1, { a: 2 }, 'x']);
    });

    it('gets errors with their details', async () => {
      const { port } = await serve(senecaName);
      const client = await stockClient(port);
      const { err } = await act(client, 'role:math,cmd:fail');
      assert.ok(err instanceof Error);
      assert.match(err.message, /bad thing/);
      assert.strictEqual(err.details.q, 1);
      const thrown = await act(client, 'role:math,cmd:throw');
      assert.match(thrown.err.message, /thrown thing/);
      const scalar = await act(client, 'role:math,cmd:scalar');
      assert.strictEqual(scalar.err.code, 'result_not_objarr');
      const missing = await act(client, 'role:math,cmd:sums');
      assert.strictEqual(missing.err.code, 'act_not_found');
      assert.match(
        missing.err.message,
        /No matching action pattern found for \{ role: 'math', cmd: 'sums' \}/,
      );
    });

    it('hears at once what is refused, instead of waiting for its timeout', async () => {
      const { port } = await serve(senecaName, { allows: () => false });
      const client = await stockClient(port);
      const begun = Date.now();
      const { err } = await act(client, 'role:math,cmd:sum,left:1,right:2');
      assert.strictEqual(err.code, 'not_served');
      assert.ok(Date.now() - begun < 5000);
    });

    it('gets results that are not plain JSON: cycles as the stock transport writes them, a BigInt as an error', async () => {
      const { port } = await serve(senecaName);
      const client = await stockClient(port);
      assert.deepStrictEqual((await act(client, 'role:math,cmd:cycle')).out, {
        a: { b: 1, up: '[Circular ~.res]' },
      });
      assert.strictEqual(
        (await act(client, 'role:math,cmd:bigint')).err.code,
        'unserialisable_result',
      );
    });

    it('has fire-and-forget messages acted on, and gets nothing back for them', async () => {
      const { port, listener } = await serve(senecaName);
      const client = await stockClient(port);
      for (let n = 0; n < 5; n++) client.act('role:math,cmd:note', { n });
      const { out } = await until(async () => {
        const got = await act(client, 'role:math,cmd:noted');
        return got.out.seen.length === 5 && got;
      });
      assert.deepStrictEqual(out.seen, [0, 1, 2, 3, 4]);
      assert.strictEqual(listener.stats().unanswered, 5);
    });

    it('sends its custom data along', async () => {
      const { port } = await serve(senecaName);
      const client = await stockClient(port);
      const { out } = await act(client, 'role:math,cmd:meta', { custom$: { user: 'u1' } });
      assert.deepStrictEqual(out.custom, { user: 'u1' });
      assert.strictEqual(out.remote, true);
    });

    it('has 1,000 calls in flight answered right', async function () {
      this.timeout(60_000);
      const { port } = await serve(senecaName);
      const client = await stockClient(port);
      // Its own table of callbacks holds 1,111.
      await manySums(client, 1000);
    });

    it('may be two clients with the same message ids', async () => {
      const { port } = await serve(senecaName);
      const [one, two] = [await rawConnection(port), await rawConnection(port)];
      one.send(request('same/id', { role: 'math', cmd: 'slow', n: 1, ms: 100 }));
      two.send(request('same/id', { role: 'math', cmd: 'slow', n: 2, ms: 50 }));
      assert.strictEqual((await two.next()).res.n, 2);
      assert.strictEqual((await one.next()).res.n, 1);
    });
  });
}

describe('the lines that our listener takes and gives', function () {
  this.timeout(30_000);
  afterEach(cleanUp);

  it('are those of seneca-transport', async () => {
    const { port, seneca } = await serve('seneca');
    const raw = await rawConnection(port);
    raw.send({
      id: 'hpj9wj836egp/pa9n65qe1emd',
      kind: 'act',
      origin: 'CLI',
      track: ['CLI'],
      time: { client_sent: 1795435068918 },
      act: { role: 'math', cmd: 'sum', left: 1, right: 2, custom$: {} },
      sync: true,
      msg$: {
        vin: 1,
        sid: 'CLI',
        out: true,
        mid: 'hpj9wj836egp',
        cid: 'pa9n65qe1emd',
        snc: true,
        pat: 'role:math',
      },
    });
    const reply = await raw.next();
    const { listen_recv, listen_sent } = reply.time;
    assert.ok(Math.abs(Date.now() - listen_recv) < 60_000 && listen_sent >= listen_recv);
    assert.deepStrictEqual(reply, {
      id: 'hpj9wj836egp/pa9n65qe1emd',
      kind: 'res',
      origin: 'CLI',
      accept: seneca.id,
      track: ['CLI'],
      time: { client_sent: 1795435068918, listen_recv, listen_sent },
      sync: true,
      res: { answer: 3 },
    });
  });

  it('give the message the transaction of its caller, its deadline, its parents', async () => {
    const { port } = await serve('seneca');
    const raw = await rawConnection(port);
    const parents = [['role:a', 'm1/t1', 'i1', '-', '0.1.0', 1, 2, true, 'a_1']];
    raw.send(
      request('m2/t1', {
        role: 'math',
        cmd: 'meta',
        timeout$: 4321,
        parents$: parents,
        custom$: { u: 1 },
      }),
    );
    const { res } = await raw.next();
    assert.strictEqual(res.tx, 't1');
    assert.match(res.id, /m2\/t1$/);
    assert.strictEqual(res.timeout, 4321);
    assert.deepStrictEqual(res.parents, parents);
    assert.deepStrictEqual(res.custom, { u: 1 });
  });

  it('honour timeout$: the caller hears of it when the action is too slow', async () => {
    const { port } = await serve('seneca');
    const raw = await rawConnection(port);
    raw.send(request('m/t', { role: 'math', cmd: 'never', timeout$: 200 }));
    const reply = await raw.next();
    assert.strictEqual(reply.error.code, 'action_timeout');
  });

  it('may be blank, end in \\r\\n, arrive in pieces, and hold 3 MB', async () => {
    const { port } = await serve('seneca');
    const raw = await rawConnection(port);
    raw.write('\n\r\n  \n');
    raw.write(
      `${JSON.stringify(request('1/a', { role: 'math', cmd: 'sum', left: 1, right: 1 }))}\r\n`,
    );
    assert.strictEqual((await raw.next()).res.answer, 2);
    const text = `${JSON.stringify(request('2/a', { role: 'math', cmd: 'echo', pad: 'é'.repeat(20) }))}\n`;
    for (const byte of Buffer.from(text)) raw.write(Buffer.from([byte]));
    assert.strictEqual((await raw.next()).res.msg.pad, 'é'.repeat(20));
    raw.send(request('3/a', { role: 'math', cmd: 'echo', pad: 'p'.repeat(3_000_000) }));
    assert.strictEqual((await raw.next()).res.msg.pad.length, 3_000_000);
  });

  it('are answered after the sender has half closed', async () => {
    const { port } = await serve('seneca');
    const raw = await rawConnection(port);
    raw.socket.end(
      `${JSON.stringify(request('1/a', { role: 'math', cmd: 'slow', n: 7, ms: 100 }))}\n`,
    );
    assert.strictEqual((await raw.next()).res.n, 7);
    await raw.closes();
  });

  it('want no reply when sync is not set', async () => {
    const { port, listener } = await serve('seneca');
    const raw = await rawConnection(port);
    raw.send(request('1/a', { role: 'math', cmd: 'note', n: 1 }, { sync: false }));
    raw.send(request('2/a', { role: 'math', cmd: 'note', n: 2 }, { sync: undefined }));
    raw.send(request('3/a', { role: 'math', cmd: 'noted' }));
    const reply = await raw.next();
    assert.strictEqual(reply.id, '3/a');
    assert.deepStrictEqual(reply.res.seen, [1, 2]);
    assert.strictEqual(listener.stats().unanswered, 2);
  });

  it('carry entities both ways', async () => {
    const { port, seneca } = await serve('seneca', { senecaOptions: { entity: true } });
    seneca.add('role:math,cmd:entity', (msg, reply) => {
      assert.strictEqual(typeof msg.thing.data$, 'function');
      reply(null, seneca.make$('foo', { y: msg.thing.x + 1 }));
    });
    const client = await stockClient(port, { entity: true });
    const { err, out } = await act(client, 'role:math,cmd:entity', {
      thing: client.make$('foo', { x: 1 }),
    });
    assert.ifError(err);
    assert.strictEqual(out.y, 2);
    assert.strictEqual(out.entity$, '-/-/foo');
    assert.strictEqual(typeof out.data$, 'function');
  });
});
