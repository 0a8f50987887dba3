'use strict';

// Where to join, when that is not fixed: a function of the user, or an SRV record. Both are asked
// again and again, every second until the node has joined and every `gossip.resolve` ms afterwards.
// (Names of hosts are looked up by the core, as often.)

const dns = require('node:dns').promises;

const { isService, seedList } = require('./check');
const { within } = require('./wait');

/** Pause between two questions before the node has joined, ms. */
const EAGER = 1000;
/** How long a question may take that the start does not wait for, ms. */
const PATIENCE = 10_000;
/** Records of one SRV name that are used. */
const MAX_RECORDS = 64;

/**
 * @param {string} name
 * @returns {Promise<string[]>}
 */
async function lookUp(name) {
  const records = await dns.resolveSrv(name);
  // Port 0 and the name '.' say that there is no such service.
  const usable = records.filter((record) => record.port > 0 && record.name !== '');
  usable.sort((a, b) => a.priority - b.priority || b.weight - a.weight);
  return usable.slice(0, MAX_RECORDS).map((record) => `${record.name}:${record.port}`);
}

class Seeds {
  /**
   * @param {object} parts
   * @param {string[] | (() => any)} parts.given
   * @param {number} [parts.calm] ms between two questions once the node has joined
   * @param {(level: string, text: string) => void} parts.log
   */
  constructor({ given, calm = 30_000, log }) {
    this.given = given;
    this.calm = calm;
    this.log = log;
    /** Does nothing change by itself? */
    this.fixed = typeof given !== 'function' && !given.some(isService);
    /** @type {string[] | null} what the function said last */
    this.said = typeof given === 'function' ? null : given;
    /** @type {Map<string, string[]>} what was found last behind SRV names */
    this.found = new Map();
    /** @type {Map<string, string>} what failed last, and why: told once per reason */
    this.complaints = new Map();
    /** @type {NodeJS.Timeout | null} */
    this.timer = null;
    this.stopped = false;
  }

  /**
   * May somebody else be found? Not by a list that is empty, or has nobody but ourselves.
   *
   * @param {string} self
   */
  hopes(self) {
    if (this.said === null) return true;
    return this.said.some((seed) => seed !== self);
  }

  /** What is known now: what cannot be asked at the moment is as it was. */
  get list() {
    return (this.said ?? []).flatMap((seed) =>
      isService(seed) ? (this.found.get(seed) ?? []) : [seed],
    );
  }

  /**
   * The first answers. A function that fails, or does not answer, is no reason not to start.
   *
   * @param {number} patience ms
   * @param {Promise<void>} closed when nobody waits for it any more
   */
  async first(patience, closed) {
    if (!this.fixed) await Promise.race([this.ask(patience), closed]);
    return this.list;
  }

  /**
   * Asks all that may have changed. Never rejects.
   *
   * @param {number} patience ms
   */
  async ask(patience) {
    const { given } = this;
    if (typeof given === 'function') {
      const said = await this._try('', patience, async () => seedList(await given(), 'seeds()'));
      if (said) this.said = said;
    }
    const names = (this.said ?? []).filter(isService);
    await Promise.all(
      names.map(async (name) => {
        const found = await this._try(name, patience, () => lookUp(name));
        if (found) this.found.set(name, found);
      }),
    );
    for (const name of this.found.keys()) if (!names.includes(name)) this.found.delete(name);
    return this.list;
  }

  /**
   * @param {string} name of an SRV record; '' for the function
   * @param {number} patience ms
   * @param {() => Promise<string[]>} run
   * @returns {Promise<string[] | undefined>} undefined when it failed, which is told
   */
  async _try(name, patience, run) {
    try {
      const found = await within(run(), patience);
      if (!found) throw new Error(`no answer within ${patience} ms`);
      this.complaints.delete(name);
      return found;
    } catch (/** @type {any} */ err) {
      this._complain(name, err?.message ?? String(err));
    }
  }

  /**
   * @param {string} name
   * @param {string} reason
   */
  _complain(name, reason) {
    if (this.stopped || this.complaints.get(name) === reason) return;
    this.complaints.set(name, reason);
    if (name) this.log('warn', `seed '${name}' cannot be resolved: ${reason}`);
    else this.log('warn', `the function in option 'seeds' failed: ${reason}`);
  }

  /**
   * Goes on asking, one question at a time, until `stop`.
   *
   * @param {object} node
   * @param {() => boolean} node.joined
   * @param {(list: string[]) => void} node.tell called with a list that differs from the last one
   */
  follow({ joined, tell }) {
    if (this.fixed || this.stopped) return;
    let told = JSON.stringify(this.list);
    const next = () => {
      if (this.stopped) return;
      this.timer = setTimeout(look, joined() ? this.calm : EAGER);
      this.timer.unref();
    };
    const look = async () => {
      const list = await this.ask(PATIENCE);
      if (this.stopped) return;
      const now = JSON.stringify(list);
      try {
        if (now !== told) tell(list);
        told = now;
      } catch (/** @type {any} */ err) {
        this._complain('', err.message);
      }
      next();
    };
    next();
  }

  stop() {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
  }
}

module.exports = { Seeds };
