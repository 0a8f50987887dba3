'use strict';

// Options are checked once, at the start, and every wrong one is refused with an
// error that names it and says what is expected. What comes out is complete:
// nobody behind this file deals with a missing or a strange option.

const { advertiseOption, bindHost } = require('./addresses');
const { allowOption } = require('./allow');
const {
  choice,
  flag,
  integer,
  isObject,
  isService,
  onlyKnown,
  refuse,
  seedList,
  show,
  text,
} = require('./check');
const { discoverOption } = require('./discover');
const { withEnvironment } = require('./environment');
const { GossipError } = require('./refusal');
const { MAX_VALUE, pack } = require('./json');
const { canon, isReserved, pins: readPins } = require('./patterns');
const { keysOption } = require('./secret');
const { checkSharded, shardOption } = require('./shard-key');
const { tlsOption } = require('./tls');

/** Defaults of the plugin, as the README lists them. */
const DEFAULTS = Object.freeze({
  port: 0,
  host: '127.0.0.1',
  type: 'tcp',
  cluster: 'default',
  jointime: 1000,
  drain: 5000,
  override: false,
  weight: 1,
  signals: true,
});

/** Where a node binds that shall be found by others on its network. */
const EVERYWHERE = '0.0.0.0';

const NAMES = [
  'port',
  'host',
  'advertise',
  'type',
  'pin',
  'listen',
  'need',
  'seeds',
  'discover',
  'cluster',
  'meta',
  'jointime',
  'drain',
  'override',
  'weight',
  'signals',
  'allow',
  'tls',
  'gossip',
];

const LISTEN_NAMES = [
  'pin',
  'model',
  'strategy',
  'retry',
  'timeout',
  'wait',
  'concurrency',
  'shard',
];
const MODELS = ['consume', 'observe'];
const STRATEGIES = ['p2c', 'round-robin', 'random'];

/** How long a call to a sharded pin waits for an owner, unless `wait` says so, ms. */
const SHARD_WAIT = 10_000;

/** Settings of the gossip engine that are handed to it as they are: [lowest, highest]. */
const TIMINGS = {
  interval: [10, 60_000],
  ping: [10, 60_000],
  phi: [0.1, 100],
  silence: [50, 600_000],
  refute: [0, 600_000],
  observers: [1, 64],
  remember: [0, 365 * 24 * 3_600_000],
  rememberMax: [0, 100_000],
  tombstones: [1000, 365 * 24 * 3_600_000],
  resolve: [1000, 24 * 3_600_000],
};
const ORDERS = ['depth', 'breadth'];
const GOSSIP_NAMES = ['port', 'host', 'order', 'key', ...Object.keys(TIMINGS)];
const GOSSIPER_NAMES = ['seeds', 'discover', 'advertise', 'cluster', 'allow', ...GOSSIP_NAMES];

/**
 * @param {any} given
 * @param {string} option
 * @param {(text: string) => any} jsonic
 */
function pinList(given, option, jsonic) {
  const expected = "a pattern such as 'role:api', an object, or an array of these";
  const given_ = Array.isArray(given) ? given : [given];
  for (const one of given_) {
    if (typeof one !== 'string' && !isObject(one)) refuse(option, expected, one);
  }
  let pins;
  try {
    pins = readPins(given, jsonic);
  } catch (/** @type {any} */ err) {
    refuse(option, `${expected} (${err.message})`, given);
  }
  for (const pin of pins) {
    if (Object.keys(pin).length === 0) refuse(option, `${expected}, with one key at least`, given);
    if (isReserved(pin)) {
      refuse(
        option,
        `a pattern of your own: '${canon(pin)}' belongs to Seneca and is never routed`,
      );
    }
  }
  if (pins.length === 0) refuse(option, expected, given);
  return pins;
}

/**
 * What is given: `null` says as much as nothing.
 *
 * @param {Record<string, any>} options
 */
function stated(options) {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value != null));
}

/**
 * One entry of `listen`.
 *
 * @param {any} entry
 * @param {string} option
 * @param {(text: string) => any} jsonic
 */
