'use strict';

const assert = require('node:assert');
const { LineReader } = require('../../lib/tcp/lines');

function collect(maxLine = 1000, budget) {
  const lines = [];
  const tooLong = [];
  const reader = new LineReader(
    maxLine,
    { line: (text) => lines.push(text), tooLong: (prefix) => tooLong.push(prefix) },
    budget,
  );
  return { reader, lines, tooLong };
}

describe('lines of a socket', function () {
  this.timeout(30_000);
  it('come out the same however the bytes are cut', () => {
    const text = '{"a":"é€😀"}\n\n{"b":2}\r\n{"c":"long long long"}\n';
    const bytes = Buffer.from(text);
    for (let first = 0; first <= bytes.length; first++) {
      for (const second of [first, first + 1, first + 7, bytes.length]) {
        const { reader, lines } = collect();
        for (const part of [
          bytes.subarray(0, first),
          bytes.subarray(first, second),
          bytes.subarray(second),
        ]) {
          if (part.length > 0) reader.push(part);
        }
        assert.deepStrictEqual(
          lines.map((line) => JSON.parse(line)),
          [{ a: 'é€😀' }, { b: 2 }, { c: 'long long long' }],
          `cut at ${first} and ${second}`,
        );
        assert.strictEqual(reader.partial, false);
      }
    }
  });

  it('come out byte by byte', () => {
    const { reader, lines } = collect();
    for (const byte of Buffer.from('{"a":"é"}\n{"b":1}\n')) reader.push(Buffer.from([byte]));
    assert.deepStrictEqual(lines, ['{"a":"é"}', '{"b":1}']);
  });

  it('above the limit are skipped, reported once with their beginning, and harm no other', () => {
    for (const size of [1, 10, 64, 5000]) {
      const { reader, lines, tooLong } = collect(100);
      const bytes = Buffer.from(`{"a":1}\n{"id":"x/y","z":"${'z'.repeat(3000)}"}\n{"b":2}\n`);
      for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
      assert.deepStrictEqual(lines, ['{"a":1}', '{"b":2}'], `pieces of ${size}`);
      assert.strictEqual(tooLong.length, 1);
      assert.ok(tooLong[0].startsWith('{"id":"x/y"'));
      assert.ok(tooLong[0].length <= 1024);
    }
  });

  it('share a budget for what is unfinished, and give it back', () => {
    const budget = { used: 0, max: 150 };
    const one = collect(100, budget);
    const two = collect(100, budget);
    one.reader.push(Buffer.alloc(90, 'a'));
    two.reader.push(Buffer.alloc(90, 'b'));
    assert.strictEqual(two.tooLong.length, 1);
    assert.strictEqual(budget.used, 90);
    one.reader.push(Buffer.from('\n'));
    assert.strictEqual(budget.used, 0);
    two.reader.push(Buffer.from('b\nnext\n'));
    assert.deepStrictEqual(two.lines, ['next']);
    one.reader.push(Buffer.from('half'));
    one.reader.close();
    assert.strictEqual(budget.used, 0);
  });

  it('wait while paused, in order, and lose nothing', () => {
    const lines = [];
    const reader = new LineReader(1000, {
      line(text) {
        lines.push(text);
        if (lines.length % 2 === 0) reader.paused = true;
      },
      tooLong() {},
    });
    const sent = [];
    for (let n = 0; n < 50; n++) sent.push(`line ${n}`);
    const bytes = Buffer.from(`${sent.join('\n')}\n`);
    for (let at = 0; at < bytes.length; at += 37) reader.push(bytes.subarray(at, at + 37));
    let turns = 0;
    while (lines.length < 50 && turns++ < 100) reader.resume();
    assert.deepStrictEqual(lines, sent);
    assert.strictEqual(reader.holding, false);
  });

  it('stay in order when a pause ends while a line is handed out', () => {
    const lines = [];
    const reader = new LineReader(1000, {
      line(text) {
        lines.push(text);
        reader.paused = true;
        reader.resume();
      },
      tooLong() {},
    });
    reader.paused = true;
    for (const text of ['a\nb\nc', 'd\ne\n', 'f\n']) reader.push(Buffer.from(text));
    reader.resume();
    assert.deepStrictEqual(lines, ['a', 'b', 'cd', 'e', 'f']);
    assert.strictEqual(reader.holding, false);
  });
});
