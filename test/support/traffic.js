'use strict';

// What happens to calls when their targets die, hang, come and go: measured here, judged by
// test/traffic.test.js and shown by bench/traffic/, there beside other systems.
//
// A `stage` starts the processes of one system:
//   services(n, offer)   so many of them, all answering the same message with their `pid`; each has
//                        `pid`, `kill(signal)`, `ended`, `block(ms)`, `again()` (the same, anew)
//   add()                one more
//   client(options)      a process that calls: `load(how)`, `unload()`; see `Load`
// Times are in ms.

const { pause } = require('./until');

/** @typedef {import('./load').Made} Made */

/** @param {Made[]} calls */
const failed = (calls) => calls.filter(({ error }) => error !== null);

/** @param {number[]} values */
const largest = (values) => values.reduce((max, value) => Math.max(max, value), 0);

/**
 * How many calls there were, how many failed, and with what.
 *
 * @param {Made[]} calls
 */
function summary(calls) {
  const lost = failed(calls);
  /** @type {Record<string, number>} */
  const codes = {};
  for (const { error } of lost) codes[error ?? ''] = (codes[error ?? ''] ?? 0) + 1;
  return { calls: calls.length, failed: lost.length, codes };
}

/**
 * What became of calls while a service was added, and how many it answered.
 *
 * @param {any} stage
 * @param {any} client
 * @param {{ rate: number }} how
 */
async function addUnder(stage, client, { rate }) {
  await client.load({ rate });
  await pause(500);
  const added = await stage.add();
  const appeared = Date.now();
  await pause(1000);
  /** @type {Made[]} */
  const calls = await client.unload();
  return {
    ...summary(calls),
    there: calls.filter(({ pid }) => pid === added.pid).length,
    /** When the last call was answered that had been made before, after the service was ready. */
    waited: largest(
      calls.filter(({ at }) => at < appeared).map(({ at, ms }) => at + ms - appeared),
    ),
  };
}

/**
 * kill -9 of one of two.
 *
 * @param {any} stage
 * @param {{ rate: number, retry: number }} how
 */
async function killOne(stage, { rate, retry }) {
  const [first] = await stage.services(2, { retry });
  const client = await stage.client({ retry });
  await client.load({ rate });
  await pause(1000);
  first.kill('SIGKILL');
  // It takes a process some time to die: as long as its connections are open, calls are written.
  const { at: death } = await first.ended;
  await pause(2000);
  const calls = await client.unload();
  return {
    ...summary(calls),
    /** When the last call ended that failed, after the death. */
    lastEnded: largest(failed(calls).map(({ at, ms }) => at + ms - death)),
  };
}

/**
 * SIGSTOP of one of three: it is silent, while its connections stay open.
 *
 * @param {any} stage
 * @param {{ rate: number, timeout: number, watch?: number }} how
 */
async function stopOne(stage, { rate, timeout, watch = 10_000 }) {
  const [first] = await stage.services(3, {});
  const client = await stage.client({ timeout });
  await client.load({ rate });
  await pause(1000);
  first.kill('SIGSTOP');
  const stopped = Date.now();
  await pause(watch);
  const calls = (await client.unload()).filter(({ at }) => at >= stopped);
  first.kill('SIGCONT');
  const late = calls.filter(({ at }) => at >= stopped + 1000);
  return {
    ...summary(calls),
    failed: failed(calls).length / calls.length,
    // The others are well, so whoever failed was there.
    astray: late.filter(({ error, pid }) => error || pid === first.pid).length / late.length,
  };
}

/**
 * The event loop of one of two is blocked.
 *
 * @param {any} stage
 * @param {{ rate: number, timeout: number, ms: number }} how
 */
async function blockOne(stage, { rate, timeout, ms }) {
  const [first, second] = await stage.services(2, {});
  const client = await stage.client({ timeout });
  await client.load({ rate });
  await pause(1000);
  const begun = Date.now();
  first.block(ms);
  await pause(ms);
  const calls = (await client.unload()).filter(({ at }) => at >= begun && at < begun + ms);
  const late = calls.filter(({ at }) => at >= begun + 1000);
  return {
    ...summary(calls),
    astray: late.filter(({ pid }) => pid !== second.pid).length / late.length,
    doubts: await client.doubts(first, begun),
  };
}

/**
 * Another service appears while others serve the pattern.
 *
 * @param {any} stage
 * @param {{ rate: number }} how
 */
async function another(stage, how) {
  await stage.services(1, {});
  return addUnder(stage, await stage.client({}), how);
}

/**
 * The first service of a needed pattern appears while calls of it are made.
 *
 * @param {any} stage
 * @param {{ rate: number }} how
 */
async function first(stage, how) {
  return addUnder(stage, await stage.client({ need: true }), how);
}

/**
 * Every one of three services is ended by SIGTERM and started again, one after the other.
 *
 * @param {any} stage
 * @param {{ rate: number }} how
 */
async function rolling(stage, { rate }) {
  const services = await stage.services(3, {});
  const client = await stage.client({});
  await client.load({ rate });
  await pause(500);
  for (const service of services) {
    service.kill('SIGTERM');
    await service.ended;
    await service.again();
    await pause(500);
  }
  const calls = await client.unload();
  return { ...summary(calls), processes: new Set(calls.map(({ pid }) => pid)).size };
}

/**
 * How long calls take at a steady rate, after bursts.
 *
 * @param {any} stage
 * @param {{ rate: number, burst: number, bursts: number, watch: number }} how
 */
async function steady(stage, { rate, burst, bursts, watch }) {
  await stage.services(1, {});
  const client = await stage.client({});
  for (let n = 0; n < bursts; n++) {
    await client.load({ burst });
    await client.unload();
  }
  await client.load({ rate });
  await pause(watch);
  const took = (await client.unload()).map((/** @type {Made} */ { ms }) => ms);
  took.sort((/** @type {number} */ a, /** @type {number} */ b) => a - b);
  return { calls: took.length, p50: took[took.length >> 1], p99: took[(took.length * 0.99) | 0] };
}

/**
 * So many calls in flight at once.
 *
 * @param {any} stage
 * @param {{ count: number, timeout: number }} how
 */
async function flood(stage, { count, timeout }) {
  await stage.services(1, {});
  const client = await stage.client({ timeout });
  await client.load({ burst: count });
  const { failed: lost } = summary(await client.unload());
  return { answered: count - lost };
}

/**
 * Memory of caller and service half a minute after `few` calls, and after `many`.
 *
 * @param {any} stage
 * @param {{ few: number, many: number, width: number }} how
 */
async function memory(stage, { few, many, width }) {
  const [service] = await stage.services(1, {});
  const client = await stage.client({});
  const after = async (/** @type {number} */ count) => {
    await client.spend({ count, width });
    await pause(30_000);
    return { caller: await client.memory(), service: await service.memory() };
  };
  const before = await after(few);
  const then = await after(many - few);
  return { before, then };
}

module.exports = { another, blockOne, first, flood, killOne, memory, rolling, steady, stopOne };
