'use strict';

// What strangers without the key cost a cluster: `npm run bench:attack`. Three nodes share a key; somebody floods one of
// them, with each kind of datagram for a while, and holds connections open. Beside it, a program that receives the same
// flood and does nothing with it.

const { spawn, spawnSync } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const dgram = require('node:dgram');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { parseArgs } = require('node:util');

const { freePort } = require('../test/support/ports');
const { killAll, service } = require('../test/support/processes');
const { pause, until } = require('../test/support/until');
const wire = require('../test/support/wire');

const ROOT = path.join(__dirname, '..');
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '10000' },
  },
});
const TICK = 10;

/** CPU time that a process has used, ms. @param {number} pid */
function cpu(pid) {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** @param {number} pid */
const memory = (pid) => Number(fs.readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096;

/** A listener that does nothing. */
async function startSink() {
  const build = ['build', '--release', '--quiet', '--example', 'sink'];
  const built = spawnSync('cargo', build, { cwd: ROOT, stdio: 'inherit' });
  if (built.status !== 0) throw new Error('the sink cannot be built');
  const child = spawn(path.join(ROOT, 'target/release/examples/sink'), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [port] = await once(child.stdout, 'data');
  return {
    port: Number(port),
    pid: /** @type {number} */ (child.pid),
    end: () => child.stdin.end(),
  };
}

/**
 * Floods a port, and says how many datagrams left.
 *
 * @param {dgram.Socket} from
 * @param {number} port
 * @param {() => Buffer} next
 * @param {number} ms
 * @param {number} rate a second
 */
async function flood(from, port, next, ms, rate) {
  const begun = performance.now();
  let sent = 0;
  for (let now = begun; now < begun + ms; now = performance.now()) {
    const due = Math.floor(((now - begun) * rate) / 1000);
    for (; sent < due; sent++) from.send(next(), port, '127.0.0.1');
    await pause(TICK);
  }
  return sent;
}

async function main() {
  const [seconds, rate] = [Number(values.seconds), Number(values.rate)];
  if (!(seconds > 0 && rate > 0)) throw new Error('--seconds and --rate must be numbers above 0');
  const attacker = dgram.createSocket('udp4');
  /** @type {Buffer[]} what a member has sent to us, sealed */
  const recorded = [];
  attacker.on('message', (bytes) => {
    if (bytes[0] === 0x81 && recorded.length < 1000) recorded.push(bytes);
  });
  await new Promise((resolve) => attacker.bind(0, '127.0.0.1', () => resolve(null)));
  const key = randomBytes(32).toString('base64');
  // The attacker is where a seed once was: members go on asking there.
  const seeds = [`127.0.0.1:${attacker.address().port}`];
  const nodes = [];
  for (let n = 0; n < 3; n++) {
    const port = await freePort();
    const options = { port, pin: 'role:api', seeds: [...seeds], gossip: { key }, jointime: 500 };
    nodes.push(await service({ version: 'seneca', add: [['role:api,cmd:add', 'sum']], options }));
    seeds.push(`127.0.0.1:${port + 1}`);
  }
  const alive = async (/** @type {any} */ node) => {
    const { members } = await node.act('sys:gossip,get:members');
    return members.filter((/** @type {any} */ one) => one.status === 'alive').length;
  };
  await until(async () => (await Promise.all(nodes.map(alive))).every((n) => n === 3));
  await until(() => recorded.length >= 20, { within: 60_000, what: 'something recorded' });
  const [victim] = nodes;
  const port = Number(seeds[1].split(':')[1]);
  const sink = await startSink();

  const told = nodes.map((node) => node.events.length);
  await pause(5000);
  const idle = cpu(victim.pid);
  await pause(10_000);
  const quiet = (cpu(victim.pid) - idle) / 10_000;
  const before = memory(victim.pid);

  const head = recorded[0].subarray(0, 9);
  let at = 0;
  /** @type {Record<string, () => Buffer>} */
  const kinds = {
    garbage: () => randomBytes(1200),
    'messages without a seal': () => wire.ping({ from: '127.0.0.1:1', to: seeds[1], nonce: 7n }),
    'forged seals': () => Buffer.concat([head, randomBytes(1191)]),
    'recorded datagrams': () => recorded[at++ % recorded.length],
  };
  const share = (seconds * 1000) / Object.keys(kinds).length;
  console.log(
    '| what | datagrams | CPU of the node, µs each | of one that only receives | ratio |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: |');
  for (const [what, next] of Object.entries(kinds)) {
    const spent = [];
    let count = 0;
    for (const [pid, to, rest] of /** @type {const} */ ([
      [victim.pid, port, quiet],
      [sink.pid, sink.port, 0],
    ])) {
      const begun = performance.now();
      const used = cpu(pid);
      count = await flood(attacker, to, next, share, rate);
      const own = (performance.now() - begun) * rest;
      spent.push(((cpu(pid) - used - own) * 1000) / count);
    }
    const [node, only] = spent.map((one) => one.toFixed(1));
    console.log(`| ${what} | ${count} | ${node} | ${only} | ${(spent[0] / spent[1]).toFixed(2)} |`);
  }

  /** @type {net.Socket[]} */
  const idlers = [];
  for (let n = 0; n < 10_000; n++) {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => {});
    idlers.push(socket);
    if (n % 200 === 199) await pause(20);
    if (idlers.length > 1000) idlers.shift()?.destroy();
  }
  const views = await Promise.all(nodes.map(alive));
  const events = nodes
    .flatMap((node, n) => node.events.slice(told[n]))
    .filter(({ on }) => on !== 'update');
  for (const socket of idlers) socket.destroy();
  const { counters } = await victim.act('sys:gossip,get:status');
  const grown = (memory(victim.pid) - before) / 1024 / 1024;
  console.log(`\n10,000 connections that say nothing were opened as well.`);
  console.log(
    `Alive in the view of each: ${views.join(', ')}; changes of a view: ${events.length}.`,
  );
  console.log(
    `The node has grown by ${grown.toFixed(1)} MB. Dropped: ${JSON.stringify(counters.dropped)}`,
  );
  attacker.close();
  sink.end();
}

main()
  .catch((err) => {
    console.error(err);
    process.exitCode = 1;
  })
  .finally(killAll);