function listenEntry(entry, option, jsonic) {
  if (!isObject(entry)) refuse(option, 'an object with a pin', entry);
  const given = stated(entry);
  onlyKnown(given, LISTEN_NAMES, `${option}.`);
  if (given.pin === undefined) refuse(`${option}.pin`, "given, a pattern such as 'role:api'");
  const day = 24 * 3_600_000;
  /** @type {Record<string, any>} */
  const offer = {};
  if (given.model !== undefined) offer.model = choice(given.model, `${option}.model`, MODELS);
  if (given.strategy !== undefined) {
    offer.strategy = choice(given.strategy, `${option}.strategy`, STRATEGIES);
  }
  if (given.retry !== undefined) offer.retry = integer(given.retry, `${option}.retry`, 0, 100);
  if (given.timeout !== undefined) {
    offer.timeout = integer(given.timeout, `${option}.timeout`, 1, day, 'milliseconds');
  }
  if (given.wait !== undefined) {
    offer.wait = integer(given.wait, `${option}.wait`, 0, day, 'milliseconds');
  }
  if (given.concurrency !== undefined) {
    offer.concurrency = integer(given.concurrency, `${option}.concurrency`, 1, 1_000_000);
  }
  const shard = given.shard === undefined ? null : shardOption(given.shard, `${option}.shard`);
  if (shard) {
    if (offer.strategy) refuse(`${option}.strategy`, "left out: with 'shard' the key decides");
    if (offer.model === 'observe') refuse(`${option}.model`, "'consume': one node owns a key");
    // Long enough for a dead owner to be found and for a live one to hand over.
    offer.wait ??= Math.max(SHARD_WAIT, shard.handover);
  }
  return { pins: pinList(given.pin, `${option}.pin`, jsonic), offer, shard };
}

/**
 * What the node answers: `pin` and `listen` together.
 *
 * @param {Record<string, any>} given
 * @param {(text: string) => any} jsonic
 */
function listenList(given, jsonic) {
  const entries = [];
  if (given.listen !== undefined && given.listen !== null) {
    const many = Array.isArray(given.listen);
    const list = many ? given.listen : [given.listen];
    list.forEach((/** @type {any} */ entry, /** @type {number} */ at) => {
      entries.push(listenEntry(entry, many ? `listen[${at}]` : 'listen', jsonic));
    });
  }
  if (given.pin !== undefined && given.pin !== null) {
    entries.push({ pins: pinList(given.pin, 'pin', jsonic), offer: {}, shard: null });
  }
  checkSharded(entries);
  return entries;
}

/**
 * The options of the gossip engine, `gossip: {...}`.
 *
 * @param {any} given
 * @param {{ host: string, port: number }} base what they default to
 * @param {string} [prefix] how they are called in errors
 */
function gossipOptions(given, base, prefix = 'gossip.') {
  const gossip = given ?? {};
  if (!isObject(gossip)) refuse('gossip', 'an object', gossip);
  onlyKnown(gossip, GOSSIP_NAMES, prefix);
  /** @type {Record<string, any>} */
  const timings = {};
  for (const [name, [low, high]] of Object.entries(TIMINGS)) {
    const value = gossip[name];
    if (value === undefined || value === null) continue;
    if (name !== 'phi') integer(value, prefix + name, low, high);
    else if (typeof value !== 'number' || !(value >= low && value <= high)) {
      refuse(prefix + name, `a number from ${low} to ${high}`, value);
    }
    timings[name] = value;
  }
  if (gossip.order) timings.order = choice(gossip.order, `${prefix}order`, ORDERS);
  let port = gossip.port ?? null;
  if (port !== null) integer(port, 'gossip.port', 0, 65_535, 'a port');
  else if (base.port === 65_535) {
    refuse('port', "below 65535, since the gossip port is port + 1 unless 'gossip.port' says so");
  } else if (base.port !== 0) port = base.port + 1;
  return {
    // null: beside the service's own free port
    port,
    host: gossip.host ? bindHost(gossip.host, `${prefix}host`, 'an address') : base.host,
    timings,
    keys: gossip.key == null ? null : keysOption(gossip.key, `${prefix}key`),
  };
}

/** @param {any} given */
function clusterName(given) {
  const name = text(given, 'cluster', 'a name');
  if (Buffer.byteLength(name) > 255) refuse('cluster', 'a name of 255 bytes at most', name);
  return name;
}

/** @param {any} given */
function metaTags(given) {
  if (!isObject(given)) refuse('meta', 'an object', given);
  const { json, wrong } = pack(given, 'meta');
  if (wrong) refuse('meta', `an object that JSON can carry: ${wrong}`);
  const size = Buffer.byteLength(json);
  if (size > MAX_VALUE) refuse('meta', `of at most ${MAX_VALUE} bytes as JSON; it has ${size}`);
  const meta = JSON.parse(json);
  if (!isObject(meta)) refuse('meta', 'an object', meta);
  return meta;
}

/**
 * Checks and completes the options of the plugin. What is not given is taken from the environment.
 *
 * @param {any} given
 * @param {{ jsonic: (text: string) => any, env?: NodeJS.ProcessEnv }} tools
 */
