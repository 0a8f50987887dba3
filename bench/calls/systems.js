'use strict';

// What is compared: each with a side that answers and a side that calls, in processes of their own.
// `serve` opens the service and resolves to what the caller has to know; `connect` resolves to a
// function that makes one call.

const made = require('../systems');

const TIMEOUT = 60_000;

/** What every service answers: a sum, and what it was given besides. */
const answer = (/** @type {any} */ msg) => ({ sum: msg.left + msg.right, pad: msg.pad });

const seneca = () => made.seneca(TIMEOUT);

/** @param {any} instance */
function withAction(instance) {
  return instance.add('role:bench,cmd:sum', (/** @type {any} */ msg, /** @type {any} */ reply) =>
    reply(answer(msg)),
  );
}

/** @param {any} instance */
const ready = (instance) => new Promise((resolve) => instance.ready(() => resolve(instance)));

/** @param {any} instance */
function act(instance) {
  return (/** @type {any} */ msg) =>
    new Promise((resolve, reject) =>
      instance.act({ role: 'bench', cmd: 'sum', ...msg }, (/** @type {any} */ err, out) =>
        err ? reject(err) : resolve(out),
      ),
    );
}

/** @param {string} type */
function stock(type) {
  return {
    /** @param {{ port: number }} at */
    async serve({ port }) {
      const instance = withAction(seneca());
      instance.listen({ type, host: '127.0.0.1', port, pin: 'role:bench' });
      await ready(instance);
      return { port };
    },
    /** @param {{ port: number }} at */
    async connect({ port }) {
      const instance = seneca();
      instance.client({ type, host: '127.0.0.1', port, pin: 'role:bench' });
      await ready(instance);
      return act(instance);
    },
  };
}

/** The product. Calls go over its own client and listener, found by gossip. */
const gossip = {
  /** @param {{ port: number }} at */
  async serve({ port }) {
    const instance = withAction(seneca());
    instance.use(require('../..'), { port, pin: 'role:bench' });
    await ready(instance);
    return { port };
  },
  /** @param {{ port: number }} at */
  async connect({ port }) {
    const instance = seneca();
    instance.use(require('../..'), { seeds: [`127.0.0.1:${port + 1}`] });
    await ready(instance);
    return act(instance);
  },
};

/** The ceiling: Seneca's act within one process. There is nobody on the other side. */
const local = {
  async serve() {
    return {};
  },
  async connect() {
    return act(await ready(withAction(seneca())));
  },
};

/** Another framework, with its own TCP transporter. */
const moleculer = {
  /** @param {{ port: number }} at */
  async serve({ port }) {
    const urls = [`127.0.0.1:${port}/server`];
    const broker = made.moleculer('server', { port, urls }, { requestTimeout: TIMEOUT });
    broker.createService({
      name: 'bench',
      actions: { sum: (/** @type {any} */ ctx) => answer(ctx.params) },
    });
    await broker.start();
    return { port };
  },
  /** @param {{ port: number }} at */
  async connect({ port }) {
    const urls = [`127.0.0.1:${port}/server`, `127.0.0.1:${port + 1}/client`];
    const at = { port: port + 1, urls };
    const broker = made.moleculer('client', at, { requestTimeout: TIMEOUT });
    await broker.start();
    await broker.waitForServices('bench', 30_000);
    return (/** @type {any} */ msg) => broker.call('bench.sum', msg);
  },
};

module.exports = {
  local,
  gossip,
  'stock tcp': stock('tcp'),
  'stock web': stock('web'),
  moleculer,
};
