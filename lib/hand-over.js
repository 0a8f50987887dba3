'use strict';
// @ts-check

/**
 * Handing shards over: what this node owns, told to the core, and what moves, told to the service as
 * `sys:gossip,on:shards`. The service's answer says that the state of what was gained is loaded, or of what was lost
 * saved; the core waits for it, as long as `handover` allows.
 */

const { canon } = require('./patterns');
const { isHeard } = require('./events');
const { idle } = require('./wait');

/** Pause before a handler that failed is called again, ms. */
const AGAIN = 500;
/** How long it may take until a handler hears what is released, ms. */
const TOLD = 250;
/** How long what was given away at the very end takes to be said, ms. */
const LAST_WORDS = 2000;

class HandOver {
  /**
   * @param {any} root
   * @param {{ pins: Record<string, string>[], shard: import('./shard-key').Sharding | null }[]} entries
   * @param {number} weight
   * @param {(level: string, text: string) => void} log
   */
  constructor(root, entries, weight, log) {
    this.root = root;
    this.weight = weight;
    this.log = log;
    /** How many handlers are at work. */
    this.telling = 0;
    /** @type {any} */
    this.gossiper = null;
    /** @type {Map<string, import('./shard-key').Sharding>} by pin */
    this.pins = new Map();
    for (const { pins, shard } of entries) {
      if (shard) for (const pin of pins) this.pins.set(canon(pin), shard);
    }
  }

  /**
   * From now on this node is an owner.
   *
   * @param {any} gossiper
   */
  begin(gossiper) {
    if (this.pins.size === 0) return;
    this.gossiper = gossiper;
    const { weight } = this;
    const list = [...this.pins].map(([pin, { key, shards, replicas, handover }]) => ({
      pin,
      key,
      shards,
      replicas,
      weight,
      handover,
    }));
    gossiper.native.share(JSON.stringify(list));
  }

  /**
   * @param {{ pin: string, gained: number[], lost: number[], epoch: string, ticket: number }} event
   */
  moved({ pin, gained, lost, epoch, ticket }) {
    const { gossiper, root } = this;
    const done = () => gossiper?.running && gossiper.native.shardsDone(pin, ticket);
    const msg = { sys: 'gossip', on: 'shards', pin, gained, lost, epoch };
    if (root.flags?.closed || !isHeard(root, msg)) {
      done();
      return;
    }
    this.telling++;
    this._tell(msg, Date.now() + (this.pins.get(pin)?.handover ?? 0), () => {
      this.telling--;
      done();
    });
  }

  /**
   * Tells the service, until it succeeds or time is up: calls on a state that was not loaded, or a state that was not
   * saved, are worse than a wait.
   *
   * @param {any} msg
   * @param {number} until by Date.now()
   * @param {() => void} done
   */
  _tell(msg, until, done) {
    const { root } = this;
    const left = Math.max(1, until - Date.now());
    root.act({ ...msg, timeout$: left }, (/** @type {any} */ err) => {
      if (!err) {
        done();
      } else if (Date.now() + AGAIN < until && !root.flags?.closed) {
        setTimeout(() => this._tell(msg, until, done), AGAIN);
      } else {
        const { pin, gained, lost } = msg;
        const what = `${gained.length} gained and ${lost.length} lost shards`;
        this.log(
          'error',
          `on:shards of '${pin}' did not succeed within 'shard.handover': ${what} move without it`,
        );
        done();
      }
    });
  }

  /** From now on this node is no owner: its shards go to others. */
  release() {
    if (this.gossiper?.running) this.gossiper.native.unshare();
  }

  /**
   * Waits until what was released is given away: until then at most, but for as long as the service still saves, which
   * `handover` bounds.
   *
   * @param {number} until by Date.now()
   */
  async end(until) {
    await idle(() => this._sharing(), Math.max(until, Date.now() + TOLD));
    if (this.telling === 0) return;
    await idle(() => this.telling > 0, Number.POSITIVE_INFINITY);
    await idle(() => this._sharing(), Date.now() + LAST_WORDS);
  }

  _sharing() {
    return this.gossiper?.running === true && this.gossiper.native.sharing();
  }
}

module.exports = { HandOver };
