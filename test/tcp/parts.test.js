'use strict';

const assert = require('node:assert');
const { Deadlines } = require('../../lib/deadlines');
const { Age } = require('../../lib/tcp/age');
const { Outbox } = require('../../lib/tcp/outbox');
const { makeError, CODES } = require('../../lib/errors');
const { packAct, toJson } = require('../../lib/message');

describe('parts of a call', function () {
  this.timeout(30_000);
  it('deadlines expire in time, each once, and those taken out never; the timer ends with the last', async () => {
    const deadlines = new Deadlines();
    const expired = [];
    const items = [];
    const begun = performance.now();
    for (let n = 0; n < 500; n++) {
      const item = {
        deadline: begun + n,
        expired: () => expired.push({ n, at: performance.now() - begun }),
      };
      items.push(item);
      deadlines.add(item);
    }
    for (let n = 0; n < 500; n += 5) deadlines.remove(items[n]);
    // Twice is once.
    deadlines.remove(items[0]);
    assert.strictEqual(deadlines.size, 400);
    const far = { deadline: begun + 100_000, expired: () => assert.fail('too early') };
    deadlines.add(far);
    deadlines.add({ deadline: Number.POSITIVE_INFINITY, expired: () => assert.fail('never') });
    while (deadlines.size > 1 && performance.now() - begun < 10_000) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.strictEqual(expired.length, 400);
    assert.strictEqual(new Set(expired.map(({ n }) => n)).size, 400);
    for (const { n, at } of expired) {
      assert.notStrictEqual(n % 5, 0);
      assert.ok(at >= n - 17, `${n} expired at ${at}`);
    }
    deadlines.remove(far);
    while (deadlines.timer !== null && performance.now() - begun < 20_000) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.strictEqual(deadlines.timer, null);
  });

  it('the age of a message does not depend on what the clocks show', () => {
    for (const offset of [0, 1e12, -1e12]) {
      const age = new Age();
      assert.strictEqual(age.of(1000 + offset, 1003), 0);
      assert.strictEqual(age.of(2000 + offset, 2003), 0);
      assert.strictEqual(age.of(2010 + offset, 7010), 4997);
      // A faster one corrects the estimate.
      assert.strictEqual(age.of(8000 + offset, 8001), 0);
      assert.strictEqual(age.of(8001 + offset, 8004), 2);
      // What is minutes old does not count: clocks drift.
      assert.strictEqual(age.of(200_000 + offset, 200_900), 0);
    }
  });

  it('the outbox keeps the order, and forgets', () => {
    const outbox = new Outbox();
    const made = [];
    for (let n = 0; n < 10_000; n++) {
      const call = { n, body: 'xx', over: false };
      made.push(call);
      outbox.push(call);
    }
    for (const call of made) {
      if (call.n % 4 === 0) continue;
      call.over = true;
      outbox.forget(call);
    }
    assert.strictEqual(outbox.bytes, 2 * 2500);
    assert.ok(outbox.size < 6000, `size ${outbox.size}`);
    const taken = [];
    while (outbox.size > 0) {
      const call = outbox.shift();
      if (!call.over) taken.push(call.n);
    }
    assert.deepStrictEqual(
      taken,
      Array.from({ length: 2500 }, (_, n) => n * 4),
    );
    assert.strictEqual(outbox.bytes, 0);
  });

  it('every error code has a text that survives missing details', () => {
    for (const code of CODES) {
      const err = makeError(code);
      assert.strictEqual(err.code, code);
      assert.ok(err.message.length > 20, err.message);
      assert.strictEqual(err.seneca, true);
    }
  });

  it('a message travels without directives, with custom data and parents', () => {
    const msg = { a: 1, b$: 2, c: { d$: 3 }, meta$: {}, u: undefined };
    const text = packAct(msg, { custom: { x: 1 }, parents: [['p']] });
    assert.deepStrictEqual(JSON.parse(`${text}}`), {
      a: 1,
      c: { d$: 3 },
      custom$: { x: 1 },
      parents$: [['p']],
    });
    const loop = { list: [] };
    loop.list.push(loop, { loop: loop.list });
    assert.deepStrictEqual(JSON.parse(toJson(loop, 'unserialisable_result', 'res')), {
      list: ['[Circular ~.res]', { loop: '[Circular ~.res.list]' }],
    });
  });
});
