'use strict';

// What happens in the cluster, as messages `sys:gossip,on:...` that a service may
// `add` (with `prior`, or without) or `sub`. They are sent through the root instance,
// with default actions: nobody has to listen, and a handler that throws or never
// replies harms nothing.

/** How long a handler may take, ms: while it does, Seneca does not close. */
const PATIENCE = 5000;

/**
 * Messages that are sent before the event loop turns: a member may change thousands
 * of keys at once, and an act takes Seneca a tenth of a millisecond or more.
 */
const BURST = 50;

/** @typedef {InstanceType<typeof import('./gossiper').Gossiper>} Gossiper */

const EVENTS = ['join', 'alive', 'suspect', 'fail', 'leave', 'update', 'shards'];

/** The actions that answer where the service has none. */
const defaults = new WeakSet();

/** @param {any} instance the plugin's */
function addDefaults(instance) {
  for (const on of EVENTS) {
    // An action that the service added before it used this plugin is the prior.
    const pass = function pass(/** @type {any} */ msg, /** @type {any} */ reply) {
      this.prior(msg, reply);
    };
    defaults.add(pass);
    instance.add({ sys: 'gossip', on }, pass);
  }
}

/**
 * Does anybody listen? An act costs Seneca 60 us and 3.6 kB for a while: too much for
 * every key of every member, for nobody.
 *
 * @param {any} root
 * @param {any} msg
 */
function isHeard(root, msg) {
  const def = root.find(msg);
  if (!def || !defaults.has(def.func) || def.priordef) return true;
  const { inward, outward } = root.private$.subrouter;
  return [inward, outward].some((router) => router.find(msg, false, true).length > 0);
}

/**
 * @param {any} root
 * @param {Gossiper} gossiper
 * @param {(name: string) => any} lookup what is known of a member now
 */
function sendEvents(root, gossiper, lookup) {
  const tell = (/** @type {string} */ on, /** @type {string} */ name, more = {}) => {
    if (root.flags?.closed) return;
    const { host, port, status, pins, meta, stalled } = lookup(name) ?? {};
    const msg = { sys: 'gossip', on, name, host, port, status, pins, meta, stalled, ...more };
    if (isHeard(root, msg)) send(on === 'update' ? `${name} ${more.key}` : Symbol(on), msg);
  };

  /** @type {Map<string | symbol, any>} messages that wait for their turn, in order */
  const waiting = new Map();
  let left = BURST;
  const send = (/** @type {string | symbol} */ key, /** @type {any} */ msg) => {
    if (left > 0 && waiting.size === 0) {
      if (left === BURST) setImmediate(next);
      left--;
      act(msg);
    } else {
      // Of a key that changes again and again only the last value waits.
      waiting.delete(key);
      waiting.set(key, msg);
    }
  };
  const next = () => {
    left = BURST;
    for (const [key, msg] of waiting) {
      if (left === 0) break;
      left--;
      waiting.delete(key);
      act(msg);
    }
    if (left < BURST) setImmediate(next);
  };
  const act = (/** @type {any} */ msg) => {
    if (root.flags?.closed) return;
    root.act({ ...msg, timeout$: PATIENCE }, function heard() {
      // Seneca has logged what failed.
    });
  };
  gossiper.on('new_peer', (name) => tell('join', name));
  gossiper.on('peer_alive', (name) => tell('alive', name));
  gossiper.on('peer_suspect', (name) => tell('suspect', name));
  gossiper.on('peer_failed', (name) => tell('fail', name));
  gossiper.on('peer_leaving', (name) => tell('leave', name, { status: 'leaving' }));
  gossiper.on('peer_left', (name) => tell('leave', name, { status: 'left' }));
  gossiper.on('update', (name, key, value) => tell('update', name, { key, value }));

  // One message for all that a member changed of its service at once.
  /** @type {Set<string>} */
  const changed = new Set();
  gossiper.on('service', ({ name }) => changed.add(name));
  gossiper.on('drained', () => {
    for (const name of changed) tell('update', name);
    changed.clear();
  });
}

module.exports = { addDefaults, isHeard, sendEvents };
