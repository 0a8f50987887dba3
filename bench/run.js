'use strict';

// How a benchmark of real processes runs, and ends.

const os = require('node:os');

const { killAll } = require('../test/support/processes');

/**
 * Fills a table and prints it. No process is left, whatever happens.
 *
 * @param {InstanceType<typeof import('./table').Table>} table
 * @param {() => Promise<any>} fill
 */
async function run(table, fill) {
  const [load] = os.loadavg();
  try {
    await fill();
    await killAll();
    table.print(load);
  } catch (err) {
    await killAll();
    console.error(err);
    process.exit(1);
  }
}

/**
 * Runs those parts that were chosen, each so many times.
 *
 * @param {Record<string, () => Promise<any>>} parts
 * @param {{ runs: number, chosen: string[] }} how
 */
async function repeat(parts, { runs, chosen }) {
  for (const [name, part] of Object.entries(parts)) {
    for (let at = 1; at <= runs && chosen.includes(name); at++) {
      process.stderr.write(`${name} ${at}/${runs}\n`);
      await part();
      await killAll();
    }
  }
}

module.exports = { repeat, run };
