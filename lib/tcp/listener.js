'use strict';
// @ts-check

/**
 * The answering side of the Seneca tcp wire: stock Seneca clients and our own get the same answers as from
 * seneca-transport, but only to messages that this node answers for others, and nothing that arrives ends the process.
 */

const net = require('node:net');
const { inspect } = require('node:util');
const { Connection } = require('./connection');
const { Gate } = require('./gate');
const { makeError } = require('../errors');
const { seldom } = require('../seldom');

/** Actions that nobody may call from outside, whatever a pin says. */
const PRIVATE =
  /(?:^|,)(?:(?:role:(?:seneca|transport|options)|sys:(?:seneca|transport|gossip))(?:,|$)|init:)/;
/** What the unfinished lines of all connections may hold together, in longest lines. */
const BUDGET_LINES = 16;
const SWEEP = 1000;
/**
 * How long, in ms, a connection may say nothing from its start, take for one line, read nothing of its replies.
 * @typedef {{ silent: number, line: number, reader: number }} Patience
 * @type {Patience}
 */
const PATIENCE = { silent: 30_000, line: 60_000, reader: 60_000 };

/**
 * @typedef {object} ListenerOptions
 * @property {any} seneca the root instance: acts run on it, so that no failing one counts as a plugin's
 * @property {string} [host]
 * @property {number} port 0 = a free one
 * @property {(act: Record<string, any>, def: any) => boolean} allows may others have this message answered by this
 *   action? `def` is Seneca's definition of it (`pattern`, `client`)
 * @property {number} [maxLine] bytes, both ways; 16 MiB
 * @property {number} [maxConnections] 4096
 * @property {Partial<Patience>} [patience]
 * @property {import('../tls').Tls | null} [tls]
 * @property {(address: string | undefined) => boolean} [admits] may somebody at this address connect?
 * @property {(level: string, text: string, data?: any) => void} [log]
 */

let connectionCount = 0;

class Listener {
  /** @param {ListenerOptions} options */
  constructor(options) {
    const { seneca, host, port, allows, maxLine, maxConnections, patience } = options;
    const { log, tls, admits } = options;
    this.seneca = seneca.root || seneca;
    this.host = host;
    this.port = port;
    this.allows = allows;
    this.maxLine = maxLine || 16 * 1024 * 1024;
    this.maxConnections = maxConnections || 4096;
    this.patience = { ...PATIENCE, ...patience };
    this.log = log || (() => {});
    this.say = seldom(this.log);
    this.admits = admits || (() => true);
    this.ownId = String(seneca.id);
    this.ownIdJson = JSON.stringify(this.ownId);
    this.budget = { used: 0, max: BUDGET_LINES * this.maxLine };
    /** @type {Set<InstanceType<typeof Connection>>} oldest first */
    this.connections = new Set();
    this.working = 0;
    /** Characters of the lines of calls at work. */
    this.atWork = { weight: 0 };
    this.leaving = false;
    /** @type {WeakMap<object, boolean>} verdicts on actions */
    this.privates = new WeakMap();
    /** @type {(() => void)[]} */
    this.idleWaiters = [];
    this.gate = tls ? this.guard(tls) : null;
    /** @type {net.Server | null} */
    this.server = null;
    /** @type {NodeJS.Timeout | null} */
    this.sweeper = null;
    /** @type {Promise<void> | null} */
    this.closing = null;
    /** @type {Record<string, number>} */
    this.counters = {
      connections: 0,
      turnedAway: 0,
      notAllowed: 0,
      insecure: 0,
      timedOut: 0,
      accepted: 0,
      answered: 0,
      errors: 0,
      unanswered: 0,
      refused: 0,
      stripped: 0,
      expired: 0,
      tooLong: 0,
      badResults: 0,
      pauses: 0,
      afterGoodbye: 0,
      socketErrors: 0,
    };
  }

  /** @returns {Promise<{ host: string, port: number }>} where it listens */
  listen() {
    return new Promise((resolve, reject) => {
      const server = net.createServer(
        // A client that has said all it has to say still gets its answers.
        { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 10_000 },
        (socket) => this.arrived(socket),
      );
      this.server = server;
      server.once('error', reject);
      server.listen({ port: this.port, host: this.host }, () => {
        server.removeListener('error', reject);
        server.on('error', (err) => this.log('warn', 'the listener had an error', { err }));
        this.sweeper = setInterval(() => this.sweep(), SWEEP);
        this.sweeper.unref();
        const { address, port } = /** @type {net.AddressInfo} */ (server.address());
        resolve({ host: address, port });
      });
    });
  }

  /** @param {net.Socket} socket */
  arrived(socket) {
    const { remoteAddress } = socket;
    if (!this.admits(remoteAddress)) {
      this.counters.notAllowed++;
      this.say('allow', `${remoteAddress} is not in 'allow'; its connection was closed`);
      socket.destroy();
    } else if (this.gate) this.gate.accept(socket);
    else this.accept(socket);
  }

