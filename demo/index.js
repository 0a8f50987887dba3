'use strict';

// npm run demo: a cluster of processes; one is killed while calls go on, and comes back. Ends
// with exit code 0 when all of it went as it should, else with 1 and the reason.

const os = require('node:os');
const { setTimeout: pause } = require('node:timers/promises');

const { rustService } = require('../scripts/rust-service');
const { Calls } = require('./calls');
const { Cluster, freePorts } = require('./cluster');
const { begin, bold, green, heading, list, more, print, red, say } = require('./print');
const { seconds, states, table } = require('./print');

/** Calls that the client makes a second, besides those that are shown. */
const RATE = 100;
/** All of it ends within so many ms. */
const LIMIT = 29_000;
/** How long anything single may take, ms. */
const PATIENCE = 12_000;

const cluster = new Cluster();
const calls = new Calls();
/** Processes whose end is meant. */
const ending = new Set();

/** @type {(err: Error) => void} */
let giveUp = () => {};
const failed = new Promise((_, reject) => {
  giveUp = reject;
});
failed.catch(() => {});

cluster.on('end', (/** @type {any} */ one) => {
  if (ending.has(one)) return;
  giveUp(new Error(`${one.name} has ended by itself; it said:\n${one.output.trim()}`));
});

/** @param {number} ms */
const wait = (ms) => Promise.race([pause(ms), failed]);

/**
 * @template T
 * @param {() => T} check a truthy result ends the wait
 * @param {string} what
 * @returns {Promise<NonNullable<T>>}
 */
async function until(check, what) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const result = check();
    if (result) return result;
    if (Date.now() > end) throw new Error(`this did not happen in ${seconds(PATIENCE)}: ${what}`);
    await wait(20);
  }
}

/** 'add 2 after 512 ms, mcl after 530 ms' */
function delays(/** @type {Record<string, number>} */ seen) {
  const sorted = Object.entries(seen).sort((a, b) => a[1] - b[1]);
  return list(sorted.map(([by, ms]) => `${by} after ${seconds(ms)}`));
}

/** The line of every second: who answered, and who is here. */
function show(/** @type {any} */ { sum, product, members }) {
  const one = (/** @type {string} */ sign, /** @type {any} */ { error, answer, by }) =>
    error ? red(`2 ${sign} 3: ${error}`) : `${bold(`2 ${sign} 3 = ${answer}`)} by ${by}`;
  const named = Object.entries(members).map(([name, state]) => [cluster.nameOf(name), state]);
  named.sort();
  product.by = cluster.nameOf(product.by);
  say(`${one('+', sum)}   ${one('*', product)}   ${states(Object.fromEntries(named))}`);
}

/** Says who has joined, once all the others that run see it. */
function tellJoins(/** @type {string[]} */ names, /** @type {number} */ since) {
  const told = new Set();
  const look = () => {
    for (const name of names) {
      const seen = told.has(name) ? null : cluster.sawAll(name, 'alive', since);
      if (!seen) continue;
      told.add(name);
      say(`${green('joined')}   ${name}, as ${list(Object.keys(seen))} see it`);
    }
    return told.size === names.length;
  };
  return until(look, `${list(names)} join, and all the others see it`);
}

/**
 * Three services. Each is told the gossip address of one other.
 *
 * @param {string} binary of the Rust service
 * @param {number} begun
 */
async function startServices(binary, begun) {
  const [first, second, third] = [await freePorts(), await freePorts(), await freePorts()];
  const address = (/** @type {number} */ port) => `127.0.0.1:${port + 1}`;
  /** @type {[string, string, string[], string][]} */
  const plan = [
    ['add 1', 'add.js', ['add 1', `${first}`, address(second)], address(first)],
    ['add 2', 'add.js', ['add 2', `${second}`, address(first)], address(second)],
    [
      'mcl',
      binary,
      ['--port', `${third}`, '--seeds', address(first), '--until-eof'],
      address(third),
    ],
  ];
  const rows = [['', 'what it is', 'answers', 'calls at', 'gossip at', 'told of', 'pid']];
  for (const [name, file, args, gossip] of plan) {
    const made = cluster.start(name, file, args, gossip);
    const [what, cmd] =
      name === 'mcl' ? ['Rust, no Node.js', 'mcl'] : ['JavaScript, Seneca', 'add'];
    const seed = name === 'add 1' ? address(second) : address(first);
    const port = Number(gossip.split(':')[1]);
    rows.push([name, what, `role:api,cmd:${cmd}`, `${port - 1}`, `${port}`, seed, `${made.pid}`]);
  }
  heading('Three services, each a process of its own, told of one gossip address each');
  table(rows);
  print('');
  const rust = cluster.running.get('mcl');
  rust?.on('added', (/** @type {string} */ line) => calls.byRust.push(line));
  await tellJoins(['add 1', 'add 2', 'mcl'], begun);
  const add1 = () => cluster.start(...plan[0]);
  return { seed: address(first), add1 };
}

/** @param {string} seed */
async function startClient(seed) {
  heading('A client, told of one gossip address, and of nobody who answers anything');
  const at = Date.now();
  const client = cluster.start('client', 'client.js', [seed, `${RATE}`]);
  say(`started  client, pid ${client.pid}, told of ${seed}`);
  client.on('call', (/** @type {any} */ call) => calls.made.push(call));
  client.on('asked', (/** @type {any} */ asked) => {
    if (ending.has(client)) return;
    show(asked);
    calls.asked = asked;
    const { sum, product } = asked;
    if (sum.answer !== 5 || product.answer !== 6) {
      giveUp(new Error(`not the right answers: ${JSON.stringify([sum, product])}`));
    }
  });
  await tellJoins(['client'], at);
  await until(() => calls.asked, 'the client is answered');
  await wait(1500);
  const rust = await until(() => calls.byRust.at(-1), 'the Rust service calls add');
  say(`called   role:api,cmd:add by mcl as well, out of Rust: 2 + 3 = ${rust}`);
  calls.byRust = [];
  await wait(1000);
}

