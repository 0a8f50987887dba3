'use strict';

// The node behind one Seneca instance: its ports, its routes, its life.

const { admission } = require('./allow');
const { createCaller } = require('./call');
const { closeOnSignals } = require('./close');
const { strangeVariables } = require('./environment');
const { sendEvents } = require('./events');
const { HandOver } = require('./hand-over');
const { Keys } = require('./keys');
const { canon, isReserved, matches } = require('./patterns');
const { Publisher } = require('./publish');
const { GossipError } = require('./refusal');
const { createRouter, createShardCore } = require('./router');
const { isOurs, Routes } = require('./routes');
const { callPortError, listenByHook, open } = require('./service');
const { Seeds } = require('./seeds');
const { Shards } = require('./shards');
const { createForeign } = require('./targets');
const { createClients } = require('./tcp/client');
const { createListener } = require('./tcp/listener');
const { member } = require('./messages');
const { idle, within } = require('./wait');

/** @typedef {InstanceType<typeof import('./gossiper').Gossiper>} Gossiper */

/** How long a start waits for a function in `seeds` and for SRV records, ms. */
const SEEDS_PATIENCE = 5000;
/** How long Seneca's own close may take after calls were given up, ms. */
const CLOSE_PATIENCE = 1000;
/** What may be used of the time that Seneca gives to the init of a plugin. */
const INIT_SHARE = 0.4;

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
    /** Calls that `drain` was too short for. */
    this.unfinished = 0;
    /** Resolves when there is no more reason to wait for the first sync. */
    this.giveUp = () => {};
    this.log = (
      /** @type {string} */ level,
      /** @type {string} */ text,
      /** @type {any} */ more = {},
    ) => root.log[level]?.({ kind: 'gossip', notice: text, ...more });

    const router = createRouter(() => this.gossiper);
    this.seeds = new Seeds({
      given: options.seeds,
      calm: options.gossip.timings.resolve,
      log: this.log,
    });
    this.synced = false;
    this.caller = createCaller({
      seneca: root,
      router,
      tcp: createClients({ seneca: root, moved: router.ask, tls: options.tls?.client }),
      tls: options.tls,
      foreign: createForeign(root),
      log: this.log,
    });
    /** @type {Map<number, string>} Seneca's ids of the instances behind targets */
    this.instances = new Map();
    const core = createShardCore(() => this.gossiper);
    this.shards = new Shards({ core, caller: this.caller });
    this.handOver = new HandOver(root, options.listen, options.weight, this.log);
    this.keys = new Keys(root, core, [...this.handOver.pins.keys()]);
    this.routes = new Routes({
      root,
      caller: this.caller,
      shards: this.shards,
      override: options.override,
      instances: (route) => this._instances(route),
    });
    this.publisher = new Publisher({
      root,
      entries: options.listen,
      isOurs,
      publish: (offers) => {
        this.offers = offers;
        for (const [pattern, offer] of offers) if (offer.shard) this.routes.own(pattern, offer);
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
    /** @type {Promise<void>} */
    const synced = new Promise((resolve) => {
      this.giveUp = () => resolve();
    });
    // Closed before, or meanwhile: a node that starts now would never be closed.
    if (this.ending) return;
    for (const { name, near } of strangeVariables(process.env)) {
      this.log('warn', `the environment variable ${name} means nothing; ${near}`);
    }
    for (const pin of options.need) this.routes.need(canon(pin), pin);
    const seeds = await this.seeds.first(this._atMost(SEEDS_PATIENCE), synced);
    if (this.ending) return;
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
    if (options.signals) this.forgetSignals = closeOnSignals(() => this._closeSoon());

    this.seeds.follow({ joined: () => this.synced, tell: (list) => gossiper.setSeeds(list) });
    const hoped = options.discover !== null || this.seeds.hopes(gossiper.name);
    if (hoped && !this.ending) await within(synced, this._atMost(options.jointime));
    // Not before: who does not know the others yet would take itself for the owner of everything.
    if (!this.ending) this.handOver.begin(gossiper);
  }

  /**
   * For a signal, after which somebody waits for the process to end. Seneca's own close waits for
   * actions that run, 22 s by default: not when `drain` is over and they have been given up.
   */
  async _closeSoon() {
    await this.shutdown();
    const closed = this.root.close();
    await (this.unfinished > 0 ? within(closed, CLOSE_PATIENCE) : closed);
  }

  /** @param {number} route */
  _instances(route) {
    return this.caller.router.targets(route).map((id) => this.instances.get(id) ?? '');
  }

  /**
   * Init has a deadline of its own, which ends the process.
   *
   * @param {number} ms
   */
  _atMost(ms) {
    return Math.min(ms, Math.floor(this.root.options().timeout * INIT_SHARE));
  }

  /** @param {any} instance */
  async _listen(instance) {
    const { options } = this;
    if (options.type !== 'tcp') {
      if (options.allow.length > 0) {
        const text = `option 'allow' guards the gossip port only: '${options.type}' opens the call port`;
        this.log('warn', text);
      }
      return listenByHook(instance, options);
    }
    const listener = createListener({
      seneca: this.root,
      host: options.host,
      port: options.port,
      tls: options.tls,
      admits: admission(options.allow),
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
    // What members say is theirs to choose: should it break something here, that is told, and
    // costs no more than what was said.
    const on = (/** @type {string} */ name, /** @type {(...args: any[]) => void} */ listener) =>
      gossiper.on(name, (...args) => {
        try {
          listener(...args);
        } catch (/** @type {any} */ err) {
          this.log('error', `what a member says cannot be followed: ${err.message}`, { err, args });
        }
      });
    on('target', (event) => {
      this.instances.set(event.id, event.instance);
      caller.addTarget(event);
    });
    /** @type {any[]} routes that lost their last target, which is told next */
    let bereft = [];
    on('untarget', (event) => {
      this.instances.delete(event.id);
      for (const route of bereft.splice(0)) {
        routes.down(route, `the last one, ${event.name}, is ${event.reason}`);
      }
      caller.dropTarget(event);
    });
    on('peer_suspect', (name) => caller.suspected(name));
    on('peer_failed', (name) => caller.failed(name));
    on('route', (event) => routes.up(event));
    on('unroute', (event) => {
      routes.down(event);
      bereft.push(event);
    });
    on('synced', () => {
      this.synced = true;
      this.giveUp();
    });
    on('shards', (event) => this.handOver.moved(event));
    /** Has a shard moved since the last batch? */
    let moved = false;
    on('shards_free', () => {
      moved = true;
    });

    /** @type {Map<string, any> | null} members, asked for once per batch of events */
    let known = null;
    sendEvents(this.root, gossiper, (name) => {
      known ??= new Map(gossiper.members().map((raw) => [raw.name, member(raw)]));
      return known.get(name);
    });
    on('drained', () => {
      known = null;
      bereft = [];
      routes.settle();
      if (moved) {
        moved = false;
        this.shards.look();
      }
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
    if (!this.gossiper?.running) return true;
    const { info } = this.gossiper;
    const { options, call } = this;
    const service = call && {
      host: info.host,
      port: options.advertise.port ?? call.port,
      type: options.tls && !options.tls.plain ? 'tls' : options.type,
      instance: this.root.id,
      weight: options.weight,
      pins: options.pins.map(canon),
    };
    const all = { service, meta: this.meta, offers: this.offers };
    return this.gossiper.native.publish(JSON.stringify(all));
  }

  /**
   * @param {any} meta
   * @returns {boolean} false when the others hear of it later (flow control)
   */
  setMeta(meta) {
    const before = this.meta;
    this.meta = meta;
    try {
      return this._publish();
    } catch (/** @type {any} */ err) {
      this.meta = before;
      throw new GossipError('gossip_option', `'meta' cannot be published: ${err.message}`);
    }
  }

  /** Counters of calls, both ways. */
  calls() {
    const { counters, held } = this.shards;
    return {
      out: this.caller.stats(),
      in: this.call?.stats() ?? null,
      shards: { ...counters, waiting: held.size },
    };
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
    this.seeds.stop();
    await this.starting?.catch(() => {});
    this.publisher.stop();
    const { gossiper, call, caller } = this;
    const until = Date.now() + this.options.drain;
    try {
      if (gossiper?.running) gossiper.native.leaving();
      call?.goodbye();
      this.handOver.release();
      // What waits for a shard that will not come any more goes to its new owner.
      this.shards.look();
      const left = (await call?.drain(this.options.drain)) ?? 0;
      this.unfinished = left;
      if (left > 0) this.log('warn', `closing with ${left} calls unfinished after drain`);
      await idle(() => caller.inflight > 0, until);
      await this.handOver.end(until);
      await gossiper?.leave();
    } catch (/** @type {any} */ err) {
      this.log('warn', `leaving failed: ${err.message}`);
    }
    this.routes.close();
    this.shards.close();
    await Promise.allSettled([caller.close(), call?.close(), gossiper?.stop()]);
    this.forgetSignals?.();
  }
}

module.exports = { Node };
