'use strict';

// What becomes of calls when their targets die, hang, are blocked, come and go: real processes on the
// loopback of one machine, beside moleculer (its TCP transporter, told where everybody is) and stock
// seneca-transport (one service, no discovery) where these can do the same.
//
//   npm install --prefix bench && npm run bench:traffic -- [options]
//
//   --runs <n>     runs of all but memory (3)
//   --calls <n>    calls after which memory is measured a second time (1000000)
//   --only <list>  of kill,stop,block,appear,rolling,steady,flood,memory
//
// Prints a table with the median of the runs. The exit code is 1 when a goal was missed.

const { killAll } = require('../../test/support/processes');
const { stage } = require('../../test/support/stage');
const traffic = require('../../test/support/traffic');
const { readOptions } = require('../options');
const { repeat, run } = require('../run');
const { Table } = require('../table');
const { peer } = require('./peers');

const PARTS = ['kill', 'stop', 'block', 'appear', 'rolling', 'steady', 'flood', 'memory'];
const {
  runs,
  calls: many,
  only: chosen,
} = readOptions({ runs: '3', calls: '1000000', only: PARTS.join() }, { only: PARTS });

const table = new Table();

const percent = (/** @type {number} */ share) => `${(share * 100).toFixed(1)} %`;
const ms = (/** @type {number} */ value) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
const count = (/** @type {number} */ value) => `${value}`;
const mb = (/** @type {number} */ bytes) => `${Math.round(bytes / 2 ** 20)} MB`;
const ratio = (/** @type {number} */ value) => value.toFixed(2);

/**
 * Plays a scenario, and ends its processes.
 *
 * @param {(stage: any, how: any) => Promise<any>} scenario
 * @param {any} on the stage
 * @param {any} how
 */
async function play(scenario, on, how) {
  const seen = await scenario(on, how);
  await killAll();
  return seen;
}

/** @type {Record<string, () => Promise<any>>} */
const parts = {
  async kill() {
    for (const rate of [200, 2000]) {
      const what = `kill -9 of one of two, ${rate} calls/s`;
      const again = await play(traffic.killOne, stage(), { rate, retry: 2 });
      table.none(`${what}, retry 2: failed`, again.failed);
      const theirs = await play(traffic.killOne, peer('moleculer'), { rate, retry: 2 });
      table.note('... moleculer, 2 retries', theirs.failed, count, what);
      const once = await play(traffic.killOne, stage(), { rate, retry: 0 });
      table.note('... without retry: failed, all of them written before', once.failed, count, what);
      table.time('... the last of them ended, after the death', 50, once.lastEnded, what);
      const others = Object.keys(once.codes).filter((code) => code !== 'target_lost');
      table.none('... that failed with anything but target_lost', others.length, what);
      const their = await play(traffic.killOne, peer('moleculer'), { rate, retry: 0 });
      table.note('... moleculer, without retry', their.failed, count, what);
    }
  },

  async stop() {
    const how = { rate: 500, timeout: 1000 };
    const what = 'SIGSTOP of one of three, 500 calls/s, timeout 1 s';
    const ours = await play(traffic.stopOne, stage(), how);
    table.most(`${what}: failed in the next 10 s`, 0.01, ours.failed, percent);
    table.most('... sent there after the first second', 0.01, ours.astray, percent, what);
    const theirs = await play(traffic.stopOne, peer('moleculer'), how);
    table.note('... moleculer: failed', theirs.failed, percent, what);
  },

  async block() {
    const how = { rate: 200, timeout: 2000, ms: 5000 };
    const what = 'event loop of one of two blocked for 5 s, 200 calls/s';
    const seen = await play(traffic.blockOne, stage(), how);
    table.most(`${what}: sent there after the first second`, 0.05, seen.astray, percent);
    table.note('... failed, timeout 2 s', seen.failed, count, what);
    table.none('... held for suspect or dead', seen.doubts, what);
  },

  async appear() {
    const another = await play(traffic.another, stage(), { rate: 200 });
    table.none('a second service appears, 200 calls/s: failed', another.failed);
    const first = await play(traffic.first, stage(), { rate: 200 });
    table.none('the first service of a `need` appears, 200 calls/s: failed', first.failed);
    table.note('... all that waited were answered within, after it was ready', first.waited, ms);
  },

  async rolling() {
    const seen = await play(traffic.rolling, stage(), { rate: 500 });
    table.none(
      'SIGTERM and restart of three, one after the other, 500 calls/s: failed',
      seen.failed,
    );
  },

  async steady() {
    for (const bursts of [1, 5]) {
      // Small ones: stock tcp loses calls above 1,111 at once.
      const how = { rate: 200, burst: 1000, bursts, watch: 5000 };
      const what = `200 calls/s after ${bursts === 1 ? 'a burst' : `${bursts} bursts`} of 1,000`;
      table.most(`${what}: p50`, 1.2, (await play(traffic.steady, stage(), how)).p50, ms);
      table.note(
        '... stock tcp',
        (await play(traffic.steady, peer('stock tcp'), how)).p50,
        ms,
        what,
      );
      table.note(
        '... moleculer',
        (await play(traffic.steady, peer('moleculer'), how)).p50,
        ms,
        what,
      );
    }
  },

  async flood() {
    const how = { count: 10_000, timeout: 20_000 };
    const what = '10,000 calls at once';
    const lost = (/** @type {any} */ seen) => how.count - seen.answered;
    table.none(`${what}: not answered`, lost(await play(traffic.flood, stage(), how)));
    table.note(
      '... moleculer',
      lost(await play(traffic.flood, peer('moleculer'), how)),
      count,
      what,
    );
    table.note(
      '... stock tcp',
      lost(await play(traffic.flood, peer('stock tcp'), how)),
      count,
      what,
    );
  },
};

async function memory() {
  const few = Math.min(100_000, many);
  const { before, then } = await traffic.memory(stage(), { few, many, width: 64 });
  const what = `30 s after ${many} calls, over that 30 s after ${few}`;
  for (const side of ['caller', 'service']) {
    const [a, b] = [before[side], then[side]];
    table.most(`memory of the ${side} ${what}`, 1.1, b.resident / a.resident, ratio);
    table.note('... which is then', b.resident, mb, side);
    table.most('... what is alive in its heap, over what was', 1.1, b.alive / a.alive, ratio, side);
  }
}

run(table, async () => {
  await repeat(parts, { runs, chosen });
  if (chosen.includes('memory')) await memory();
});
