'use strict';

// Services in processes of their own, and scripts; all are killed by their pid.

const { fork, spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const { until } = require('./until');

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/** @param {import('node:child_process').ChildProcess} child */
function watch(child) {
  running.add(child);
  const ended = new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      running.delete(child);
      resolve({ code, signal, at: Date.now() });
    });
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  return { ended, output: () => output };
}

/** A service in a process of its own, told over IPC what to do. */
class Service {
  /**
   * @param {Record<string, any>} setup see `service.js`
   * @param {string} [file] what runs there; see `told.js`
   */
  constructor(setup, file = path.join(__dirname, 'service.js')) {
    const [execPath, ...execArgv] = [...(setup.wrapper ?? []), process.execPath];
    this.child = fork(file, [JSON.stringify(setup)], {
      silent: true,
      execPath,
      execArgv,
    });
    const { ended, output } = watch(this.child);
    this.ended = ended;
    this.output = output;
    /** @type {any[]} what `sys:gossip,on:*` said */
    this.events = [];
    this.isReady = false;
    this.calls = new Map();
    this.next = 0;
    this.child.on('message', (/** @type {any} */ said) => {
      if (said.ready) this.isReady = true;
      else if (said.event) this.events.push(said.event);
      else {
        const { resolve, reject } = this.calls.get(said.id);
        this.calls.delete(said.id);
        if (said.error) reject(Object.assign(new Error(said.error.message), said.error));
        else resolve(said.out);
      }
    });
    ended.then(() => {
      for (const { reject } of this.calls.values()) reject(new Error('the process ended'));
    });
  }

  get pid() {
    return this.child.pid;
  }

  async ready() {
    await until(
      () => {
        if (this.child.exitCode !== null) throw new Error(`it ended: ${this.output()}`);
        return this.isReady;
      },
      { within: 20_000, what: 'the service' },
    );
    return this;
  }

  /**
   * @param {string} command
   * @param {any} [args]
   * @returns {Promise<any>}
   */
  do(command, args) {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.calls.set(id, { resolve, reject });
      this.child.send({ id, command, args: args ?? null }, (err) => err && reject(err));
    });
  }

  /** @param {any} msg */
  act(msg) {
    return this.do('act', msg);
  }

  /** @param {NodeJS.Signals} signal */
  kill(signal = 'SIGKILL') {
    process.kill(/** @type {number} */ (this.pid), signal);
  }

  /** @param {string} name */
  async member(name) {
    const { members } = await this.act('sys:gossip,get:members');
    return members.find((/** @type {any} */ member) => member.name === name);
  }
}

/**
 * Starts a service and waits until it is ready.
 *
 * @param {Record<string, any>} setup
 * @param {string} [file]
 */
function service(setup, file) {
  return new Service(setup, file).ready();
}

/**
 * A service that cannot start: waits until it says why. (How long Seneca then takes
 * to end the process depends on its version; 4.0.0-rc5 never does.)
 *
 * @param {Record<string, any>} setup
 * @param {RegExp} says
 */
async function refused(setup, says) {
  const made = new Service(setup);
  await until(() => says.test(made.output()) || (made.isReady && 'ready'), {
    what: `the error ${says}`,
  });
  if (made.isReady) throw new Error('it has started');
  made.kill();
}

/**
 * Runs a script.
 *
 * @param {string} file
 * @param {{ args?: string[], cwd?: string }} [how]
 */
function script(file, { args = [], cwd } = {}) {
  const child = spawn(process.execPath, [file, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { child, pid: child.pid, ...watch(child) };
}

/**
 * Is there such a process? One that has ended and waits to be reaped is not.
 *
 * @param {number} pid
 */
function isRunning(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/\) [ZX] /.test(stat);
  } catch {
    return false;
  }
}

/**
 * Runs another program.
 *
 * @param {string} command
 * @param {string[]} args
 */
function program(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  return { child, pid: child.pid, ...watch(child) };
}

/** Kills what is left of a test, each by its pid. */
async function killAll() {
  const left = [...running];
  const gone = left.map((child) => new Promise((resolve) => child.once('exit', resolve)));
  for (const child of left) child.kill('SIGKILL');
  await Promise.all(gone);
}

module.exports = {
  Service,
  isRunning,
  killAll,
  program,
  refused,
  script,
  service,
};
