'use strict';

// What strangers without the key cost a cluster. Three hosts (network namespaces) with a node each that share a key, and a
// fourth with a stranger. It floods one of them with each kind of datagram for a while, and holds connections open. Beside
// it, a program that receives the same flood and does nothing with it. Needs root and iproute2.
//
//   npm run bench:attack -- [options]
//
//   --seconds <n>  of flood, all kinds together (60)
//   --rate <n>     datagrams a second (10000)

const { spawn, spawnSync } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');

const { whyNot } = require('../../test/support/netns');
const { agree, alive } = require('../../test/support/network');
const { service } = require('../../test/support/processes');
const { pause, until } = require('../../test/support/until');
const { betweenHosts, start } = require('../hosts');
const { readOptions } = require('../options');

const ROOT = path.join(__dirname, '../..');
const { seconds, rate } = readOptions({ seconds: '60', rate: '10000' });
const [NODES, STRANGER] = [[0, 1, 2], 3];
const CONNECTIONS = 10_000;
/** Does memory stop growing? */
const TURNS = 3;
const MSG = { role: 'api', cmd: 'add', x: 1, y: 2 };

/** CPU time that a process has used, ms. @param {number} pid */
function cpu(pid) {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** @param {number} pid */
const memory = (pid) => Number(fs.readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096;

/** A listener that does nothing, on a host. @param {import('../../test/support/netns').Hosts} hosts */
async function startSink(hosts) {
  const build = ['build', '--release', '--quiet', '--example', 'sink'];
  const built = spawnSync('cargo', build, { cwd: ROOT, stdio: 'inherit' });
  if (built.status !== 0) throw new Error('the sink cannot be built');
  const [command, ...args] = hosts.on(0);
  const child = spawn(command, [...args, path.join(ROOT, 'target/release/examples/sink')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [port] = await once(child.stdout, 'data');
  return {
    port: Number(port),
    pid: /** @type {number} */ (child.pid),
    end: () => child.stdin.end(),
  };
}

/** @param {import('../../test/support/netns').Hosts} hosts */
async function startAll(hosts) {
  const forged = Array.from({ length: 250 }, (_, n) => `10.77.9.${n + 1}`);
  // Answers to them are asked for on the network, and nobody is there.
  hosts.forge(STRANGER, [hosts.address(1), ...forged]);
  hosts.route(0, '10.77.9.0/24');
  const [address, victim, member] = [STRANGER, 0, 1].map((host) => hosts.address(host));
  const given = { wrapper: hosts.on(STRANGER), address, victim, member, forged };
  const stranger = await service(given, path.join(__dirname, 'stranger.js'));
  const key = randomBytes(32).toString('base64');
  const seeds = [`${address}:4445`, `${victim}:4445`];
  const nodes = [];
  for (const host of NODES) {
    const options = { port: 4444, host: hosts.address(host), pin: 'role:api', seeds };
    const more = { gossip: { key }, jointime: 500 };
    const add = [['role:api,cmd:add', 'sum']];
    const wrapper = hosts.on(host);
    nodes.push(
      await service({ version: 'seneca', wrapper, add, options: { ...options, ...more } }),
    );
  }
  await agree(nodes);
  const some = async () => (await stranger.do('recorded')) >= 20;
  await until(some, { within: 60_000, what: 'something recorded' });
  return { nodes, stranger };
}

/**
 * Each kind of datagram to the node, and then to the sink.
 *
 * @param {any} stranger
 * @param {{ pid: number, port: number, rest: number }[]} targets `rest`: CPU that it uses anyway, ms each ms
 */
async function floodAll(stranger, targets) {
  console.log(
    '| what | datagrams | CPU of the node, µs each | of one that only receives | ratio |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: |');
  const kinds = await stranger.do('kinds');
  const ms = (seconds * 1000) / kinds.length;
  for (const kind of kinds) {
    const spent = [];
    let count = 0;
    for (const { pid, port, rest } of targets) {
      const begun = performance.now();
      const used = cpu(pid);
      count = await stranger.do('flood', { kind, port, ms, rate });
      const own = (performance.now() - begun) * rest;
      spent.push(((cpu(pid) - used - own) * 1000) / count);
    }
    const [node, only] = spent.map((one) => one.toFixed(1));
    console.log(`| ${kind} | ${count} | ${node} | ${only} | ${(spent[0] / spent[1]).toFixed(2)} |`);
  }
}

async function main() {
  const reason = whyNot();
  if (reason) throw new Error(`network namespaces cannot be made here: ${reason}`);
  await betweenHosts(NODES.length + 1, async (hosts) => {
    const { nodes, stranger } = await startAll(hosts);
    const [victim, , client] = nodes;
    const sink = await startSink(hosts);
    const told = nodes.map((node) => node.events.length);
    await client.do('load', { msg: MSG, rate: 20 });
    await pause(5000);
    const idle = cpu(victim.pid);
    await pause(10_000);
    const rest = (cpu(victim.pid) - idle) / 10_000;
    const heapBefore = (await victim.do('memory')).alive;
    const before = memory(victim.pid);
    await floodAll(stranger, [
      { pid: victim.pid, port: 4445, rest },
      { pid: sink.pid, port: sink.port, rest: 0 },
    ]);
    const grown = () => `${((memory(victim.pid) - before) / 1024 / 1024).toFixed(1)} MB`;
    const growth = [`${grown()} after the datagrams`];
    const ports = [4444, 4445];
    for (let turn = 1; turn <= TURNS; turn++) {
      await stranger.do('connect', { count: CONNECTIONS, ports, forged: false });
      growth.push(`${grown()} after ${turn * CONNECTIONS} connections`);
    }
    await stranger.do('connect', { count: CONNECTIONS, ports, forged: true });
    growth.push(`${grown()} after the half open ones`);
    const made = await client.do('unload');
    const failed = made.filter((/** @type {any} */ call) => call.error !== null).length;
    const views = await Promise.all(nodes.map(alive));
    const events = nodes
      .flatMap((node, n) => node.events.slice(told[n]))
      .filter(({ on }) => on !== 'update');
    const { counters } = await victim.act('sys:gossip,get:status');
    console.log(
      `\nAfter that, ${TURNS} times ${CONNECTIONS} connections that say nothing, and as many that stay half open.`,
    );
    console.log(
      `Alive in the view of each: ${views.join(', ')}; changes of a view: ${events.length}.`,
    );
    console.log(`Calls between the nodes meanwhile: ${made.length}, failed: ${failed}.`);
    const heap = (((await victim.do('memory')).alive - heapBefore) / 1024 / 1024).toFixed(1);
    console.log(
      `The node has grown by ${growth.join(', ')}; what is alive in its heap by ${heap} MB.`,
    );
    console.log(`Dropped: ${JSON.stringify(counters.dropped)}`);
    sink.end();
  });
}

start(main);
