'use strict';

const { EventEmitter } = require('node:events');
const { performance } = require('node:perf_hooks');

const { GossipError } = require('./refusal');
const { MAX_KEY, MAX_VALUE, pack, parse } = require('./json');
const { nativeNode } = require('./native');
const { show } = require('./check');
const { gossiperOptions, gossiperSeeds } = require('./options');

/** How often the event loop tells the core that it is not blocked. */
const BEAT = 100;

/**
 * The cluster without Seneca: who is here, and what they say of themselves.
 *
 * Events, with the seed project's names: `update(peer, key, value)`,
 * `new_peer(peer)`, `peer_alive(peer)`, `peer_failed(peer)`, `peer_left(peer)`;
 * besides `peer_suspect(peer)`, `peer_leaving(peer)`, `peer_forgotten(peer)`,
 * `drain()`, `synced()`, `seed_failed(address, reason)`, `log(level, text)`. The plugin also
 * listens to `service`, `route`, `unroute`, `target` and `untarget`.
 */
class Gossiper extends EventEmitter {
  /**
   * @param {any[]} args `(port, seeds, host)` or one object
   */
  constructor(...args) {
    super();
    const { port, host, advertise, seeds, discover, cluster, allow, keys, timings } =
      gossiperOptions(args);
    const Native = nativeNode();
    const outer = { advertise: advertise.host, advertisePort: advertise.gossipPort };
    /** The native node. */
    this.native = new Native(
      JSON.stringify({
        host,
        port,
        ...outer,
        seeds,
        discover,
        cluster,
        allow,
        keys: keys?.reveal(),
        gossip: timings,
      }),
      () => this._drain(),
    );
    /** What the functions of the core know the node by. */
    this.handle = this.native.handle;
    /** Who we are once started: { name, host, port, generation }. */
    this.info = null;
    /** @type {Map<string, string>} our own keys, as JSON */
    this._local = new Map();
    /** @type {NodeJS.Timeout | null} */
    this._beat = null;
    this._state = 'new';
    /** @type {Set<any>} what has happened and is not handed out yet, in order */
    this._untold = new Set();
    /** @type {Promise<any> | null} */
    this._ending = null;
  }

  /**
   * Binds the gossip port and begins to look for the seeds.
   *
   * @param {(err: Error | null, info?: any) => void} [cb] without it, a promise is returned
   * @returns {any}
   */
  start(cb) {
    return settle(this, this._start(), cb);
  }

  async _start() {
    if (this._state !== 'new') {
      throw new GossipError('gossip_state', `a gossiper starts once; this one is ${this._state}`);
    }
    this._state = 'starting';
    try {
      const info = JSON.parse(await this.native.start());
      if (this._state === 'starting') {
        this.info = info;
        this._state = 'running';
        for (const [key, json] of this._local) this._set(key, json);
      }
    } catch (err) {
      // Closed by a stop meanwhile, it rejects as well.
      if (this._state !== 'stopped') {
        this._finish();
        throw explained(err);
      }
    }
    if (this._state !== 'running') {
      this.native.close();
      throw new GossipError('gossip_state', 'stopped while it was starting');
    }
    this._startBeat();
    this._drain();
    return this.info;
  }

  /**
   * Stops at once. To the others that looks like a crash; see `leave`.
   *
   * @param {(err?: Error | null) => void} [cb]
   * @returns {any}
   */
  stop(cb) {
    return settle(
      this,
      Promise.resolve(this._ending).then(() => this._finish()),
      cb,
    );
  }

  /**
   * Says goodbye to the others, then stops.
   *
   * @param {(err?: Error | null) => void} [cb]
   * @returns {any}
   */
  leave(cb) {
    if (!this._ending) {
      this._ending = this._leave();
    }
    return settle(this, this._ending, cb);
  }

  async _leave() {
    try {
      if (this._state === 'running') await this.native.leave();
    } finally {
      this._finish();
    }
  }

