'use strict';

// npm run demo, as a user sees it.

const assert = require('node:assert/strict');
const path = require('node:path');

const { rustService } = require('../scripts/rust-service');
const { isRunning, killAll, script } = require('./support/processes');
const { pause, until } = require('./support/until');

const DEMO = path.join(__dirname, '..', 'demo', 'index.js');

/** Process ids that the demo has told, in the order of their start. */
const pids = (text) =>
  [
    ...text.matchAll(/(?:JavaScript, Seneca|Rust, no Node.js) .* (\d+)$/gm),
    ...text.matchAll(/started .* pid (\d+)/g),
  ].map((found) => Number(found[1]));

describe('the demo', function () {
  this.timeout(120_000);
  // So that it is the demo that is timed, not cargo.
  before(function () {
    this.timeout(600_000);
    return rustService();
  });
  afterEach(killAll);

  it('ends well within 30 s, shows what it should, and leaves no process', async () => {
    const begun = Date.now();
    const demo = script(DEMO);
    const { code } = await demo.ended;
    const took = Date.now() - begun;
    const text = demo.output();
    assert.equal(code, 0, text);
    assert.ok(took < 30_000, `${took} ms`);
    console.log(`      the demo took ${(took / 1000).toFixed(1)} s`);

    const count = (pattern) => text.match(pattern)?.length ?? 0;
    // Once a second from the first answer to the end.
    assert.ok(count(/2 \+ 3 = 5 by add [12]/g) >= 5, text);
    assert.ok(count(/2 \* 3 = 6 by mcl/g) >= 5, text);
    assert.equal(count(/2 [+*] 3 = (?!5|6)/g), 0, text);
    assert.match(text, /2 \+ 3 = 5 by add 2 .*dead: add 1/);
    for (const name of ['add 1', 'add 2', 'mcl', 'client']) {
      assert.match(text, new RegExp(`joined +${name}`));
      assert.match(text, new RegExp(`left +${name}.*exit code 0`));
    }
    assert.match(text, /killed +add 1/);
    assert.match(text, /dead +add 1, for .*(mcl after.*client|client after.*mcl) after/);
    assert.match(text, /since the kill: [1-9]\d+ answered, 0 failed, \d+ retried; slowest \d/);
    assert.match(text, /back +add 1, ready after/);
    assert.match(text, /called +add 1 again/);
    assert.match(text, /since its start: [1-9]\d+ answered, 0 failed/);
    assert.match(text, /called +role:api,cmd:add by mcl .*= 5/);

    const wide = text.split('\n').filter((line) => line.length > 100);
    assert.deepEqual(wide, [], 'lines of at most 100 columns');
    assert.ok(!text.includes('\u001b'), 'no colours where there is no terminal');

    assert.equal(pids(text).length, 5, text);
    assert.deepEqual(pids(text).filter(isRunning), []);
  });

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ]) {
    it(`leaves no process on ${signal} either`, async () => {
      const demo = script(DEMO);
      await until(() => /2 \+ 3 = 5/.test(demo.output()), { within: 30_000 });
      const all = pids(demo.output());
      assert.deepEqual(all.filter(isRunning), all);
      demo.child.kill(signal);
      const ended = await demo.ended;
      assert.equal(ended.code, code, demo.output());
      assert.match(demo.output(), new RegExp(`FAILED: ended by ${signal}`));
      assert.deepEqual(all.filter(isRunning), []);
    });
  }

  it('says what went wrong, with exit code 1, and leaves no process', async () => {
    const demo = script(DEMO);
    await until(() => /2 \+ 3 = 5/.test(demo.output()), { within: 30_000 });
    const all = pids(demo.output());
    process.kill(all[1], 'SIGKILL');
    const ended = await demo.ended;
    assert.equal(ended.code, 1, demo.output());
    assert.match(demo.output(), /FAILED: add 2 has ended by itself/);
    assert.deepEqual(all.filter(isRunning), []);
  });

  it('takes its processes with it when it is killed itself', async () => {
    const demo = script(DEMO);
    await until(() => /2 \+ 3 = 5/.test(demo.output()), { within: 30_000 });
    const all = pids(demo.output());
    demo.child.kill('SIGKILL');
    await demo.ended;
    await pause(100);
    await until(() => !all.some(isRunning), { within: 10_000, what: 'their end' });
  });
});
