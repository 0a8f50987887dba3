'use strict';

// What happens to a cluster, and how long it takes: measured here, judged by test/failure.test.js
// and shown by bench/cluster.js. Times are in ms.

const { randomBytes } = require('node:crypto');

const { MEMBER, rustArgs } = require('./certs');
const { service } = require('./processes');
const { freePort } = require('./ports');
const { startRust } = require('./rust');
const { WHO } = require('./mixed');
const { pause, until } = require('./until');

/** @typedef {Awaited<ReturnType<typeof import('./mixed').mixed>>} Mixed */

/**
 * Two services run, one in JavaScript and one in Rust; from the start of a third process until its calls of both are
 * answered.
 *
 * @param {{ version?: string, secure?: boolean }} [how] `secure`: gossip is sealed, and calls go over TLS
 */
async function firstAnswer({ version = 'seneca', secure = false } = {}) {
  const port = await freePort();
  const seeds = [`127.0.0.1:${port + 1}`];
  const add = [['role:api,cmd:add', 'sum']];
  const tls = secure ? { tls: MEMBER, gossip: { key: randomBytes(32).toString('base64') } } : {};
  await service({ version, options: { port, pin: 'role:api', ...tls }, add });
  const args = ['--port', '0', '--seeds', seeds[0], '--no-call'];
  if (secure) args.push(...rustArgs());
  await startRust(args, secure ? ['env', `SENECA_GOSSIP_KEY=${tls.gossip?.key}`] : []);
  const begun = Date.now();
  const client = await service({ version, options: { seeds, ...tls } });
  const two = { role: 'api', left: 2, right: 3 };
  const [sum, product] = await Promise.all([
    client.act({ ...two, cmd: 'add' }),
    client.act({ ...two, cmd: 'mcl' }),
  ]);
  return { answered: Date.now() - begun, answers: [sum.answer, product.answer] };
}

/**
 * SIGKILL for one of two copies while the client calls, then its return on the same ports.
 *
 * @param {Mixed} cluster
 */
async function killAndReturn(cluster) {
  const { client, name, first, other } = cluster;
  const rate = 100;
  await client.do('load', { msg: WHO, rate });
  await pause(500);
  first.kill();
  const killed = Date.now();
  const suspect = cluster.heard(name, 'suspect', killed);
  const dead = await cluster.heard(name, 'fail', killed);
  // Whoever is told of it last must have the routes gone by then.
  const targets = await Promise.all([client, other].map((node) => cluster.targets(WHO, node)));
  await first.ended;
  await pause(300);
  const calls = await client.do('unload');

  await client.do('load', { msg: WHO, rate });
  const started = Date.now();
  const back = cluster.heard(name, 'alive', started);
  const again = await cluster.startFirst(2);
  const ready = Date.now() - started;
  const alive = await back;
  let more = [];
  await until(
    async () => {
      more.push(...(await client.do('unload')));
      await client.do('load', { msg: WHO, rate });
      return more.some((call) => call.pid === again.pid);
    },
    { what: 'a call of the restarted copy' },
  );
  more = more.concat(await client.do('unload'));
  const called = more.find((call) => call.pid === again.pid);
  const since = calls.filter((call) => call.at >= killed);
  return {
    suspect: await suspect,
    dead,
    targets,
    /** Calls since the kill. */
    calls: since,
    /** How long after the kill the last call was made that failed or fell on the dead one. */
    lastLost: since.reduce(
      (last, call) => (call.pid === other.pid ? last : Math.max(last, call.at - killed)),
      0,
    ),
    ready,
    alive,
    called: called.at + called.ms - started,
    failedWhileBack: more.filter((call) => call.error).length,
    again,
  };
}

/**
 * SIGSTOP: silence, while the sockets stay open. Then SIGCONT.
 *
 * @param {Mixed} cluster
 * @param {string} name which node
 */
async function stopAndContinue(cluster, name) {
  const node = /** @type {any} */ (cluster.nodes.get(name));
  node.kill('SIGSTOP');
  const stopped = Date.now();
  const suspect = cluster.heard(name, 'suspect', stopped);
  const dead = await cluster.heard(name, 'fail', stopped);
  await pause(500);
  const continued = Date.now();
  node.kill('SIGCONT');
  const alive = await cluster.heard(name, 'alive', continued);
  return { suspect: await suspect, dead, alive };
}

/**
 * A handler of the first copy keeps its event loop busy. It is stalled then, not dead, and calls
 * that others answer as well go to them.
 *
 * @param {Mixed} cluster
 * @param {number} ms for how long
 */
async function blockLoop(cluster, ms) {
  const { client, name, other } = cluster;
  const begun = Date.now();
  const msg = { role: 'api', cmd: 'block', ms, timeout$: 2 * ms };
  const blocked = client.act(msg).then(() => Date.now() - begun);
  blocked.catch(() => {});
  await until(async () => (await client.member(name)).stalled, { within: ms, what: 'stalled' });
  const stalled = Date.now() - begun;
  const answers = [];
  for (let n = 0; n < 50; n++) answers.push(await client.act(WHO));
  const astray = answers.filter(({ pid }) => pid !== other.pid).length;
  const meanwhile = Date.now() - begun;
  const took = await blocked;
  await pause(500);
  const doubts = ['suspect', 'fail'].flatMap((on) => cluster.heardSoFar(name, on, begun)).length;
  return { stalled, astray, meanwhile, took, doubts };
}

module.exports = { blockLoop, firstAnswer, killAndReturn, stopAndContinue };
