'use strict';

// Services in Rust (examples/service.rs and others), as processes.

const { rustService } = require('../../scripts/rust-service');
const { program } = require('./processes');
const { until } = require('./until');

/** What its lines call an event, where that is not its name. */
const EVENTS = { dead: 'fail', leaving: 'leave', left: 'leave' };

class RustService {
  /**
   * @param {string} command
   * @param {string[]} args
   */
  constructor(command, args) {
    const { child, pid, ended, output } = program(command, args);
    this.child = child;
    this.pid = pid;
    this.ended = ended;
    this.output = output;
    this.name = '';
    this.port = 0;
    /** @type {{ on: string, name: string, at: number }[]} as those of a `Service` */
    this.events = [];
    /** @type {Map<string, string>} status by member, as it told */
    this.members = new Map();
    /** @type {string[]} what became of its own calls: '= 5 (1.2 ms)', or an error */
    this.calls = [];
    let rest = '';
    child.stdout?.on('data', (/** @type {string} */ text) => {
      const lines = (rest + text).split('\n');
      rest = /** @type {string} */ (lines.pop());
      for (const line of lines) this._read(line);
    });
  }

  /** @param {string} line */
  _read(line) {
    const [first, second, third] = line.split(' ');
    const on = EVENTS[first] ?? first;
    if (second === 'answers') {
      this.name = first;
      this.port = Number(line.split(' ').pop());
    } else if (first === 'member') this.members.set(second, third.toLowerCase());
    else if (line.startsWith('2 + 3 ')) this.calls.push(line.slice('2 + 3 '.length));
    else if (second && ['join', 'alive', 'suspect', 'fail', 'leave'].includes(on)) {
      this.events.push({ on, name: second, at: Date.now() });
      this.members.set(second, first === 'join' ? 'alive' : first);
    }
  }

  /** @param {NodeJS.Signals} signal */
  kill(signal = 'SIGKILL') {
    process.kill(/** @type {number} */ (this.pid), signal);
  }
}

/**
 * Starts the service and waits until it says where it is.
 *
 * @param {string[]} args
 * @param {string[]} [wrapper] a command to start it with
 * @param {string} [example] which one
 */
async function startRust(args, wrapper = [], example = 'service') {
  const [command, ...rest] = [...wrapper, await rustService({ example }), ...args];
  const run = new RustService(command, rest);
  await until(
    () => {
      if (run.child.exitCode !== null) throw new Error(`it ended: ${run.output()}`);
      return run.name;
    },
    { within: 20_000, what: 'the Rust service' },
  );
  return run;
}

module.exports = { RustService, rustService, startRust };
