'use strict';

const assert = require('node:assert/strict');

const { Patrun } = require('seneca').util;

const { fits, isSafe } = require('../lib/patterns');

describe('globs', () => {
  it('fit what they fit for the router of Seneca', () => {
    const parts = ['a', 'b', '*', '?', '**', '*?', '.', '$', '\\'];
    let fitted = 0;
    // Every glob of up to three parts, with every value of up to three signs.
    const globs = parts.flatMap((a) => [
      a,
      ...parts.flatMap((b) => [a + b, ...parts.map((c) => a + b + c)]),
    ]);
    const signs = ['', 'a', 'b', '*', '?'];
    const values = new Set(signs.flatMap((a) => signs.flatMap((b) => signs.map((c) => a + b + c))));
    values.delete('');
    for (const glob of globs) {
      const router = Patrun({ gex: true }).add({ k: glob }, 1);
      for (const value of values) {
        // A pin covers what is written like it.
        if (value === glob) continue;
        const expected = router.find({ k: value }) === 1;
        assert.equal(fits(glob, value), expected, `${glob} and ${value}`);
        if (expected) fitted++;
      }
    }
    assert.ok(fitted > 1000);
  });

  it('take no time that grows with the square of a value of others, or worse', () => {
    const began = Date.now();
    assert.equal(fits('*a*b*c', 'ab'.repeat(100_000)), false);
    assert.equal(fits('*a*b', 'a'.repeat(200_000)), false);
    assert.equal(fits('*a*b*c*', `${'ab'.repeat(100_000)}c`), true);
    assert.ok(Date.now() - began < 5000);
  });
});

describe('patterns', () => {
  it('that the router of Seneca takes for its own entries are not given to it', () => {
    for (const key of Object.getOwnPropertyNames(Object.prototype)) {
      // An own `__proto__`, as JSON.parse makes it.
      assert.equal(isSafe(JSON.parse(`{"${key}":"x"}`)), false, key);
      assert.equal(isSafe({ role: key }), false, key);
    }
    assert.equal(isSafe({}), false);
    assert.equal(isSafe({ role: 'api', cmd: 'toJSON' }), true);
  });
});
