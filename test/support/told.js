'use strict';

// What a process of `processes.js` does when it is told to, over IPC.

const v8 = require('node:v8');
const vm = require('node:vm');

const { Load } = require('./load');

/** @typedef {(args: any, done: (err: any, out?: any) => void) => void} Command */

/** @param {any} data */
const tell = (data) => process.send?.(data);

/** Details of an error as far as IPC carries them. */
function carried(/** @type {any} */ details) {
  try {
    return JSON.parse(JSON.stringify(details));
  } catch {
    return null;
  }
}

/** Keeps the event loop busy for so many ms. @param {number} ms */
function busy(ms) {
  const end = Date.now() + ms;
  while (Date.now() < end);
}

/**
 * Answers each message with one of the same `id`.
 *
 * @param {Record<string, Command>} commands
 */
function listen(commands) {
  process.on('message', (/** @type {any} */ { id, command, args }) => {
    commands[command](args, (err, out) => {
      const error = err && { code: err.code, message: err.message, details: carried(err.details) };
      tell({ id, error: error || null, out: out ?? null });
    });
  });
  // What keeps the process alive is what a service would have: not this channel.
  process.channel?.unref();
}

/**
 * Commands that make calls, and that get in their way.
 *
 * @param {(msg: any, done: (err: any, out?: any) => void) => void} call
 * @returns {Record<string, Command>}
 */
function traffic(call) {
  /** @type {any} */
  let load = null;
  return {
    // Calls of `msg` in an open loop, until `unload` asks what became of them.
    load({ msg, ...how }, done) {
      load = new Load((ended) => call(msg, ended), how);
      done(null);
    },
    unload(_, done) {
      load.end().then((/** @type {any} */ made) => done(null, made));
    },
    // So many calls of `msg`, `width` at a time.
    spend({ msg, count, width }, done) {
      let made = 0;
      let busy = width;
      const worker = () => {
        if (made < count) {
          made++;
          call(msg, () => setImmediate(worker));
        } else if (--busy === 0) done(null);
      };
      for (let n = 0; n < width; n++) worker();
    },
    block({ ms }, done) {
      busy(ms);
      done(null);
    },
    // Bytes of memory: what the process occupies, and what is alive in its heap.
    memory(_, done) {
      const resident = process.memoryUsage.rss();
      v8.setFlagsFromString('--expose-gc');
      vm.runInNewContext('gc')();
      done(null, { resident, alive: process.memoryUsage().heapUsed });
    },
  };
}

module.exports = { busy, listen, tell, traffic };
