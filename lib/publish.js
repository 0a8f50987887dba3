'use strict';

// Which patterns this node really answers inside its pins.
//
// A pin says what a node may be asked; published is what it answers: of two nodes
// with the pin `role:api` one may have `cmd:add`, the other `cmd:mcl`, and calls
// must find the right one. Seneca has no list of that: `seneca.list(pin)` leaves
// out globs and general actions, and shows Seneca's own. So every action
// definition is looked at, those of the past once, those of the future as they
// are added.
//
// An action counts as ours when it is local: not a client of another process.
// Under a client action of this plugin may lie a local one (see `routes.js`):
// that is what we answer.

const { localBelow, localFor } = require('./actions');
const { canon, clean, isPlain, isReserved, isSafe, within } = require('./patterns');

class Publisher {
  /**
   * @param {object} parts
   * @param {any} parts.root the root instance of Seneca
   * @param {{ pins: Record<string, string>[], offer: Record<string, any>,
   *   shard: import('./shard-key').Sharding | null }[]} parts.entries
   * @param {(def: any) => boolean} parts.isOurs
   * @param {(offers: [string, Record<string, any>][]) => void} parts.publish gets all offers
   *   whenever they changed
   * @param {(def: any) => void} [parts.added] hears of every local action added later
   */
  constructor({ root, entries, isOurs, publish, added }) {
    this.root = root;
    this.isOurs = isOurs;
    this.publish = publish;
    this.added = added;
    // The most specific pin decides how a pattern is offered.
    this.pins = entries
      .flatMap(({ pins, offer, shard }) =>
        pins.map((pin) => ({
          pin,
          offer: shard ? { ...offer, shard: sharded(pin, shard) } : offer,
        })),
      )
      .sort((a, b) => moreSpecific(a.pin, b.pin));
    /** @type {Map<string, { pattern: Record<string, string>, offer: any, def: any }>} */
    this.inside = new Map();
    this.active = false;
    this.scheduled = false;
    this.last = '';
  }

  /** Looks at what there is, and from now on at what is added. */
  start() {
    this.active = true;
    for (const def of Object.values(this.root.private$.actdef)) this._consider(def);
    this.root.order.add.add({
      name: 'gossip_publish',
      after: 'register',
      exec: (/** @type {any} */ spec) => {
        if (this.active) this._added(spec.data.actdef);
      },
    });
    this._flush();
  }

  stop() {
    this.active = false;
  }

  /** What we answer now: [canonical pattern, offer], sorted. */
  offers() {
    /** @type {Map<string, Record<string, any>>} */
    const offers = new Map();
    for (const [name, { pattern, offer, def }] of this.inside) {
      if (localBelow(def, this.isOurs)) offers.set(name, described(pattern, offer));
    }
    for (const { pin, offer } of this.pins) {
      const name = canon(pin);
      // A general action (`role:api`, or one for everything) answers the pin, and so
      // does what is narrower; only the pin itself tells the others of it.
      if (!offers.has(name) && this._answersAll(pin)) offers.set(name, described(pin, offer));
    }
    return [...offers].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** @param {Record<string, string>} pin */
  _answersAll(pin) {
    const def = localFor(this.root, this.isOurs, pin);
    return def !== null && !isReserved(def.raw ?? {});
  }

  /** @param {any} def */
  _added(def) {
    this._consider(def);
    if (!this.scheduled) {
      this.scheduled = true;
      setImmediate(() => this._flush());
    }
    if (this.added && !def.client && !this.isOurs(def)) this.added(def);
  }

  /**
   * Definitions come in the order in which they were added: a later one of the
   * same pattern lies over the former.
   *
   * @param {any} def
   */
  _consider(def) {
    const pattern = clean(def.raw ?? {});
    if (!isSafe(pattern) || isReserved(pattern) || 'init' in pattern) return;
    const fit = this.pins.find(({ pin }) => within(pattern, pin));
    if (fit) this.inside.set(canon(pattern), { pattern, offer: fit.offer, def });
  }

  _flush() {
    this.scheduled = false;
    if (!this.active) return;
    const offers = this.offers();
    const text = JSON.stringify(offers);
    if (text === this.last) return;
    this.last = text;
    this.publish(offers);
  }
}

/**
 * The order of pins, the most specific first: more keys, then fewer globs.
 *
 * @param {Record<string, string>} a
 * @param {Record<string, string>} b
 */
function moreSpecific(a, b) {
  const globs = (/** @type {Record<string, string>} */ pin) =>
    Object.values(pin).filter((value) => /[*?]/.test(value)).length;
  return Object.keys(b).length - Object.keys(a).length || globs(a) - globs(b);
}

/**
 * What the callers of a sharded pin need to know.
 *
 * @param {Record<string, string>} pin
 * @param {import('./shard-key').Sharding} shard
 */
function sharded(pin, { key, optional }) {
  return { pin: canon(pin), key, optional };
}

/**
 * An offer with the pattern as an object, where its text cannot be read back.
 *
 * @param {Record<string, string>} pattern
 * @param {Record<string, any>} offer
 */
function described(pattern, offer) {
  return isPlain(pattern) ? offer : { ...offer, pattern };
}

module.exports = { Publisher };
