'use strict';

// A node in a process that starts and closes many, that ends threads, or that ends itself.

const assert = require('node:assert/strict');
const path = require('node:path');

const { killAll, script } = require('./support/processes');
const { VERSIONS } = require('./support/seneca');
const { pause } = require('./support/until');

const FOLDER = path.join(__dirname, 'lifecycle');
const CYCLES = 50;

/**
 * Runs a script to its end.
 *
 * @param {string} file
 * @param {string[]} args
 */
async function run(file, ...args) {
  const one = script(path.join(FOLDER, file), { args });
  const ended = await Promise.race([one.ended, pause(90_000)]);
  if (!ended) throw new Error(`${file} ${args.join(' ')} does not end; it said: ${one.output()}`);
  return { ...ended, output: one.output() };
}

describe('the life of a process with nodes', function () {
  this.timeout(120_000);
  afterEach(killAll);

  for (const what of ['gossiper', ...VERSIONS]) {
    it(`${CYCLES} starts and closes leak nothing, and then it ends: ${what}`, async () => {
      const { code, output } = await run('cycles.js', what, String(CYCLES));
      assert.equal(code, 0, output);
      const { ok, base, now, listeners } = JSON.parse(output);
      assert.ok(ok, `before ${JSON.stringify(base)}, after ${JSON.stringify(now)}`);
      assert.equal(now.ours, 0, 'no thread of the core');
      assert.equal(listeners, 0, 'no handler of a signal');
    });
  }

  it('worker threads that are terminated with running nodes do no harm', async () => {
    const { code, signal, output } = await run('workers.js', '24');
    assert.equal(code, 0, `${signal} ${output}`);
    const { ok, base, now, works, seen } = JSON.parse(output);
    assert.ok(works && seen > 10, `it knew ${seen} nodes`);
    assert.ok(ok, `before ${JSON.stringify(base)}, after ${JSON.stringify(now)}`);
    assert.equal(now.ours, 0, 'the core ends with its last node');
  });

  const moments = {
    gossiper: ['made', 'starting', 'event', 'synced', 'leaving', 'left', 'stopping'],
    seneca: ['used', 'ready', 'answering', 'calling', 'closing', 'closed'],
  };
  for (const [what, named] of Object.entries(moments)) {
    it(`process.exit at any moment just ends it: ${what}`, async () => {
      const times = ['0', '1', '2', '5', '10', '20', '50', '100', '300'];
      for (const moment of [...named, ...times]) {
        const { code, signal, output } = await run('exit.js', what, moment);
        assert.deepEqual([code, signal, output], [7, null, ''], `${what}, ${moment}: ${output}`);
      }
    });
  }
});