  _finish() {
    if (this._beat) clearInterval(this._beat);
    this._beat = null;
    if (this._state !== 'stopped') this.native.close();
    this._state = 'stopped';
  }

  /** A ref'd timer: it keeps the process alive while the node runs. */
  _startBeat() {
    // The first one now: the core watches an event loop that it has heard of.
    this.native.beat(0);
    let expected = performance.now() + BEAT;
    this._beat = setInterval(() => {
      const now = performance.now();
      this.native.beat(Math.max(0, now - expected));
      expected = now + BEAT;
    }, BEAT);
  }

  /**
   * Replaces the seeds, while the node runs. Whoever is a member stays one.
   *
   * @param {string | string[]} seeds
   */
  setSeeds(seeds) {
    const list = gossiperSeeds(seeds);
    if (this._state !== 'running') {
      throw new GossipError('gossip_state', `seeds are set while it runs; it is ${this._state}`);
    }
    this.native.setSeeds(list);
  }

  /**
   * Sets a key of our own, and tells the others.
   *
   * @param {string} key
   * @param {any} value anything JSON can carry; undefined removes the key
   * @returns {boolean} false when more is changed than the cluster can carry: the others hear of it
   *   later, of the last value of each key; 'drain' says when they have been told of all
   */
  setLocalState(key, value) {
    if (typeof key !== 'string' || key === '' || Buffer.byteLength(key) > MAX_KEY) {
      const expected = `a key must be a string of 1 to ${MAX_KEY} bytes`;
      throw new GossipError('gossip_value', `${expected}, not ${show(key)}`, { key });
    }
    if (value === undefined) {
      this._local.delete(key);
      return this._state !== 'running' || this.native.remove(key);
    }
    const { json, wrong } = pack(value, 'it');
    if (wrong) throw unfit(key, `must be something that JSON can carry: ${wrong}`);
    const size = Buffer.byteLength(json);
    if (size > MAX_VALUE) {
      throw unfit(key, `must be of at most ${MAX_VALUE} bytes as JSON; it has ${size}`);
    }
    // The core knows the limits of all together: it goes first, so that what it refuses is not kept.
    const told = this._state !== 'running' || this._set(key, json);
    this._local.set(key, json);
    return told;
  }

  /**
   * @param {string} key
   * @param {string} json
   */
  _set(key, json) {
    try {
      return this.native.set(key, json);
    } catch (/** @type {any} */ err) {
      throw unfit(key, `is refused: ${err.message}`);
    }
  }

  /**
   * @param {string} key
   * @returns {any} undefined when there is no such key
   */
  getLocalState(key) {
    return parse(this._local.get(key));
  }

  /**
   * @param {string} peer
   * @returns {string[]}
   */
  peerKeys(peer) {
    if (this._isSelf(peer)) return [...this._local.keys()];
    return this._knows(peer) ? this.native.keys(peer) : [];
  }

  /**
   * @param {string} peer
   * @param {string} key
   * @returns {any} undefined when the peer has no such key
   */
  peerValue(peer, key) {
    if (this._isSelf(peer)) return this.getLocalState(key);
    if (!this._knows(peer) || typeof key !== 'string') return undefined;
    return parse(this.native.value(peer, key));
  }

  /** @returns {string[]} every known node, this one included */
  allPeers() {
    return this._names('all');
  }

  /** @returns {string[]} nodes that answer, this one included */
  livePeers() {
    return this._names('live');
  }

  /** @returns {string[]} nodes that failed or left */
  deadPeers() {
    return this._names('dead');
  }

  /** @returns {any[]} what is known of every node */
  members() {
    return this._state === 'running' ? JSON.parse(this.native.members()) : [];
  }

  /** @returns {any} counters, drops, version */
  status() {
    if (this._state !== 'running') return {};
    return { ...JSON.parse(this.native.status()), keys: JSON.parse(this.native.seals()) };
  }

