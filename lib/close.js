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

/** @type {Set<() => Promise<any>>} what closes the instances of this process */
const closers = new Set();
const SIGNALS = /** @type {const} */ (['SIGTERM', 'SIGINT']);
let ending = false;

/** @param {NodeJS.Signals} signal */
function onSignal(signal) {
  // A handler of the host's own decides alone.
  if (process.listenerCount(signal) > 1) return;
  // Asked twice: now.
  if (ending) {
    end(signal);
    return;
  }
  ending = true;
  Promise.allSettled([...closers].map((close) => close())).then(() => end(signal));
}

/**
 * Ends as the signal would have ended the process without us.
 *
 * @param {NodeJS.Signals} signal
 */
function end(signal) {
  for (const name of SIGNALS) process.removeListener(name, onSignal);
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
  if (closers.size === 0) for (const name of SIGNALS) process.on(name, onSignal);
  closers.add(close);
  return () => {
    closers.delete(close);
    if (closers.size > 0 || ending) return;
    for (const name of SIGNALS) process.removeListener(name, onSignal);
  };
}

module.exports = { addCloseAction, closeOnSignals, wrapClose };
