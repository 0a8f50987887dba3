'use strict';

// One side of one system, in a process of its own: `node side.js`, told over IPC what to do.
// It answers each message with one of the same `id`.

const systems = require('./systems');

/** @type {((msg: any) => Promise<any>) | null} */
let call = null;

/** @type {Record<string, (args: any) => Promise<any>>} */
const commands = {
  serve: ({ system, port }) => systems[system].serve({ port }),
  async connect({ system, at }) {
    call = await systems[system].connect(at);
  },
  // CPU time of this process since its start, microseconds.
  async cpu() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  run,
};

/**
 * Makes `count` calls, so many of them in flight at any time.
 *
 * @param {{ count: number, width: number, pad: number }} load `pad`: bytes beside the numbers
 */
async function run({ count, width, pad }) {
  const text = 'x'.repeat(pad);
  const took = new Float64Array(count);
  let next = 0;
  const one = async () => {
    while (next < count) {
      const at = next++;
      const begun = performance.now();
      const out = await /** @type {any} */ (call)({ left: at, right: 1, pad: text });
      took[at] = performance.now() - begun;
      if (out.sum !== at + 1 || out.pad.length !== pad) throw new Error('a wrong answer');
    }
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: width }, one));
  const seconds = (performance.now() - begun) / 1000;
  took.sort();
  const at = (/** @type {number} */ share) => took[Math.floor((count - 1) * share)];
  return { seconds, p50: at(0.5), p99: at(0.99) };
}

process.on('message', async (/** @type {any} */ { id, command, args }) => {
  try {
    process.send?.({ id, out: await commands[command](args) });
  } catch (/** @type {any} */ err) {
    process.send?.({ id, error: err.stack ?? String(err) });
  }
});
process.on('disconnect', () => process.exit());
