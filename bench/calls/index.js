'use strict';

// What a call costs: this package beside stock seneca-transport (tcp and web, without discovery),
// moleculer's TCP transporter, and Seneca's own act within a process.
//
//   npm install --prefix bench && npm run bench:calls -- [options]
//
//   --rounds <n>   rounds, in each of which every system has its turn (9)
//   --calls <n>    calls of a measurement (10000); a quarter as many warm it up
//   --width <n>    calls in flight (64)
//   --pad <list>   bytes of text beside the numbers of a message, and of its answer (0,10000)
//   --only <list>  systems, as they are called in systems.js
//
// Caller and service are processes of their own, fresh ones in every round: Seneca's history grows
// the heap, so a process that has worked for long is another one. Prints medians of the rounds, and
// medians of the ratios to stock tcp in the same round, which hold when the machine's speed drifts.

const { fork } = require('node:child_process');
const os = require('node:os');
const path = require('node:path');

const { freePort } = require('../../test/support/ports');
const { readOptions } = require('../options');
const { median } = require('../table');

const SYSTEMS = ['local', 'gossip', 'stock tcp', 'stock web', 'moleculer'];
const {
  rounds,
  calls: count,
  width,
  pad: pads,
  only: systems,
} = readOptions(
  { rounds: '9', calls: '10000', width: '64', pad: '0,10000', only: SYSTEMS.join() },
  { only: SYSTEMS },
);
const REFERENCE = 'stock tcp';

/** A side in a process of its own. */
class Side {
  constructor() {
    this.child = fork(path.join(__dirname, 'side.js'), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.next = 0;
    this.ended = new Promise((_, reject) => {
      this.child.once('exit', (code) => reject(new Error(`a side ended with code ${code}`)));
    });
    this.ended.catch(() => {});
  }

  /**
   * @param {string} command
   * @param {any} [args]
   * @returns {Promise<any>}
   */
  ask(command, args) {
    const id = this.next++;
    const answered = new Promise((resolve, reject) => {
      const listen = (/** @type {any} */ said) => {
        if (said.id !== id) return;
        this.child.off('message', listen);
        if (said.error) reject(new Error(said.error));
        else resolve(said.out);
      };
      this.child.on('message', listen);
    });
    this.child.send({ id, command, args });
    return Promise.race([answered, this.ended]);
  }

  async end() {
    const gone = this.ended.catch(() => {});
    this.child.kill('SIGKILL');
    await gone;
  }
}

/**
 * One system in one round. CPU is in microseconds a call.
 *
 * @param {string} system
 * @param {number} pad
 */
async function measure(system, pad) {
  const server = new Side();
  const client = new Side();
  try {
    const at = await server.ask('serve', { system, port: await freePort() });
    await client.ask('connect', { system, at });
    await client.ask('run', { count: Math.ceil(count / 4), width, pad });
    const cpu = () => Promise.all([client.ask('cpu'), server.ask('cpu')]);
    const before = await cpu();
    const { seconds, p50, p99 } = await client.ask('run', { count, width, pad });
    const [caller, service] = (await cpu()).map((us, i) => (us - before[i]) / count);
    return { caller, service, both: caller + service, rate: count / seconds, p50, p99 };
  } finally {
    await client.end();
    await server.end();
  }
}

/** @param {string[][]} lines */
function table(lines) {
  const widths = lines[0].map((_, at) => Math.max(...lines.map((line) => line[at].length)));
  const row = (/** @type {string[]} */ line) =>
    `| ${line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join(' | ')} |`;
  const rule = `| ${widths.map((wide, at) => (at === 0 ? '-'.repeat(wide) : `${'-'.repeat(wide - 1)}:`)).join(' | ')} |`;
  return [row(lines[0]), rule, ...lines.slice(1).map(row)].join('\n');
}

/**
 * @param {number} pad
 * @param {Record<string, any[]>} seen
 */
function report(pad, seen) {
  const of = (/** @type {string} */ system, /** @type {string} */ what) =>
    median(seen[system].map((one) => one[what]));
  /**
   * To another system in the same round.
   *
   * @param {string} system
   * @param {string} what
   * @param {string} [other]
   * @param {string} [its] what of the other, if not the same
   */
  const ratio = (system, what, other = REFERENCE, its = what) => {
    if (!seen[other]) return '';
    return median(seen[system].map((one, round) => one[what] / seen[other][round][its])).toFixed(2);
  };
  const head = ['', 'CPU µs caller', '/ local', 'service', '/ local', 'both', '/ stock tcp'];
  const lines = [[...head, 'calls/s', '/ stock tcp', 'p50 ms', 'p99 ms', '/ stock tcp']];
  for (const system of systems) {
    lines.push([
      system,
      of(system, 'caller').toFixed(0),
      ratio(system, 'caller', 'local'),
      of(system, 'service').toFixed(0),
      ratio(system, 'service', 'local', 'caller'),
      of(system, 'both').toFixed(0),
      ratio(system, 'both'),
      of(system, 'rate').toFixed(0),
      ratio(system, 'rate'),
      of(system, 'p50').toFixed(1),
      of(system, 'p99').toFixed(1),
      ratio(system, 'p99'),
    ]);
  }
  console.log(`\n${width} calls in flight, ${pad} bytes of text each way\n\n${table(lines)}`);
}

async function main() {
  for (const pad of pads) {
    /** @type {Record<string, any[]>} */
    const seen = Object.fromEntries(systems.map((system) => [system, []]));
    for (let round = 0; round < rounds; round++) {
      process.stderr.write(`${pad} bytes, round ${round + 1}/${rounds}\n`);
      // Each begins in turn: what the one before leaves behind is not always the same.
      for (let i = 0; i < systems.length; i++) {
        const system = systems[(round + i) % systems.length];
        seen[system].push(await measure(system, pad));
      }
    }
    report(pad, seen);
  }
  const [cpu] = os.cpus();
  console.log(
    `\nmedians of ${rounds} rounds of ${count} calls; Node.js ${process.version}, ` +
      `${process.platform}, ${os.cpus().length} x ${cpu.model.trim()}, load ${os.loadavg()[0].toFixed(1)}`,
  );
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
