'use strict';

// A cluster of four processes, JavaScript and Rust: two copies of a service that answers
// role:api,cmd:who (and cmd:block), the Rust service with role:api,cmd:mcl, and a client.

const { service } = require('./processes');
const { freePort } = require('./ports');
const { startRust } = require('./rust');
const { until } = require('./until');

/** @typedef {import('./processes').Service | import('./rust').RustService} One */

const WHO = 'role:api,cmd:who';

class Mixed {
  /** @param {string} version of Seneca */
  constructor(version) {
    this.version = version;
    /** @type {Map<string, One>} the processes by gossip address */
    this.nodes = new Map();
    this.port = 0;
    this.second = 0;
  }

  get name() {
    return `127.0.0.1:${this.port + 1}`;
  }

  /** The gossip address that everybody is told. */
  get seed() {
    return `127.0.0.1:${this.second + 1}`;
  }

  /**
   * The first copy, or its next run on the same ports.
   *
   * @param {number} run told in its meta
   */
  async startFirst(run) {
    const made = await service({
      version: this.version,
      options: { port: this.port, pin: 'role:api', seeds: [this.seed], meta: { run } },
      add: [
        [WHO, 'who'],
        ['role:api,cmd:block', 'block'],
        [`role:api,run:${run}`, 'who'],
      ],
    });
    this.nodes.set(this.name, made);
    return made;
  }

  async start() {
    this.port = await freePort();
    this.second = await freePort();
    const { version } = this;
    const seeds = [this.seed];
    const second = service({
      version,
      options: { port: this.second, pin: 'role:api' },
      add: [[WHO, 'who']],
    });
    const rusty = startRust(['--port', '0', '--seeds', seeds[0], '--no-call']);
    const client = service({ version, options: { seeds } });
    [this.first, this.other, this.rust, this.client] = await Promise.all([
      this.startFirst(1),
      second,
      rusty,
      client,
    ]);
    this.nodes.set(this.seed, this.other);
    this.nodes.set(this.rust.name, this.rust);
    const { members } = await this.client.act('sys:gossip,get:members');
    const self = members.find((/** @type {any} */ member) => member.self);
    this.nodes.set(self.name, this.client);
    await this.complete();
    return this;
  }

  /** Everybody sees everybody, and the client has both copies. */
  async complete() {
    for (const name of this.nodes.keys()) await this.all(name, 'alive');
    await until(async () => (await this.targets(WHO)).length === 2, { what: 'two targets' });
  }

  /** Nodes but the one of that name. */
  others(/** @type {string} */ name) {
    return [...this.nodes].filter(([of]) => of !== name).map(([, node]) => node);
  }

  /**
   * The status that a member has for a node.
   *
   * @param {One} node
   * @param {string} name
   */
  async status(node, name) {
    if ('members' in node) return node.members.get(name);
    return (await node.member(name))?.status;
  }

  /**
   * Waits until all the others have a member in that status.
   *
   * @param {string} name
   * @param {string} status
   * @param {number} [within]
   */
  async all(name, status, within = 20_000) {
    for (const node of this.others(name)) {
      await until(async () => (await this.status(node, name)) === status, {
        within,
        what: `${name} ${status} for ${node.pid}`,
      });
    }
  }

  /**
   * Waits until all the others have heard of something about a member since then; gives how
   * long the last one took, ms.
   *
   * @param {string} name
   * @param {string} on
   * @param {number} since
   * @param {number} [within]
   */
  async heard(name, on, since, within = 20_000) {
    const times = this.others(name).map(async (node) => {
      const found = await until(() => node.events.find((event) => fits(event, name, on, since)), {
        within,
        what: `on:${on} of ${name} for ${node.pid}`,
      });
      return found.at - since;
    });
    return Math.max(...(await Promise.all(times)));
  }

  /**
   * What the others have heard of a member since then.
   *
   * @param {string} name
   * @param {string} on
   * @param {number} since
   */
  heardSoFar(name, on, since) {
    return this.others(name).flatMap((node) =>
      node.events.filter((event) => fits(event, name, on, since)),
    );
  }

  /**
   * Names of the client's targets for a pattern.
   *
   * @param {string} pattern
   * @param {One} [node]
   * @returns {Promise<string[]>}
   */
  async targets(pattern, node = this.client) {
    const { routes } = await node.act('sys:gossip,get:routes');
    const canonical = pattern.split(',').sort().join();
    const route = routes.find((/** @type {any} */ one) => one.pattern === canonical);
    return route?.targets.map((/** @type {any} */ target) => target.name) ?? [];
  }
}

/**
 * @param {any} event
 * @param {string} name
 * @param {string} on
 * @param {number} since
 */
const fits = (event, name, on, since) =>
  event.on === on && event.name === name && event.at >= since;

/** @param {string} [version] */
const mixed = (version = 'seneca') => new Mixed(version).start();

module.exports = { WHO, mixed };
