'use strict';

// Targets of other transports than tcp: calls go through the transport's own client,
// made by its hook `role:transport,hook:client,type:X`. The hook is called without
// `pin` (the stock one fails with it), and once per address for ever: each client of
// the stock web transport leaves a close action behind.

const { makeError } = require('./errors');
const { act, hasHook, transportDefaults } = require('./service');
const { Ended } = require('./tcp/terms');

/** Clients at most: Seneca keeps each for ever, and a member may name one address after the other. */
const MAX_CLIENTS = 1000;

/** Errors of a connection that was never made: the call did not run. */
const REFUSED = /ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ETIMEDOUT/;
/** Errors of a connection that died: the call may have run. */
const DIED = /ECONNRESET|EPIPE|socket hang up/;

/**
 * Makes links to targets of other transports, as the caller (`call.js`) wants them.
 *
 * @param {any} root
 */
function createForeign(root) {
  /** @type {Map<string, Promise<any>>} clients by transport and address */
  const clients = new Map();

  /** @param {import('./tcp/link').Target} target */
  const clientOf = (target) => {
    const { kind = 'web', host, port } = target;
    const address = `${kind} ${host}:${port}`;
    let client = clients.get(address);
    if (!client) {
      if (clients.size >= MAX_CLIENTS) {
        return Promise.reject(new Error(`there are clients for ${MAX_CLIENTS} addresses already`));
      }
      client = make(root, kind, host, port);
      clients.set(address, client);
      // Tried again with the next call.
      client.catch(() => clients.delete(address));
    }
    return client;
  };

  return (/** @type {import('./tcp/link').Target} */ target) => new ForeignLink(target, clientOf);
}

/**
 * @param {any} root
 * @param {string} type
 * @param {string} host
 * @param {number} port
 */
async function make(root, type, host, port) {
  if (type === 'tls') throw new Error('this node has no option `tls`');
  const config = { role: 'transport', hook: 'client', type, host, port };
  if (!hasHook(root, config)) {
    throw new Error(`no plugin of this instance answers role:transport,hook:client,type:${type}`);
  }
  const client = await act(root, { ...transportDefaults(root, type), ...config });
  if (typeof client?.send !== 'function') throw new Error('its client hook gave no client');
  return client;
}

class ForeignLink {
  /**
   * @param {import('./tcp/link').Target} target
   * @param {(target: import('./tcp/link').Target) => Promise<any>} clientOf
   */
  constructor(target, clientOf) {
    this.target = target;
    this.clientOf = clientOf;
    /** @type {Set<any>} calls that wait for their reply */
    this.pending = new Set();
    this.why = '';
    this.gone = false;
    /** They are the transport's. */
    this.connection = 'transport';
  }

  get inflight() {
    return this.pending.size;
  }

  /**
   * @param {any} call see `Outgoing` in tcp/link.js
   * @returns {boolean} false: not taken
   */
  send(call) {
    if (this.gone) return false;
    this.pending.add(call);
    this.clientOf(this.target).then(
      (client) => {
        if (!this.pending.has(call)) return;
        call.seq = 1;
        const meta = Object.assign(Object.create(Object.getPrototypeOf(call.meta)), call.meta);
        meta.id = call.id;
        [meta.mi] = call.id.split('/');
        const reply = (/** @type {any} */ err, /** @type {any} */ out) =>
          this.ended(call, err, out);
        try {
          client.send.call(call.instance, { ...call.msg }, reply, meta);
        } catch (err) {
          reply(err, null);
        }
      },
      (err) => {
        const { name, kind } = this.target;
        this.why = err.message;
        const missing = makeError('transport_missing', { target: name, kind, why: err.message });
        this.end(call, Ended.ERROR, missing, null);
      },
    );
    return true;
  }

  /**
   * @param {any} call
   * @param {any} err
   * @param {any} out
   */
  ended(call, err, out) {
    if (!(err instanceof Error)) {
      this.end(call, Ended.OK, null, out ?? err ?? null);
      return;
    }
    const text = `${/** @type {any} */ (err).code} ${err.message}`;
    if (REFUSED.test(text) || DIED.test(text)) this.why = err.message;
    if (REFUSED.test(text)) this.end(call, Ended.UNSENT, null, null);
    else if (DIED.test(text)) this.end(call, Ended.LOST, null, null);
    else this.end(call, Ended.ERROR, err, null);
  }

  /**
   * @param {any} call
   * @param {number} how
   * @param {any} err
   * @param {any} out
   */
  end(call, how, err, out) {
    if (this.pending.delete(call)) call.ended(how, err, out);
  }

  /** @param {any} call whose caller gave up */
  forget(call) {
    this.pending.delete(call);
  }

  /** @param {string} why no new calls */
  retire(why) {
    this.why = why;
    this.gone = true;
  }

  /** The node has left the cluster; the connections are its transport's, and may yet bring replies. */
  left() {
    this.retire('it has left');
  }

  /** @param {string} why everything in flight ends */
  abandon(why) {
    this.retire(why);
    for (const call of [...this.pending]) this.end(call, Ended.LOST, null, null);
  }
}

module.exports = { createForeign };
