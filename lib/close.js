'use strict';

// Closing in order. Seneca 3.38 runs the `cmd:close` hook of a plugin only once its
// executor is idle: under steady load that is 22 s later, and every call fails
// meanwhile. So `close` of the root instance is wrapped: first this node leaves the
// cluster and finishes its calls, then Seneca closes as ever.

const { isMainThread } = require('node:worker_threads');

/**
 * @param {any} root
 * @param {() => Promise<void>} shutdown leaves and drains; may be called more than once
 */
function wrapClose(root, shutdown) {
  const original = root.close;
  root.close = function gossip_close(/** @type {any} */ done) {
    const promise = done === undefined || done === null;
    const closing = shutdown();
    if (promise) return closing.then(() => original.call(this));
    // Out of the promise, so that what `done` throws is thrown as ever.
    closing.then(() => setImmediate(() => original.call(this, done)));
    return this;
  };
}

/**
 * The action by which Seneca tells plugins that it closes, for whoever acts it
 * without `close()`. Its name depends on the version.
 *
 * @param {any} instance the plugin's
 * @param {() => Promise<void>} stop
 */
function addCloseAction(instance, stop) {
  const major = Number.parseInt(instance.root.version, 10);
  const pattern = major >= 4 ? 'sys:seneca,cmd:close' : 'role:seneca,cmd:close';
  instance.add(pattern, function gossip_close(/** @type {any} */ msg, /** @type {any} */ reply) {
    stop().then(() => this.prior(msg, reply));
  });
}

const SIGNALS = /** @type {const} */ (['SIGTERM', 'SIGINT']);
const SHARED = Symbol.for('seneca-gossip signals');

/**
 * What closes the instances of this process, and its one listener: copies of this package that a
 * process has loaded must not take each other for handlers of the host.
 *
 * @type {{ closers: Set<() => Promise<any>>, ending: boolean, onSignal: (signal: any) => void }}
 */
const shared = globalThis[SHARED] ?? { closers: new Set(), ending: false, onSignal };
globalThis[SHARED] = shared;

/**
 * Listeners of the package signal-exit, which many programs bring along without knowing. They do
 * nothing as long as there is any other listener, so they are no handler of the host's.
 */
function watchers() {
  const host = /** @type {any} */ (process);
  /** @type {any[]} where its versions keep their count */
  const found = [host.__signal_exit_emitter__, globalThis[Symbol.for('signal-exit emitter')]];
  return found.reduce((sum, one) => sum + (typeof one?.count === 'number' ? one.count : 0), 0);
}

/** @param {NodeJS.Signals} signal */
function onSignal(signal) {
  // A handler of the host's own decides alone.
  if (process.listenerCount(signal) - watchers() > 1) return;
  // Asked twice: now.
  if (shared.ending) {
    end(signal);
    return;
  }
  shared.ending = true;
  Promise.allSettled([...shared.closers].map((close) => close())).then(() => end(signal));
}

/**
 * Ends as the signal would have ended the process without us.
 *
 * @param {NodeJS.Signals} signal
 */
function end(signal) {
  for (const name of SIGNALS) process.removeListener(name, shared.onSignal);
  process.kill(process.pid, signal);
}

/**
 * Closes an instance in order when the process is told to end.
 *
 * @param {() => Promise<any>} close
 * @returns {() => void} takes it back
 */
function closeOnSignals(close) {
  // Signals reach the main thread only.
  if (!isMainThread) return () => {};
  const { closers, onSignal } = shared;
  if (closers.size === 0) for (const name of SIGNALS) process.on(name, onSignal);
  closers.add(close);
  return () => {
    closers.delete(close);
    if (closers.size > 0 || shared.ending) return;
    for (const name of SIGNALS) process.removeListener(name, onSignal);
  };
}

module.exports = { addCloseAction, closeOnSignals, wrapClose };
