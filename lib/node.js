'use strict';

// The node behind one Seneca instance: its ports, its routes, its life.

const { createCaller } = require('./call');
const { seedList } = require('./check');
const { closeOnSignals } = require('./close');
const { sendEvents } = require('./events');
const { canon, isReserved, matches } = require('./patterns');
const { Publisher } = require('./publish');
const { GossipError } = require('./refusal');
const { isOurs, Routes } = require('./routes');
const { callPortError, listenByHook, open } = require('./service');
const { createForeign } = require('./targets');
const { createClients } = require('./tcp/client');
const { createListener } = require('./tcp/listener');
const { member } = require('./messages');

/** @typedef {InstanceType<typeof import('./gossiper').Gossiper>} Gossiper */

class Node {
  /**
   * @param {any} root
   * @param {import('./options').Options} options
   */
  constructor(root, options) {
    this.root = root;
    this.options = options;
    this.meta = options.meta;
    /** @type {Gossiper | null} */
    this.gossiper = null;
    /** @type {import('./service').CallPort | null} */
    this.call = null;
    /** @type {[string, any][]} */
    this.offers = [];
    /** @type {Promise<void> | null} */
    this.ending = null;
    /** @type {Promise<void> | null} */
    this.starting = null;
    /** Resolves when there is no more reason to wait for the first sync. */
    this.giveUp = () => {};
    this.log = (
      /** @type {string} */ level,
      /** @type {string} */ text,
      /** @type {any} */ more = {},
    ) => root.log[level]?.({ kind: 'gossip', notice: text, ...more });

    this.caller = createCaller({
      seneca: root,
      router: {
        pick: (/** @type {number} */ route, /** @type {number[] | undefined} */ exclude) =>
          this.gossiper?.running ? this.gossiper.native.pick(route, exclude) : -1,
        done: (
          /** @type {number} */ route,
          /** @type {number} */ target,
          /** @type {number} */ latency,
          /** @type {number} */ outcome,
        ) => {
          if (this.gossiper?.running) this.gossiper.native.done(route, target, latency, outcome);
        },
        targets: (/** @type {number} */ route) =>
          this.gossiper?.running ? this.gossiper.native.targets(route) : [],
        refresh: () => this.gossiper?.refresh(),
      },
      tcp: createClients({ seneca: root }),
      foreign: createForeign(root),
      log: this.log,
    });
    /** @type {Map<number, string>} Seneca's ids of the instances behind targets */
    this.instances = new Map();
    this.routes = new Routes({
      root,
      caller: this.caller,
      override: options.override,
      instances: (route) => this._instances(route),
    });
    this.publisher = new Publisher({
      root,
      entries: options.listen,
      isOurs,
      publish: (offers) => {
        this.offers = offers;
        try {
          this._publish();
        } catch (/** @type {any} */ err) {
          this.log('error', `what this node answers cannot be published: ${err.message}`);
        }
      },
      added: (def) => this.routes.covered(def),
    });
  }

  /**
   * Joins the cluster; done when the routes of the first sync are laid, or when
   * `jointime` is over.
   *
   * @param {any} instance a delegate that may act during the plugin's init
   */
  start(instance) {
    this.starting = this._start(instance);
    return this.starting;
  }

  /** @param {any} instance */
  async _start(instance) {
    const { options } = this;
    for (const pin of options.need) this.routes.need(canon(pin), pin);
    const seeds = await this._seeds();
    const synced = new Promise((resolve) => {
      this.giveUp = () => resolve(undefined);
    });
    const { call, gossiper } = await open({
      options,
      seeds,
      listen: () => this._listen(instance),
      prepare: (made) => this._attend(made),
    });
    this.call = call;
    this.gossiper = gossiper;
    // Publishes what is answered by now, be it nothing: the service itself is told with it.
    this.publisher.start();
    this.log('info', `${gossiper.name} is up`, { name: gossiper.name, call: call?.port ?? null });
    if (options.signals) this.forgetSignals = closeOnSignals(() => this.root.close());

    const others = seeds.filter((seed) => seed !== gossiper.name);
    if (others.length > 0 && !this.ending) await this._within(synced, this._jointime());
  }

  /** @param {number} route */
  _instances(route) {
    if (!this.gossiper?.running) return [];
    const targets = this.gossiper.native.targets(route);
    return targets.map((/** @type {number} */ id) => this.instances.get(id) ?? '');
  }

  /** Where to join. A function that fails is no reason not to start. */
  async _seeds() {
    const { seeds } = this.options;
    if (typeof seeds !== 'function') return seeds;
    try {
      return seedList(await seeds(), 'seeds()');
    } catch (/** @type {any} */ err) {
      this.log('warn', `the function in option 'seeds' failed: ${err.message}`);
      return [];
    }
  }

