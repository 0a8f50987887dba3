'use strict';

// Where a node is reached: the call port of its service, and the gossip port beside it.

const net = require('node:net');

const { Gossiper } = require('./gossiper');
const { GossipError } = require('./refusal');

/** Pairs of free ports that are tried before giving up. */
const ATTEMPTS = 50;

/**
 * What the plugin needs of a call port, whatever its transport.
 *
 * @typedef {object} CallPort
 * @property {string} host
 * @property {number} port
 * @property {() => void} goodbye
 * @property {(ms: number) => Promise<number>} drain
 * @property {() => Promise<void>} close
 * @property {() => any} stats
 */

/**
 * Opens the call port (unless the node only calls) and starts the gossiper. With
 * `port: 0` both take free ports that lie side by side.
 *
 * @param {object} parts
 * @param {import('./options').Options} parts.options
 * @param {string[]} parts.seeds
 * @param {() => Promise<CallPort>} parts.listen
 * @param {(gossiper: InstanceType<typeof Gossiper>) => void} parts.prepare attaches listeners before the start
 */
async function open({ options, seeds, listen, prepare }) {
  const serves = options.pins.length > 0;
  const { advertise } = options;
  for (let attempt = 1; ; attempt++) {
    const call = serves ? await listen() : null;
    const port = options.gossip.port ?? (call ? call.port + 1 : 0);
    const free = options.gossip.port === null;
    try {
      if (port > 65_535) throw new GossipError('GOSSIP_PORT_IN_USE', 'no port above 65535');
      const gossiper = new Gossiper({
        port,
        host: options.gossip.host,
        advertise: { host: advertise.host, gossipPort: advertise.gossipPort },
        seeds,
        discover: options.discover && { multicast: options.discover },
        cluster: options.cluster,
        ...(options.allow.length > 0 ? { allow: options.allow } : {}),
        ...options.gossip.timings,
        ...(options.gossip.keys && { key: options.gossip.keys }),
      });
      prepare(gossiper);
      await gossiper.start();
      return { call, gossiper };
    } catch (/** @type {any} */ err) {
      await call?.close();
      if (free && err.code === 'GOSSIP_PORT_IN_USE' && attempt < ATTEMPTS) continue;
      throw explained(err, options);
    }
  }
}

/**
 * Says which option sets the gossip port.
 *
 * @param {any} err
 * @param {import('./options').Options} options
 */
function explained(err, options) {
  if (err.details?.option !== 'port') return err;
  const beside = options.port !== 0 && options.gossip.port === options.port + 1;
  const how = beside
    ? "it is option 'port' + 1 unless option 'gossip.port' says otherwise"
    : "option 'gossip.port' sets it";
  const text = err.message.replace(/^seneca-gossip: /, '').replace(/; option 'port' sets it$/, '');
  return new GossipError(err.code, `${text}; ${how}`, { port: options.gossip.port });
}

/**
 * The error of a call port that could not be opened.
 *
 * @param {any} err
 * @param {import('./options').Options} options
 */
function callPortError(err, options) {
  const { port, host } = options;
  /** @type {Record<string, string>} */
  const texts = {
    EADDRINUSE: `call port ${port} is already in use on ${host}; option 'port' sets it`,
    EACCES: `no permission to use call port ${port} on ${host}; option 'port' sets it`,
    EADDRNOTAVAIL: `host '${host}' is not an address of this machine; option 'host' sets it`,
    ENOTFOUND: `host '${host}' is not known; option 'host' sets it`,
  };
  const text = texts[err.code] ?? `call port ${port} cannot be opened on ${host}: ${err.message}`;
  return new GossipError(err.code ?? 'call_port', text, { port, host });
}

/**
 * A call port of another transport (`web`, or a plugin's): its own listen hook opens
 * it. These hooks retry a port in use for long and cannot tell the number behind
 * port 0, so the port is tried here first. Seneca's close closes it.
 *
 * @param {any} instance a delegate that may act now
 * @param {import('./options').Options} options
 * @returns {Promise<CallPort>}
 */
async function listenByHook(instance, options) {
  const { type, host } = options;
  const port = await tryPorts(options).catch((err) => {
    throw callPortError(err, options);
  });
  const config = { role: 'transport', hook: 'listen', type, host, port };
  if (!hasHook(instance, config)) {
    throw new GossipError(
      'transport_missing',
      `option 'type' is '${type}', but no plugin of this instance answers ` +
        `role:transport,hook:listen,type:${type}; use a transport plugin that does, or 'tcp'`,
    );
  }
  await act(instance, { ...transportDefaults(instance, type), ...config });
  return {
    host,
    port,
    goodbye() {},
    drain: async () => 0,
    close: async () => {},
    stats: () => ({}),
  };
}

/**
 * @param {any} instance
 * @param {Record<string, any>} config
 */
function hasHook(instance, config) {
  const def = instance.root.find({ role: config.role, hook: config.hook, type: config.type });
  return def?.pattern.includes('hook:') === true;
}

/**
 * What Seneca's own `listen` and `client` add to a transport's settings.
 *
 * @param {any} instance
 * @param {string} type
 */
function transportDefaults(instance, type) {
  const all = instance.options().transport ?? {};
  const flat = Object.entries(all).filter(([, value]) => typeof value !== 'object');
  return { ...Object.fromEntries(flat), ...all[type] };
}

/**
 * @param {any} instance
 * @param {Record<string, any>} msg
 * @returns {Promise<any>}
 */
function act(instance, msg) {
  // A plugin's own delegate ends the process when an act of it fails.
  const delegate = instance.delegate();
  delegate.fixedargs = { ...delegate.fixedargs, fatal$: false };
  return new Promise((resolve, reject) => {
    delegate.act(msg, (/** @type {any} */ err, /** @type {any} */ out) =>
      err ? reject(err) : resolve(out),
    );
  });
}

/**
 * A port that can be had, and where it is to be a free one, with a free one beside it for gossip: a
 * hook cannot take back what it has opened.
 *
 * @param {import('./options').Options} options
 */
async function tryPorts({ port, host, gossip }) {
  for (let attempt = 1; ; attempt++) {
    const found = await tryPort(port, host);
    if (port !== 0 || gossip.port !== null) return found;
    try {
      await tryPort(found + 1, gossip.host);
      return found;
    } catch (err) {
      if (attempt >= ATTEMPTS) throw err;
    }
  }
}

/**
 * Binds a port and gives it back.
 *
 * @param {number} port
 * @param {string} host
 * @returns {Promise<number>} its number
 */
function tryPort(port, host) {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(port, host, () => {
      const bound = /** @type {net.AddressInfo} */ (server.address()).port;
      server.close(() => resolve(bound));
    });
  });
}

module.exports = { act, callPortError, hasHook, listenByHook, open, transportDefaults };
