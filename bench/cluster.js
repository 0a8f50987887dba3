'use strict';

// How fast a cluster notices what happens to it: processes that start, are killed, fall silent and
// come back; many nodes that meet. JavaScript and Rust processes on the loopback of one machine.
//
//   npm run bench:cluster -- [options]
//
//   --runs <n>           runs of everything that is quick (5)
//   --quiet-minutes <n>  how long 100 nodes are watched for false failures (1)
//   --only <list>        of start,kill,stop,block,many,quiet
//
// Prints a table with the median of the runs. The exit code is 1 when a goal was missed.

const { spawn } = require('node:child_process');
const path = require('node:path');

const { killAll } = require('../test/support/processes');
const { mixed } = require('../test/support/mixed');
const scenarios = require('../test/support/scenarios');
const { readOptions } = require('./options');
const { repeat, run } = require('./run');
const { Table } = require('./table');

const PARTS = ['start', 'kill', 'stop', 'block', 'many', 'quiet'];
const {
  runs,
  'quiet-minutes': minutes,
  only: chosen,
} = readOptions({ runs: '5', 'quiet-minutes': '1', only: PARTS.join() }, { only: PARTS });

const table = new Table();

async function start() {
  const what = 'start of the last of 3 processes until its calls are answered';
  table.time(what, 1500, (await scenarios.firstAnswer()).answered);
  await killAll();
  const secure = await scenarios.firstAnswer({ secure: true });
  table.time('... with a key and TLS', 1500, secure.answered);
}

async function kill() {
  const seen = await scenarios.killAndReturn(await mixed());
  table.time(
    'kill -9 of one of two copies: the last call that it costs, after the kill',
    50,
    seen.lastLost,
  );
  table.time('... dead for all other nodes', 2000, seen.dead);
  table.none('... routes of it that are left then', seen.targets.flat().length - 1);
  table.time('... restarted: its own start, until ready', 2000, seen.ready);
  table.time('... restarted: alive for all other nodes', 2000, seen.alive);
  table.time('... restarted: called again', 2000, seen.called);
  table.none('... calls that failed while it came back', seen.failedWhileBack);
}

async function stop() {
  for (const kind of ['JavaScript', 'Rust']) {
    const cluster = await mixed();
    const name = kind === 'Rust' ? cluster.rust.name : cluster.name;
    const { suspect, dead, alive } = await scenarios.stopAndContinue(cluster, name);
    table.time(`SIGSTOP, ${kind}: suspect for all others`, 5000, suspect);
    table.time(`SIGSTOP, ${kind}: dead for all others`, 5000, dead);
    table.time(`SIGCONT, ${kind}: alive for all others`, 2000, alive);
    await killAll();
  }
}

async function block() {
  const { doubts, stalled } = await scenarios.blockLoop(await mixed(), 10_000);
  table.none('event loop blocked for 10 s: nodes that held it for suspect or dead', doubts);
  table.note('... known to be stalled after', stalled, (ms) => `${Math.round(ms)} ms`);
}

/**
 * @param {number} count
 * @param {number} [quiet] minutes
 * @returns {Promise<any>}
 */
function gossipers(count, quiet = 0) {
  const args = [path.join(__dirname, 'gossipers.js'), `${count}`, `${quiet}`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (text) => {
    said += text;
  });
  return new Promise((resolve, reject) => {
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(said));
      else reject(new Error(`gossipers.js ended with code ${code}`));
    });
  });
}

async function many() {
  const few = await gossipers(20);
  table.time('20 Gossipers in one process: everybody knows everybody', 2000, few.known);
  const lot = await gossipers(100);
  table.time('100 Gossipers in one process: everybody knows everybody', 5000, lot.known);
  table.time('... a key that one sets has reached all', 2000, lot.key);
}

async function quiet() {
  if (!(minutes > 0)) return;
  process.stderr.write(`100 nodes, ${minutes} quiet minutes\n`);
  const { failed, cpu } = await gossipers(100, minutes);
  table.none(`... false failures in ${minutes} quiet minutes`, failed);
  // Of a core, for 100 nodes: as a percentage it is the share of one node.
  table.note('... CPU of one of them', cpu, (share) => `${share.toFixed(2)} % of a core`);
}

run(table, async () => {
  await repeat({ start, kill, stop, many }, { runs, chosen });
  if (chosen.includes('quiet')) await quiet();
  if (chosen.includes('block')) await block();
});