async function kill() {
  heading(`SIGKILL for add 1, while the client makes ${RATE} calls of role:api,cmd:add a second`);
  const victim = await until(() => cluster.running.get('add 1'), 'add 1 runs');
  const before = calls.asked;
  ending.add(victim);
  const at = Date.now();
  victim.kill();
  await victim.ended;
  say(
    `${red('killed')}   add 1, pid ${victim.pid}, the only one whose address the client was told`,
  );
  const dead = await until(() => cluster.sawAll('add 1', 'dead', at), 'all see add 1 dead');
  const doubt = cluster.sightings.find((one) => one.state === 'suspect' && one.at >= at);
  if (doubt) say(`suspect  add 1, first for ${doubt.by} after ${seconds(doubt.at - at)}`);
  say(`${red('dead')}     add 1, for ${delays(dead)}`);
  await wait(2000);
  // The counters come once a second.
  await until(() => calls.asked !== before, 'the counters of the client');
  tellCalls('since the kill', at, before.calls);
}

/** @param {() => any} add1 */
async function restart(add1) {
  heading('add 1 starts again, on the same ports');
  const at = Date.now();
  const back = add1();
  let ready = 0;
  back.once('ready', () => {
    ready = Date.now() - at;
  });
  say(`started  add 1, pid ${back.pid}`);
  const before = calls.asked;
  const seen = await until(() => cluster.sawAll('add 1', 'alive', at), 'all see add 1 alive');
  await until(() => ready, 'add 1 is ready');
  say(`${green('back')}     add 1, ready after ${seconds(ready)}`);
  more(`alive for ${delays(seen)}`);
  const call = await until(() => calls.firstBy('add 1', at), 'add 1 is called again');
  say(`called   add 1 again, ${seconds(call.at + call.ms - at)} after its start`);
  await wait(2500);
  tellCalls('since its start', at, before.calls);
}

/**
 * What became of the calls since a moment. None may have failed.
 *
 * @param {string} when
 * @param {number} moment
 * @param {Record<string, number>} before the client's counters then
 */
function tellCalls(when, moment, before) {
  const { answered, errors, slowest, by } = calls.since(moment);
  const now = calls.asked.calls;
  const shares = Object.entries(by).map(([name, count]) => `${count} by ${name}`);
  const retried = now.retries - before.retries;
  const sums = bold(`${answered} answered, ${errors.length} failed, ${retried} retried`);
  say(`calls    ${when}: ${sums}; slowest ${seconds(slowest)}`);
  const moved = now.failovers - before.failovers;
  more(list(shares) + (moved > 0 ? `; ${moved} found a node gone, and went to another` : ''));
  if (errors.length > 0) throw new Error(`calls failed: ${list([...new Set(errors)])}`);
  if (answered < RATE) throw new Error(`only ${answered} calls were answered`);
}

async function close() {
  heading('All close: each says goodbye, finishes its calls, and ends by itself');
  for (const name of ['client', 'mcl', 'add 1', 'add 2']) {
    const one = await until(() => cluster.running.get(name), `${name} runs`);
    ending.add(one);
    const at = Date.now();
    one.close();
    await until(() => one.over, `${name} ends`);
    const { code, signal } = await one.ended;
    if (code !== 0) {
      throw new Error(`${name} ended with ${signal ?? `code ${code}`}:\n${one.output.trim()}`);
    }
    const others = [...cluster.running.keys()];
    await until(() => cluster.sawAll(name, 'left', at), `the others see that ${name} left`);
    const seen = others.length > 0 ? `, as ${list(others)} saw` : '';
    say(`left     ${name}${seen}; exit code ${code}`);
  }
}

function conclude() {
  const { answered, errors } = calls.since(0);
  const wrong = calls.byRust.filter((line) => !/^5 /.test(line));
  if (wrong.length > 0) throw new Error(`the Rust service's calls of add: ${list(wrong)}`);
  print(
    `\n${green('ok')}: ${answered} calls of the client answered, ${errors.length} failed; ` +
      `${calls.byRust.length} of the Rust service, 0 failed`,
  );
}

async function main() {
  const binary = await rustService({
    slow: () => print('Building the Rust service, once (cargo build --example service) ...'),
  });
  const begun = begin();
  const late = setTimeout(() => giveUp(new Error(`not over after ${seconds(LIMIT)}`)), LIMIT);
  const { seed, add1 } = await startServices(binary, begun);
  await startClient(seed);
  await kill();
  await restart(add1);
  await close();
  clearTimeout(late);
  conclude();
}

// Whatever happens, no process stays.
process.once('exit', () => cluster.killAll());
process.stdout.on('error', () => process.exit(1));
let status = 1;
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.once(signal, () => {
    status = 128 + os.constants.signals[signal];
    giveUp(new Error(`ended by ${signal}`));
  });
}

Promise.race([main(), failed]).catch(async (err) => {
  const left = [...cluster.running.values()];
  for (const one of left) ending.add(one);
  cluster.killAll();
  await Promise.all(left.map((one) => one.ended));
  print(`\n${red('FAILED')}: ${err.message}`);
  process.exit(status);
});