function resolve(given, tools) {
  if (given !== undefined && given !== null && !isObject(given)) {
    throw new GossipError('gossip_option', `the options must be an object, not ${show(given)}`);
  }
  /** @type {Record<string, any>} */
  const all = {};
  for (const [name, value] of Object.entries(given ?? {})) {
    // Seneca adds `errors` and directives such as `init$` on its own.
    if (name === 'errors' || name.endsWith('$')) continue;
    if (value !== undefined && value !== null) all[name] = value;
  }
  const inner = LISTEN_NAMES.find((name) => name in all && !NAMES.includes(name));
  if (inner) refuse(inner, `in an entry of 'listen': listen: [{ pin: ..., ${inner}: ... }]`);
  onlyKnown(all, NAMES, '');
  return withEnvironment(all, tools.env ?? process.env, (options) => complete(options, tools));
}

/**
 * @param {Record<string, any>} all
 * @param {{ jsonic: (text: string) => any }} tools
 */
function complete(all, tools) {
  const port = integer(all.port ?? DEFAULTS.port, 'port', 0, 65_535, 'a port');
  const discover = discoverOption(all.discover);
  const host = bindHost(all.host ?? (discover ? EVERYWHERE : DEFAULTS.host), 'host');
  const gossip = gossipOptions(all.gossip, { host, port });
  // From the environment.
  if (all.key !== undefined) gossip.keys ??= keysOption(all.key, 'key');
  if (gossip.port !== null && gossip.port !== 0 && gossip.port === port) {
    refuse('gossip.port', "another one than 'port': both are TCP ports of this host", gossip.port);
  }
  if (all.weight !== undefined && !(all.weight >= 0.01 && all.weight <= 100)) {
    refuse('weight', 'a number from 0.01 to 100', all.weight);
  }
  const listen = listenList(all, tools.jsonic);
  const type = text(all.type ?? DEFAULTS.type, 'type', "the name of a transport, such as 'tcp'");
  if (type === 'tls') refuse('type', "'tcp', and the option 'tls' given", type);
  const tls = all.tls === undefined ? null : tlsOption(all.tls);
  if (tls && type !== 'tcp') {
    refuse('tls', `left out with type '${type}': that transport has options of its own`);
  }
  return {
    port,
    host,
    advertise: advertiseOption(all.advertise, ['host', 'port', 'gossipPort']),
    type,
    tls,
    allow: all.allow === undefined ? [] : allowOption(all.allow),
    listen,
    pins: listen.flatMap((entry) => entry.pins),
    need: all.need === undefined ? [] : pinList(all.need, 'need', tools.jsonic),
    seeds: seedsOption(all.seeds),
    discover,
    cluster: clusterName(all.cluster ?? DEFAULTS.cluster),
    meta: all.meta === undefined ? {} : metaTags(all.meta),
    jointime: integer(all.jointime ?? DEFAULTS.jointime, 'jointime', 0, 600_000, 'milliseconds'),
    drain: integer(all.drain ?? DEFAULTS.drain, 'drain', 0, 600_000, 'milliseconds'),
    override: flag(all.override ?? DEFAULTS.override, 'override'),
    weight: all.weight ?? DEFAULTS.weight,
    signals: flag(all.signals ?? DEFAULTS.signals, 'signals'),
    gossip,
  };
}

/** @param {any} given */
function seedsOption(given) {
  if (typeof given === 'function') return given;
  if (isObject(given) || typeof given === 'number' || typeof given === 'boolean') {
    refuse('seeds', "an array of 'host:gossip_port', or a function that returns one", given);
  }
  return seedList(given);
}

/** @param {any} given */
function gossiperSeeds(given) {
  const seeds = seedList(given);
  const name = seeds.find(isService);
  if (name !== undefined) {
    refuse('seeds', "addresses 'host:gossip_port' (SRV names are looked up by the plugin)", name);
  }
  return seeds;
}

/**
 * Options of a gossiper, from the seed project's `(port, seeds, host)` or an object.
 *
 * @param {any[]} args
 */
function gossiperOptions(args) {
  const flat =
    typeof args[0] === 'object' && args[0] !== null && !Array.isArray(args[0])
      ? args[0]
      : { port: args[0], seeds: args[1], host: args[2] };
  onlyKnown(flat, GOSSIPER_NAMES, '');
  const { port, seeds, discover: given, host, advertise, cluster, allow, ...timings } = flat;
  const discover = discoverOption(given);
  const engine = gossipOptions(timings, { host: '', port: 0 }, '');
  return {
    port: integer(port ?? 0, 'port', 0, 65_535, 'a port'),
    host: bindHost(host ?? (discover ? EVERYWHERE : '127.0.0.1'), 'host'),
    advertise: advertiseOption(advertise, ['host', 'gossipPort']),
    seeds: gossiperSeeds(seeds),
    discover,
    cluster: clusterName(cluster ?? 'default'),
    allow: allow == null ? [] : allowOption(allow),
    timings: engine.timings,
    keys: engine.keys,
  };
}

/** @typedef {ReturnType<typeof resolve>} Options */

module.exports = { DEFAULTS, gossiperOptions, gossiperSeeds, metaTags, resolve };