  /** Init has a deadline of its own, which ends the process. */
  _jointime() {
    return Math.max(0, Math.min(this.options.jointime, this.root.options().timeout - 1000));
  }

  /**
   * @param {Promise<any>} promise
   * @param {number} ms
   */
  async _within(promise, ms) {
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([promise, late]);
    clearTimeout(timer);
  }

  /** @param {any} instance */
  async _listen(instance) {
    const { options } = this;
    if (options.type !== 'tcp') return listenByHook(instance, options);
    const listener = createListener({
      seneca: this.root,
      host: options.host,
      port: options.port,
      allows: (/** @type {any} */ msg, /** @type {any} */ def) => this._allows(msg, def),
      log: this.log,
    });
    try {
      const { host, port } = await listener.listen();
      return Object.assign(listener, { host, port });
    } catch (err) {
      throw callPortError(err, options);
    }
  }

  /**
   * May others have this message answered here? Our pins say what a node may be asked;
   * the action that would answer decides over what is Seneca's own.
   *
   * @param {any} msg
   * @param {any} def
   */
  _allows(msg, def) {
    const raw = def.raw ?? {};
    if (isReserved(msg) || isReserved(raw)) return false;
    return this.options.pins.some((pin) => matches(msg, pin) && (!raw.sys || pin.sys === raw.sys));
  }

  /** @param {Gossiper} gossiper */
  _attend(gossiper) {
    this.gossiper = gossiper;
    const { caller, routes } = this;
    gossiper.on('target', (event) => {
      this.instances.set(event.id, event.instance);
      caller.addTarget(event);
    });
    gossiper.on('untarget', (event) => {
      this.instances.delete(event.id);
      caller.dropTarget(event);
    });
    gossiper.on('route', (event) => routes.up(event));
    gossiper.on('unroute', (event) => routes.down(event));
    gossiper.on('synced', () => this.giveUp());

    /** @type {Map<string, any> | null} members, asked for once per batch of events */
    let known = null;
    sendEvents(this.root, gossiper, (name) => {
      known ??= new Map(gossiper.members().map((raw) => [raw.name, member(raw)]));
      return known.get(name);
    });
    gossiper.on('drained', () => {
      known = null;
      routes.settle();
      caller.wake();
    });

    /** @type {Map<string, string>} */
    const told = new Map();
    gossiper.on('seed_failed', (address, reason) => {
      // It goes on trying; said once per reason.
      if (told.get(address) === reason) return;
      told.set(address, reason);
      this.log('warn', `cannot join by seed ${address}: ${reason}; trying again`, {
        seed: address,
      });
    });
    gossiper.on('log', (level, text) => this.log(level, text));
  }

  _publish() {
    if (!this.gossiper?.running) return;
    const { info } = this.gossiper;
    const { options, call } = this;
    const service = call && {
      host: info.host,
      port: call.port,
      type: options.type,
      instance: this.root.id,
      weight: options.weight,
      pins: options.pins.map(canon),
    };
    this.gossiper.native.publish(JSON.stringify({ service, meta: this.meta, offers: this.offers }));
  }

  /** @param {any} meta */
  setMeta(meta) {
    const before = this.meta;
    this.meta = meta;
    try {
      this._publish();
    } catch (/** @type {any} */ err) {
      this.meta = before;
      throw new GossipError('gossip_option', `'meta' cannot be published: ${err.message}`);
    }
  }

  /** Counters of calls, both ways. */
  calls() {
    return { out: this.caller.stats(), in: this.call?.stats() ?? null };
  }

  /**
   * Leaves: the others stop sending, what is in flight is finished (up to `drain`
   * ms), then everything is closed. The same promise for whoever asks again.
   */
  shutdown() {
    this.ending ??= this._shutdown();
    return this.ending;
  }

  async _shutdown() {
    this.giveUp();
    await this.starting?.catch(() => {});
    this.publisher.stop();
    const { gossiper, call, caller } = this;
    const until = Date.now() + this.options.drain;
    try {
      if (gossiper?.running) gossiper.native.leaving();
      call?.goodbye();
      const left = await call?.drain(this.options.drain);
      if (left) this.log('warn', `closing with ${left} calls unfinished after drain`);
      while (caller.stats().inflight > 0 && Date.now() < until) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      await gossiper?.leave();
    } catch (/** @type {any} */ err) {
      this.log('warn', `leaving failed: ${err.message}`);
    }
    this.routes.close();
    await Promise.allSettled([caller.close(), call?.close(), gossiper?.stop()]);
    this.forgetSignals?.();
  }
}

module.exports = { Node };
