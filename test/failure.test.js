'use strict';

// What must hold when processes start, die, fall silent and come back: JavaScript and Rust nodes in
// one cluster. Bounds are wide, since tests share their machine; what was measured is printed, and
// `npm run bench:cluster` measures it with care.

const assert = require('node:assert/strict');

const { killAll } = require('./support/processes');
const { VERSIONS } = require('./support/seneca');
const { WHO, mixed } = require('./support/mixed');
const { blockLoop, firstAnswer, killAndReturn, stopAndContinue } = require('./support/scenarios');
const { until } = require('./support/until');

/** @param {Record<string, number>} times in ms */
function show(times) {
  const text = Object.entries(times).map(([what, ms]) => `${what} ${Math.round(ms)} ms`);
  console.log(`      measured: ${text.join(', ')}`);
}

for (const version of VERSIONS) {
  describe(`failures, on ${version}`, function () {
    this.timeout(120_000);
    afterEach(killAll);

    for (const secure of [false, true]) {
      it(`a process that starts is answered by the others soon${secure ? ', with a key and TLS' : ''}`, async () => {
        const { answered, answers } = await firstAnswer({ version, secure });
        assert.deepEqual(answers, [5, 6]);
        show({ 'first answers, from the start of the process:': answered });
        assert.ok(answered < 4500, `${answered} ms`);
      });
    }

    it('kill -9: the survivor answers, all see it; it returns with its new state', async () => {
      const cluster = await mixed(version);
      const { name, seed, other, client } = cluster;
      const before = await client.member(name);
      assert.deepEqual(before.meta, { run: 1 });
      assert.ok(before.patterns.includes('role:api,run:1'));
      const seen = await killAndReturn(cluster);
      const { suspect, dead, lastLost, ready, alive, called } = seen;
      show({ suspect, dead, 'last call that it cost:': lastLost, ready, alive, called });

      assert.ok(seen.calls.length > 20, `${seen.calls.length} calls`);
      const late = seen.calls.filter(
        (call) => call.pid !== other.pid && call.error !== 'target_lost',
      );
      assert.deepEqual(late, [], 'what is lost is said to be');
      assert.ok(lastLost <= 250, `a call made ${lastLost} ms after the kill was lost`);
      assert.ok(dead < 6000, `dead after ${dead} ms`);
      assert.deepEqual(seen.targets, [[seed], []], 'its routes are gone');

      assert.ok(alive < 6000 && called < 6000, `alive after ${alive}, called after ${called} ms`);
      assert.equal(seen.failedWhileBack, 0);
      await cluster.all(name, 'alive');
      for (const node of [client, other]) {
        const now = await until(async () => {
          const member = await node.member(name);
          return member.meta.run === 2 && member.patterns.includes('role:api,run:2') && member;
        });
        assert.ok(now.generation > before.generation);
        assert.ok(!now.patterns.includes('role:api,run:1'), 'nothing of its former run');
        assert.deepEqual(await cluster.targets('role:api,run:1', node), []);
      }
    });
  });
}

describe('failures', function () {
  this.timeout(120_000);
  afterEach(killAll);

  for (const kind of ['JavaScript', 'Rust']) {
    it(`SIGSTOP for a ${kind} node: suspect, then dead; SIGCONT: alive again`, async () => {
      const cluster = await mixed();
      const name = kind === 'Rust' ? cluster.rust.name : cluster.name;
      const pattern = kind === 'Rust' ? 'role:api,cmd:mcl' : WHO;
      const times = stopAndContinue(cluster, name);
      await until(async () => !(await cluster.targets(pattern)).includes(name), {
        within: 20_000,
        what: 'its routes are gone',
      });
      const { suspect, dead, alive } = await times;
      show({ suspect, dead, 'alive after SIGCONT:': alive });
      assert.ok(suspect <= dead);
      assert.ok(dead < 12_000, `dead after ${dead} ms`);
      assert.ok(alive < 6000, `alive after ${alive} ms`);
      await cluster.all(name, 'alive');
      await until(async () => (await cluster.targets(pattern)).includes(name));
      if (kind === 'Rust') {
        const msg = { role: 'api', cmd: 'mcl', left: 2, right: 3 };
        assert.equal((await cluster.client.act(msg)).answer, 6);
      }
    });
  }

  it('an event loop that is blocked for 10 s is stalled, not dead', async () => {
    const cluster = await mixed();
    const { client, name, first } = cluster;
    const { stalled, astray, meanwhile, took, doubts } = await blockLoop(cluster, 10_000);
    show({ 'known to be stalled after': stalled });
    assert.equal(astray, 0, 'calls keep away from it as long as there is another one');
    assert.ok(meanwhile < 9000 && took >= 10_000, 'while it was blocked');
    assert.equal(doubts, 0, 'nobody held it for suspect or dead');
    await until(async () => !(await client.member(name)).stalled, { what: 'no longer stalled' });
    await until(async () => (await client.act(WHO)).pid === first.pid, { what: 'called again' });
  });
});
