'use strict';

// The processes of the demo, and what each of them sees of the others.

const { spawn } = require('node:child_process');
const { EventEmitter } = require('node:events');
const dgram = require('node:dgram');
const net = require('node:net');
const path = require('node:path');

/** States that the lines of the Rust service and `sys:gossip,on:...` tell of. */
const STATES = { join: 'alive', alive: 'alive', suspect: 'suspect', fail: 'dead', dead: 'dead' };

/** Two free ports side by side, for calls and for gossip. */
async function freePorts() {
  for (;;) {
    const server = net.createServer();
    const port = await new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => {
        resolve(/** @type {net.AddressInfo} */ (server.address()).port);
      });
    });
    await new Promise((resolve) => server.close(resolve));
    const beside = [
      new Promise((resolve) => {
        const one = net.createServer().once('error', () => resolve(false));
        one.listen(port + 1, '127.0.0.1', () => one.close(() => resolve(true)));
      }),
      new Promise((resolve) => {
        const one = dgram.createSocket('udp4').once('error', () => resolve(false));
        one.bind(port + 1, '127.0.0.1', () => one.close(() => resolve(true)));
      }),
    ];
    // Not those of which the next one is taken, nor those that this process was just given.
    if (port < 65_535 && (await Promise.all(beside)).every(Boolean) && !given.has(port)) {
      for (const one of [port - 1, port, port + 1]) given.add(one);
      return port;
    }
  }
}
/** @type {Set<number>} */
const given = new Set();

/** One process. Emits what it tells: `ready`, `seen`, `call`, `asked`, `added`. */
class Process extends EventEmitter {
  /**
   * @param {string} name
   * @param {string} file a script, or a program
   * @param {string[]} args
   */
  constructor(name, file, args) {
    super();
    this.name = name;
    this.gossip = '';
    this.output = '';
    this.startedAt = Date.now();
    const script = file.endsWith('.js');
    const child = script
      ? spawn(process.execPath, [path.join(__dirname, file), ...args], {
          stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        })
      : // Its standard input ends with this process, whatever becomes of it.
        spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.child = child;
    this.over = false;
    this.ended = new Promise((resolve) => {
      const end = (/** @type {any} */ code, /** @type {any} */ signal) => {
        this.over = true;
        resolve({ code, signal });
        this.emit('end');
      };
      child.once('exit', end);
      child.once('error', (err) => {
        this.output += err.message;
        end(null, null);
      });
    });
    if (script) child.on('message', (/** @type {any} */ said) => this._told(said));
    let rest = '';
    child.stdout?.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      this._keep(text);
      const lines = (rest + text).split('\n');
      rest = /** @type {string} */ (lines.pop());
      if (!script) for (const line of lines) this._read(line);
    });
    child.stderr?.setEncoding('utf8').on('data', (text) => this._keep(text));
  }

  get pid() {
    return this.child.pid;
  }

  /** @param {string} text the last words are what explains a failure */
  _keep(text) {
    this.output = (this.output + text).slice(-4000);
  }

  /** @param {Record<string, any>} said by a script */
  _told(said) {
    if (said.ready) this.gossip = said.ready.name;
    for (const [name, value] of Object.entries(said)) {
      if (name !== 'seen') this.emit(name, value);
      else this.emit('seen', value.name, value.on === 'leave' ? value.status : STATES[value.on]);
    }
  }

  /** @param {string} line of the Rust service */
  _read(line) {
    const [first, second, third] = line.split(' ');
    if (second === 'answers') {
      this.gossip = first;
      this.emit('ready', { name: first });
    } else if (first === 'member') this.emit('seen', second, third.toLowerCase());
    else if (STATES[first]) this.emit('seen', second, STATES[first]);
    else if (first === 'leaving' || (first === 'left' && second)) this.emit('seen', second, first);
    else if (line.startsWith('2 + 3')) this.emit('added', line.slice('2 + 3 = '.length));
  }

  /** Leaves the cluster, finishes what is in flight, ends by itself. */
  close() {
    if (this.child.channel) this.child.send('close');
    else this.child.kill('SIGTERM');
  }

  kill() {
    if (!this.over) this.child.kill('SIGKILL');
  }
}

/** All processes. Emits `seen` for whatever one of them sees of another. */
class Cluster extends EventEmitter {
  constructor() {
    super();
    /** @type {Map<string, Process>} the running ones, by name */
    this.running = new Map();
    /** @type {Map<string, string>} names by gossip address */
    this.names = new Map();
    /** @type {{ by: string, of: string, state: string, at: number }[]} */
    this.sightings = [];
  }

  /**
   * @param {string} name
   * @param {string} file
   * @param {string[]} args
   * @param {string} [gossip] its gossip address, where it is known before
   */
  start(name, file, args, gossip) {
    const made = new Process(name, file, args);
    if (gossip) this.names.set(gossip, name);
    this.running.set(name, made);
    made.once('ready', (/** @type {any} */ ready) => this.names.set(ready.name, name));
    made.on('seen', (of, state) => {
      const sighting = { by: name, of, state, at: Date.now() };
      this.sightings.push(sighting);
      this.emit('seen', sighting);
    });
    made.once('end', () => {
      if (this.running.get(name) === made) this.running.delete(name);
      this.emit('seen', null);
      this.emit('end', made);
    });
    return made;
  }

  /** @param {string} address */
  nameOf(address) {
    return this.names.get(address) ?? address;
  }

  /**
   * When each of the others saw a process come into a state, ms since a moment; null as long
   * as one of them has not.
   *
   * @param {string} name
   * @param {string} state
   * @param {number} since
   * @returns {Record<string, number> | null}
   */
  sawAll(name, state, since) {
    /** @type {Record<string, number>} */
    const seen = {};
    for (const by of this.running.keys()) {
      if (by === name) continue;
      const first = this.sightings.find(
        (one) =>
          one.by === by && this.nameOf(one.of) === name && one.state === state && one.at >= since,
      );
      if (!first) return null;
      seen[by] = first.at - since;
    }
    return seen;
  }

  /** Ends what still runs, at once. */
  killAll() {
    for (const one of this.running.values()) one.kill();
  }
}

module.exports = { Cluster, freePorts };
