'use strict';

const assert = require('node:assert');
const crypto = require('node:crypto');
const { SENECAS, cleanUp, forkService, rawConnection, request } = require('./kit');
const { pause, until } = require('../support/until');

const MB = 1024 * 1024;
const sum = { role: 'math', cmd: 'sum', left: 2, right: 3 };

for (const senecaName of SENECAS) {
  describe(`hostile input to the listener on ${senecaName}`, function () {
    this.timeout(60_000);

    let service;
    beforeEach(async () => {
      service = await forkService({ seneca: senecaName, maxLine: 16 * MB, maxConnections: 600 });
    });
    afterEach(cleanUp);

    /** Still alive, and still answers a newcomer. */
    async function works() {
      assert.ok(service.alive(), 'the process has ended');
      const raw = await rawConnection(service.port);
      raw.send(request('ok/ok', sum));
      const reply = await raw.next();
      assert.deepStrictEqual(reply.res, { answer: 5 });
      raw.socket.destroy();
    }

    /** The reply to one message, on a connection of its own. */
    async function ask(message) {
      const raw = await rawConnection(service.port);
      if (typeof message === 'string') raw.write(message);
      else raw.send(message);
      const reply = await raw.next();
      raw.socket.destroy();
      return reply;
    }

    it('random bytes: answered with errors, then closed', async () => {
      for (let round = 0; round < 20; round++) {
        const raw = await rawConnection(service.port);
        const bytes = Buffer.concat([
          crypto.randomBytes(20_000),
          Buffer.from('\n'.repeat(1)),
          crypto.randomBytes(500),
        ]);
        raw.socket.write(bytes);
        raw.socket.end();
        await raw.closes();
      }
      for (const byte of [0x00, 0xc1, 0xff, 0x80]) {
        const raw = await rawConnection(service.port);
        raw.socket.end(Buffer.from([byte, 10, byte]));
        await raw.closes();
      }
      await works();
      const { stats } = await service.ask({ cmd: 'stats' });
      assert.ok(stats.refused_invalid_json >= 20);
    });

    it('an HTTP request: errors and a close, not silence', async () => {
      const raw = await rawConnection(service.port);
      raw.write(
        'GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: 6\r\nG: 7\r\n\r\n',
      );
      const reply = await raw.next();
      assert.strictEqual(reply.error.code, 'invalid_json');
      assert.strictEqual(reply.sync, true);
      await raw.closes();
      await works();
    });

    it('half messages followed by a reset, and resets while calls are at work', async () => {
      for (let round = 0; round < 30; round++) {
        const raw = await rawConnection(service.port);
        raw.send(request(`s/${round}`, { role: 'math', cmd: 'slow', n: 1, ms: 20 }));
        raw.write('{"id":"a/b","kind":"act","act":{"role":"ma');
        await pause(2);
        raw.socket.resetAndDestroy();
      }
      await pause(100);
      await works();
      const { stats } = await until(async () => {
        const told = await service.ask({ cmd: 'stats' });
        return told.stats.open <= 1 && told;
      });
      assert.strictEqual(stats.working, 0);
    });

    it('missing and mistyped fields: an error reply each, with sync', async () => {
      const good = request('x/y', sum);
      const cases = [
        ['[]', 'no_data'],
        ['null', 'no_data'],
        ['7', 'no_data'],
        ['"text"', 'no_data'],
        ['{}', 'invalid_kind_act'],
        [{ ...good, kind: undefined }, 'invalid_kind_act'],
        [{ ...good, kind: 'res' }, 'invalid_kind_act'],
        [{ ...good, kind: { a: 1 } }, 'invalid_kind_act'],
        [{ ...good, act: undefined }, 'invalid_act'],
        [{ ...good, act: null }, 'invalid_act'],
        [{ ...good, act: 'role:math,cmd:sum' }, 'invalid_act'],
        [{ ...good, act: 5 }, 'invalid_act'],
        [{ ...good, act: [sum] }, 'invalid_act'],
        [{ ...good, act: {} }, 'act_not_found'],
        [{ ...good, id: null }, 'no_message_id'],
        [{ ...good, id: 7 }, 'invalid_message_id'],
        [{ ...good, id: true }, 'invalid_message_id'],
        [{ ...good, id: ['x/y'] }, 'invalid_message_id'],
        [{ ...good, id: { a: 1 } }, 'invalid_message_id'],
        [{ ...good, id: 'i'.repeat(100_000) }, 'invalid_message_id'],
        [{ ...good, error: { message: 'x' } }, 'data_error'],
      ];
      for (const [message, code] of cases) {
        const reply = await ask(typeof message === 'string' ? `${message}\n` : message);
        assert.strictEqual(reply.error.code, code, JSON.stringify(message).slice(0, 100));
        assert.strictEqual(reply.sync, true);
        assert.strictEqual(reply.kind, 'res');
        assert.strictEqual(reply.ran, false);
        const { id } = typeof message === 'string' ? {} : message;
        if (id === null || typeof id === 'number' || id === 'x/y') assert.strictEqual(reply.id, id);
        assert.ok(JSON.stringify(reply).length < 2000);
      }
      await works();
    });

    it('fields that do not matter may be anything', async () => {
      const odd = [
        undefined,
        null,
        7,
        'text',
        true,
        [],
        {},
        [null, 7, {}],
        { client_sent: {} },
        'x'.repeat(10_000),
      ];
      for (const value of odd) {
        for (const field of ['origin', 'track', 'time', 'msg$', 'sync', 'extra']) {
          if (field === 'sync' && !value) continue;
          const reply = await ask({ ...request('x/y', sum), [field]: value });
          assert.deepStrictEqual(reply.res, { answer: 5 }, `${field} = ${JSON.stringify(value)}`);
        }
      }
      await works();
    });

    it('ids that look like something else', async () => {
      for (const id of [
        '',
        '/',
        '//',
        'a',
        'a/',
        '/b',
        'a/b/c',
        '__proto__',
        '__proto__/__proto__',
        'constructor/x',
        'é"\\\n/😀',
      ]) {
        const reply = await ask(request(id, sum));
        assert.strictEqual(reply.id, id);
        assert.deepStrictEqual(reply.res, { answer: 5 });
      }
      const { id, ...without } = request('x', sum);
      const reply = await ask(without);
      assert.deepStrictEqual(reply.res, { answer: 5 });
      assert.ok(!('id' in reply));
    });

    it('the same id while the first is at work: an error, not null; afterwards what was answered', async () => {
      const raw = await rawConnection(service.port);
      raw.send(request('d/d', { role: 'math', cmd: 'slow', n: 1, ms: 150 }));
      raw.send(request('d/d', { role: 'math', cmd: 'slow', n: 2, ms: 10 }));
      assert.strictEqual((await raw.next()).error.code, 'duplicate_message_id');
      assert.strictEqual((await raw.next()).res.n, 1);
    });

    it('actions outside the pins are not run, and Seneca cannot be closed, read or ended', async () => {
      const refused = [
        { role: 'hidden', cmd: 'secret' },
        { role: 'seneca', cmd: 'close' },
        { role: 'seneca', get: 'options' },
        { role: 'seneca', cmd: 'stats' },
        { role: 'transport', cmd: 'listen', config: { type: 'tcp', port: 1 } },
        { role: 'options', cmd: 'get' },
        { sys: 'seneca', cmd: 'close' },
        { role: 'math', sys: 'seneca', cmd: 'close' },
        { init: 'entity' },
        { role: 'nobody', cmd: 'nothing' },
        { role: 'nobody', cmd: 'nothing', fatal$: true },
      ];
      for (const message of refused) {
        const reply = await ask(request('x/y', message));
        assert.ok(
          ['not_served', 'act_not_found'].includes(reply.error.code),
          JSON.stringify(reply),
        );
        assert.strictEqual(reply.res, null);
      }
      await pause(200);
      await works();
    });

    it('directives do not get through', async () => {
      const { res } = await ask(
        request('x/y', {
          role: 'math',
          cmd: 'meta',
          fatal$: true,
          gate$: true,
          local$: true,
          closing$: true,
          default$: {},
          plugin$: { name: 'x' },
          actid$: 'other/id',
          id$: 'other/id',
          tx$: 'other',
          prior$: { id: 'x' },
          timeout$: 'soon',
          parents$: 'none',
          custom$: 'x',
          meta$: { id: 'a' },
          sync$: false,
        }),
      );
      assert.match(res.id, /x\/y$/);
      assert.strictEqual(res.fatal, false);
      assert.strictEqual(res.timeout, 22222);
      assert.deepStrictEqual(res.parents, []);

      // A failing action with fatal$ ends a stock listener's process, also when it hides in a prototype.
      for (const act of [
        '{"role":"math","cmd":"fail","fatal$":true}',
        '{"role":"math","cmd":"fail","__proto__":{"fatal$":true}}',
        '{"role":"math","cmd":"fail","\\u005f_proto__":{"fatal$":true},"fatal\\u0024":true}',
        '{"__proto__":{"role":"math","cmd":"fail","fatal$":true}}',
        '{"role":"math","cmd":"fail","custom$":{"__proto__":{"fatal$":true}},"parents$":[[]]}',
        '{"role":"math","cmd":"throw","fatal$":1}',
      ]) {
        const reply = await ask(`{"id":"p/p","kind":"act","sync":true,"act":${act}}\n`);
        assert.ok(reply.error, act);
      }
      await pause(300);
      await works();
    });

    it('values that break what handles them', async () => {
      const values = [
        '{"toString":5,"valueOf":5,"toJSON":"x"}',
        '{"hasOwnProperty":1,"constructor":{"name":5},"length":-1}',
        '{"entity$":"-/-/foo"}',
        '{"entity$":{"a":1}}',
        '{"entity$":"//////"}',
        '{"inspect":"x","Symbol(nodejs.util.inspect.custom)":1}',
        `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
        '1e400',
        '-0',
        '"\\ud800"',
      ];
      for (const value of values) {
        for (const act of [
          `{"role":"math","cmd":"echo","v":${value}}`,
          `{"role":"math","cmd":"fail","v":${value}}`,
          `{"role":${value},"cmd":"sum"}`,
          `{"role":"math","cmd":"echo","custom$":${value}}`,
          `{"role":"math","cmd":"meta","parents$":[${value},[${value}]]}`,
          `{"role":"math","cmd":"echo","entity$":${value}}`,
        ]) {
          const reply = await ask(`{"id":"v/v","kind":"act","sync":true,"act":${act}}\n`);
          assert.strictEqual(reply.id, 'v/v', act.slice(0, 200));
        }
      }
      await works();
    });

    it('parents that Seneca cannot read are taken out', async () => {
      for (const parents$ of [
        [['p', {}]],
        [['p', ['x']]],
        [['p', 7]],
        [[1, 2], []],
        [['p', 'm/t', { toString: 1 }]],
        [new Array(100).fill('x')],
        [['x'.repeat(10_000)]],
      ]) {
        const reply = await ask(request('p/p', { ...sum, parents$ }));
        assert.strictEqual(reply.res.answer, 5, JSON.stringify(parents$).slice(0, 100));
      }
      await works();
    });

    it('100 parents end in an error, not in a loop', async () => {
      const parents$ = Array.from({ length: 100 }, () => [
        'a:1',
        'm/t',
        'i',
        '-',
        '0',
        1,
        2,
        true,
        'x',
      ]);
      const reply = await ask(request('x/y', { ...sum, parents$ }));
      assert.strictEqual(reply.error.code, 'maxparents');
    });

    it('a line of 100 MB: an error for its id, memory stays, the other calls of the connection live', async () => {
      const before = (await service.ask({ cmd: 'stats' })).rss;
      const raw = await rawConnection(service.port);
      raw.send(request('s/s', { role: 'math', cmd: 'slow', n: 9, ms: 300 }));
      raw.write(
        '{"id":"big/big","kind":"act","origin":"RAW","sync":true,"act":{"role":"math","cmd":"echo","pad":"',
      );
      const piece = 'x'.repeat(MB);
      let peak = 0;
      for (let sent = 0; sent < 100; sent++) {
        if (!raw.write(piece)) await new Promise((resolve) => raw.socket.once('drain', resolve));
        if (sent % 20 === 19) peak = Math.max(peak, (await service.ask({ cmd: 'stats' })).rss);
      }
      raw.write('"}}\n');
      raw.send(request('a/a', sum));
      const replies = new Map();
      for (let n = 0; n < 3; n++) {
        const reply = await raw.next(30_000);
        replies.set(reply.id, reply);
      }
      assert.strictEqual(replies.get('big/big').error.code, 'line_too_long');
      assert.strictEqual(replies.get('s/s').res.n, 9);
      assert.deepStrictEqual(replies.get('a/a').res, { answer: 5 });
      assert.ok(peak - before < 150 * MB, `grew by ${(peak - before) / MB} MB`);
    });

    it('many unfinished long lines share one bound', async () => {
      const before = (await service.ask({ cmd: 'stats' })).rss;
      const piece = 'y'.repeat(MB);
      const raws = [];
      for (let n = 0; n < 40; n++) {
        const raw = await rawConnection(service.port);
        raws.push(raw);
        raw.write('{"id":"u/u","act":{"pad":"');
        for (let sent = 0; sent < 12; sent++) {
          if (!raw.write(piece)) await new Promise((resolve) => raw.socket.once('drain', resolve));
        }
      }
      const { rss, stats } = await service.ask({ cmd: 'stats' });
      assert.ok(stats.tooLong >= 10, `too long ${stats.tooLong}`);
      assert.ok(rss - before < 600 * MB, `grew by ${(rss - before) / MB} MB`);
      for (const raw of raws) raw.socket.destroy();
      await works();
    });

    it('500 idle connections, and more than there is room for: newcomers are served', async () => {
      const idle = [];
      for (let n = 0; n < 500; n++) idle.push(await rawConnection(service.port));
      await works();
      for (let n = 0; n < 200; n++) idle.push(await rawConnection(service.port));
      await works();
      const { stats } = await service.ask({ cmd: 'stats' });
      assert.ok(stats.open <= 600, `open ${stats.open}`);
      assert.ok(stats.turnedAway >= 100, `turned away ${stats.turnedAway}`);
      for (const raw of idle) raw.socket.destroy();
      await until(async () => (await service.ask({ cmd: 'stats' })).stats.open === 0);
    });

    it('a writer of single bytes delays nobody', async () => {
      const slow = await rawConnection(service.port);
      const text = `${JSON.stringify(request('l/l', sum))}\n`;
      let at = 0;
      const timer = setInterval(() => {
        if (at < text.length) slow.write(text[at++]);
      }, 5);
      try {
        for (let n = 0; n < 5; n++) await works();
        assert.deepStrictEqual((await slow.next(20_000)).res, { answer: 5 });
      } finally {
        clearInterval(timer);
      }
    });

    it('a reader that does not read: bounded, and the rest arrives once it reads', async () => {
      const before = (await service.ask({ cmd: 'stats' })).rss;
      const raw = await rawConnection(service.port);
      raw.socket.pause();
      const count = 3000;
      for (let n = 0; n < count; n++)
        raw.send(request(`r${n}/t`, { role: 'math', cmd: 'pad', size: 100_000 }));
      await until(async () => (await service.ask({ cmd: 'stats' })).stats.pauses > 0);
      await pause(500);
      const { rss, stats } = await service.ask({ cmd: 'stats' });
      assert.ok(stats.accepted < 1500, `accepted ${stats.accepted}`);
      assert.ok(rss - before < 250 * MB, `grew by ${(rss - before) / MB} MB`);
      await works();
      raw.socket.resume();
      const ids = new Set();
      for (let n = 0; n < count; n++) ids.add((await raw.next(30_000)).id);
      assert.strictEqual(ids.size, count);
    });

    it('long messages whose actions take their time: so many megabytes are at work, the rest waits', async () => {
      const raw = await rawConnection(service.port);
      const { accepted } = (await service.ask({ cmd: 'stats' })).stats;
      const count = 12;
      const slow = { role: 'math', cmd: 'slow', ms: 1500, text: 'x'.repeat(10 * MB) };
      for (let n = 0; n < count; n++) raw.send(request(`w${n}/t`, { ...slow, n }));
      await until(async () => (await service.ask({ cmd: 'stats' })).stats.accepted > accepted + 5);
      await pause(300);
      const { stats } = await service.ask({ cmd: 'stats' });
      assert.ok(stats.working <= 7, `${stats.working} at work`);
      // Others are not held up.
      await works();
      const ids = new Set();
      for (let n = 0; n < count; n++) ids.add((await raw.next(30_000)).id);
      assert.strictEqual(ids.size, count);
    });

    it('connections that say nothing, finish no line or read no reply are ended, working ones are not', async () => {
      const patience = { silent: 400, line: 700, reader: 1000 };
      const strict = await forkService({ seneca: senecaName, patience });
      const silent = await rawConnection(strict.port);
      const half = await rawConnection(strict.port);
      half.write('{"id":"h/h","kind":');
      const deaf = await rawConnection(strict.port);
      deaf.socket.pause();
      for (let n = 0; n < 300; n++) {
        deaf.send(request(`r${n}/t`, { role: 'math', cmd: 'pad', size: 100_000 }));
      }
      const busy = await rawConnection(strict.port);
      const text = `${JSON.stringify(request('b/b', sum))}\n`;
      // Whenever a line is complete the next has begun.
      busy.write(text.slice(0, 20));
      const begun = Date.now();
      while (Date.now() - begun < 6000) {
        busy.write(text.slice(20) + text.slice(0, 20));
        assert.deepStrictEqual((await busy.next()).res, { answer: 5 });
        await pause(50);
      }
      assert.ok(silent.isClosed());
      assert.ok(half.isClosed());
      deaf.socket.resume();
      await deaf.closes();
      assert.ok(deaf.lines.length < 300);
      assert.ok(!busy.isClosed());
      const { stats } = await strict.ask({ cmd: 'stats' });
      assert.strictEqual(stats.timedOut, 3);
    });

    it('two callers with the same ids, 500 calls each: nobody gets the answer of the other', async () => {
      const raws = [await rawConnection(service.port), await rawConnection(service.port)];
      for (let n = 0; n < 500; n++) {
        raws.forEach((raw, which) => {
          raw.send(request(`m${n}/t`, { role: 'math', cmd: 'sum', left: n * 10, right: which }));
        });
      }
      for (const [which, raw] of raws.entries()) {
        for (let n = 0; n < 500; n++) {
          const { id, res } = await raw.next();
          assert.strictEqual(res.answer, Number(id.slice(1, -2)) * 10 + which);
        }
      }
    });

    it('a message that has been here before', async () => {
      const mark = await ask(request('x/y', sum));
      const reply = await ask(request('x/y', sum, { track: ['RAW', mark.accept] }));
      assert.strictEqual(reply.error.code, 'message_loop');
      assert.strictEqual(reply.sync, true);
    });
  });
}