  /**
   * What comes through TLS is served; the rest is told what is wanted, unless it may be plain.
   *
   * @param {import('../tls').Tls} tls
   */
  guard(tls) {
    return new Gate(tls, {
      secure: (socket) => this.accept(socket, { greets: true }),
      plain: (socket) => {
        if (tls.plain) {
          this.accept(socket);
          return;
        }
        this.refused('it speaks without TLS', socket);
        this.accept(socket, { refusal: makeError('tls_required') });
      },
      refused: (why, socket) => this.refused(why, socket),
    });
  }

  /**
   * @param {string} why
   * @param {net.Socket} socket
   */
  refused(why, socket) {
    this.counters.insecure++;
    const address = socket.remoteAddress ?? 'somebody';
    this.say('insecure', `a connection from ${address} to the call port was refused: ${why}`);
  }

  /**
   * @param {net.Socket} socket
   * @param {import('./connection').Manner} [manner]
   */
  accept(socket, manner = {}) {
    this.counters.connections++;
    if (this.connections.size >= this.maxConnections && !this.makeRoom()) {
      this.counters.turnedAway++;
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    connectionCount++;
    const prefix = `${connectionCount.toString(36)}~`;
    this.connections.add(new Connection(this, socket, prefix, manner));
  }

  /** Takes the place of the connection that has been idle longest. */
  makeRoom() {
    /** @type {InstanceType<typeof Connection> | null} */
    let idlest = null;
    for (const connection of this.connections) {
      if (connection.working > 0) continue;
      if (idlest === null || connection.lastLine < idlest.lastLine) idlest = connection;
    }
    if (idlest === null) return false;
    this.counters.turnedAway++;
    idlest.socket.destroy();
    idlest.gone();
    return true;
  }

  /**
   * Whether a message may be acted on here: null, or the error for its sender.
   *
   * What counts is the action that Seneca would run, not what the message looks like: a message with our pin's keys and
   * `init:entity` besides may well match a plugin's init action.
   *
   * @param {Record<string, any>} act
   */
  verdict(act) {
    const def = this.seneca.find(act);
    if (!def) {
      const args = inspect(this.seneca.util.clean(act), { breakLength: Number.POSITIVE_INFINITY });
      return makeError('act_not_found', {
        args: args.length > 400 ? `${args.slice(0, 400)}...` : args,
      });
    }
    let isPrivate = this.privates.get(def);
    if (isPrivate === undefined) {
      isPrivate = PRIVATE.test(String(def.pattern));
      this.privates.set(def, isPrivate);
    }
    if (isPrivate || !this.allows(act, def))
      return makeError('not_served', { pattern: def.pattern });
    return null;
  }

  /** A call has ended. */
  ended() {
    this.working--;
    if (this.working === 0 && this.idleWaiters.length > 0) {
      for (const wake of this.idleWaiters.splice(0)) wake();
    }
  }

  /** Ends connections that only cost. */
  sweep() {
    const { patience } = this;
    const now = performance.now();
    for (const connection of [...this.connections]) {
      const { partialSince, flow } = connection;
      const silent = connection.lines === 0 && now - connection.since > patience.silent;
      const slow = partialSince > 0 && flow.pausedSince === 0 && now - partialSince > patience.line;
      if (!silent && !slow && !flow.stuck(now, patience.reader)) continue;
      this.counters.timedOut++;
      if (connection.working > 0 && slow) connection.end();
      else connection.socket.destroy();
    }
  }

  /** Our own clients hear that only what has been accepted is run here. Stock clients are served until the end. */
  goodbye() {
    this.leaving = true;
    for (const connection of this.connections) connection.goodbye();
  }

  /**
   * Waits for the calls at work.
   * @param {number} ms at most
   * @returns {Promise<number>} how many are left
   */
  drain(ms) {
    if (this.working === 0) return Promise.resolve(0);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(this.working), ms);
      this.idleWaiters.push(() => {
        clearTimeout(timer);
        resolve(0);
      });
    });
  }

  /** Ends all connections, after what was written has gone out, and frees the port. */
  close() {
    if (this.closing === null) this.closing = this.shut();
    return this.closing;
  }

  /** @returns {Promise<void>} */
  shut() {
    if (this.sweeper !== null) clearInterval(this.sweeper);
    const { server } = this;
    if (server === null) return Promise.resolve();
    return new Promise((resolve) => {
      server.close(() => {
        for (const connection of [...this.connections]) connection.gone();
        resolve();
      });
      this.gate?.close();
      for (const connection of [...this.connections]) connection.end();
    });
  }

  /** Counters since the start, and what is open now. */
  stats() {
    return { ...this.counters, open: this.connections.size, working: this.working };
  }
}

/** @param {ListenerOptions} options */
function createListener(options) {
  return new Listener(options);
}

module.exports = { createListener, Listener };