  /**
   * Adds a key, has it seal (`use`), or removes it. It is named by itself or by its fingerprint.
   *
   * @param {'add' | 'use' | 'remove'} what
   * @param {string} key
   * @returns {{ fingerprint: string, current: boolean }[]}
   */
  changeKeys(what, key) {
    try {
      return JSON.parse(this.native.changeKeys(what, key));
    } catch (/** @type {any} */ err) {
      throw new GossipError('gossip_value', err.message.replace(/^seneca-gossip: /, ''));
    }
  }

  /** Our own name, `host:gossip_port`, once started. */
  get name() {
    return this.info ? this.info.name : null;
  }

  get running() {
    return this._state === 'running';
  }

  /** Hands out what has happened by now, before the core's wake signal comes round. */
  refresh() {
    this._drain();
  }

  /** @param {string} which */
  _names(which) {
    return this._state === 'running' ? this.native.names(which) : [];
  }

  /** @param {any} peer */
  _knows(peer) {
    return this._state === 'running' && typeof peer === 'string';
  }

  /** @param {string} peer */
  _isSelf(peer) {
    return this.info !== null && peer === this.info.name;
  }

  /**
   * Hands out what happened since the last time, in order. Called by the core's
   * wake signal, once per batch.
   */
  _drain() {
    if (this._state !== 'running') return;
    // One queue: a listener that asks for what has happened (`refresh`) gets what stood behind
    // its own event first.
    for (const event of JSON.parse(this.native.drain())) this._untold.add(event);
    for (const event of this._untold) {
      this._untold.delete(event);
      // A listener that throws must not swallow the events behind it.
      try {
        this._tell(event);
      } catch (err) {
        setImmediate(() => {
          throw err;
        });
      }
      if (this._state !== 'running') return;
    }
    this.emit('drained');
  }

  /** @param {any} event */
  _tell(event) {
    switch (event.type) {
      case 'update':
        this.emit('update', event.name, event.key, event.value ?? undefined);
        break;
      case 'join':
        this.emit('new_peer', event.name);
        break;
      case 'alive':
        this.emit('peer_alive', event.name);
        break;
      case 'suspect':
        this.emit('peer_suspect', event.name);
        break;
      case 'fail':
        this.emit('peer_failed', event.name);
        break;
      case 'leave':
        this.emit(event.status === 'left' ? 'peer_left' : 'peer_leaving', event.name);
        break;
      case 'forget':
        this.emit('peer_forgotten', event.name);
        break;
      case 'seed_failed':
        this.emit('seed_failed', event.addr, event.reason);
        break;
      case 'drained':
        this.emit('drain');
        break;
      case 'synced':
        this.emit('synced');
        break;
      case 'log':
        this.emit('log', event.level, event.text);
        break;
      default:
        // service, route, unroute, target, untarget
        this.emit(event.type, event);
    }
  }
}

/** Options that errors of the core are about. */
const ABOUT = {
  GOSSIP_PORT_IN_USE: 'port',
  GOSSIP_PORT_DENIED: 'port',
  GOSSIP_BAD_HOST: 'host',
  GOSSIP_BAD_ADVERTISE: 'advertise',
  GOSSIP_BAD_SEED: 'seeds',
};

/**
 * Says which option is to be changed.
 *
 * @param {any} err
 */
function explained(err) {
  const option = ABOUT[err?.code];
  if (!option) return err;
  return new GossipError(err.code, `${err.message}; option '${option}' sets it`, { option });
}

/**
 * The error of a value that is not taken.
 *
 * @param {string} key
 * @param {string} why
 */
function unfit(key, why) {
  return new GossipError('gossip_value', `the value of '${key}' ${why}`, { key });
}

/**
 * A result for a callback, or as a promise where there is none.
 *
 * @param {Gossiper} self
 * @param {Promise<any>} promise
 * @param {((err: any, result?: any) => void) | undefined} cb
 */
function settle(self, promise, cb) {
  if (typeof cb !== 'function') return promise;
  promise.then(
    (result) => setImmediate(cb, null, result),
    (err) => setImmediate(cb, err),
  );
  return self;
}

module.exports = { Gossiper };
