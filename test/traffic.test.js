'use strict';

// Calls of real processes whose targets die, hang, are blocked, come and go. How well is measured by
// bench/traffic/; here stands what must never fail, with generous bounds for time.

const assert = require('node:assert/strict');

const { killAll } = require('./support/processes');
const { stage } = require('./support/stage');
const traffic = require('./support/traffic');

describe('calls under traffic', function () {
  this.timeout(60_000);
  this.slow(30_000);
  afterEach(killAll);

  it('kill -9 of one of two: with retry none fails', async () => {
    const seen = await traffic.killOne(stage(), { rate: 1000, retry: 2 });
    assert.ok(seen.calls > 1000);
    assert.deepEqual(seen.codes, {});
  });

  it('kill -9 of one of two: without retry only what was written fails, soon', async () => {
    const seen = await traffic.killOne(stage(), { rate: 1000, retry: 0 });
    assert.ok(seen.calls > 1000);
    assert.deepEqual(
      Object.keys(seen.codes).filter((code) => code !== 'target_lost'),
      [],
    );
    assert.ok(seen.lastEnded < 1000, JSON.stringify(seen));
  });

  it('SIGSTOP of one of three: the others get its calls', async () => {
    const seen = await traffic.stopOne(stage(), { rate: 300, timeout: 1000, watch: 5000 });
    assert.ok(seen.failed <= 0.03, JSON.stringify(seen));
    assert.ok(seen.astray <= 0.03, JSON.stringify(seen));
  });

  it('one of two blocked: the other gets its calls, and it stays a member', async () => {
    const seen = await traffic.blockOne(stage(), { rate: 200, timeout: 2000, ms: 3000 });
    assert.ok(seen.astray <= 0.05, JSON.stringify(seen));
    assert.equal(seen.doubts, 0);
  });

  it('a second service that appears costs no call, and gets some', async () => {
    const seen = await traffic.another(stage(), { rate: 200 });
    assert.deepEqual(seen.codes, {});
    assert.ok(seen.there > 0, JSON.stringify(seen));
  });

  it('calls of a needed pattern wait for its first service, and none is lost', async () => {
    const seen = await traffic.first(stage(), { rate: 200 });
    assert.deepEqual(seen.codes, {});
    assert.equal(seen.there, seen.calls);
  });

  it('SIGTERM and restart of three, one after the other, without retry: none fails', async () => {
    const seen = await traffic.rolling(stage(), { rate: 300 });
    assert.deepEqual(seen.codes, {});
    assert.ok(seen.processes >= 4, `only ${seen.processes} processes answered`);
  });
});
