'use strict';
// @ts-check

/**
 * Handing shards over: what this node owns, told to the core, and what moves, told to the service as
 * `sys:gossip,on:shards`. The service's answer says that the state of what was gained is loaded, or of what was lost
 * saved; the core waits for it, as long as `handover` allows.
 */

const { canon } = require('./patterns');
const { isHeard } = require('./events');

class HandOver {
  /**
   * @param {any} root
   * @param {{ pins: Record<string, string>[], shard: import('./shard-key').Sharding | null }[]} entries
   * @param {number} weight
   */
  constructor(root, entries, weight) {
    this.root = root;
    this.weight = weight;
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
    const list = [...this.pins].map(([pin, { shards, replicas, handover }]) => ({
      pin,
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
    const timeout = Math.max(1, this.pins.get(pin)?.handover ?? 1);
    // A handler that fails has been logged by Seneca; the shards move all the same.
    root.act({ ...msg, timeout$: timeout }, done);
  }

  /** From now on this node is no owner: its shards go to others. */
  release() {
    if (this.gossiper?.running) this.gossiper.native.unshare();
  }

  /** Is there something to give away, or to be told of it? */
  get busy() {
    return this.gossiper?.running === true && this.gossiper.native.sharing();
  }
}

module.exports = { HandOver };
