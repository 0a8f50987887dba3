'use strict';
// @ts-check

/** What a service may ask about keys: who owns one, may it be worked on here, what shard is it in. */

const { show } = require('./check');
const { canon, pins: readPins } = require('./patterns');
const { GossipError } = require('./refusal');
const { keyText } = require('./shard-key');

class Keys {
  /**
   * @param {any} root
   * @param {import('./shards').Core} core
   * @param {string[]} pins the sharded ones of this node
   */
  constructor(root, core, pins) {
    this.root = root;
    this.core = core;
    this.pins = pins;
  }

  /**
   * Who owns a key.
   *
   * @param {any} key
   * @param {any} [pin] one of any node; may be left out where this node has only one
   */
  owner(key, pin) {
    const text = this._pin(pin);
    return this.core.owner(text, textOf(key)) ?? none(text);
  }

  /**
   * Do messages of this key run here: new ones, or those that were begun before its shard was given up?
   *
   * @param {any} key
   * @param {any} [pin]
   */
  owns(key, pin) {
    return this.core.owns(this._pin(pin), textOf(key));
  }

  /**
   * The shard of a key, as `on:shards` names it.
   *
   * @param {any} key
   * @param {any} [pin]
   */
  shard(key, pin) {
    const text = this._pin(pin);
    const shard = this.core.shardOf(text, textOf(key));
    return shard < 0 ? none(text) : shard;
  }

  /**
   * The canonical text of a pin.
   *
   * @param {any} pin
   */
  _pin(pin) {
    const { pins, root } = this;
    // As most ask, and often.
    if (typeof pin === 'string' && pins.includes(pin)) return pin;
    if (pin !== undefined && pin !== null) return canon(asPin(pin, root.util.Jsonic));
    if (pins.length === 1) return pins[0];
    const known = pins.length === 0 ? 'serves no sharded pin' : `serves ${pins.join(' and ')}`;
    throw new GossipError('gossip_value', `name the pin: this node ${known}`);
  }
}

/**
 * @param {any} pin
 * @param {(text: string) => any} jsonic
 */
function asPin(pin, jsonic) {
  try {
    const [found] = readPins(pin, jsonic);
    if (found && Object.keys(found).length > 0) return found;
  } catch {
    // Told below.
  }
  throw new GossipError(
    'gossip_value',
    `a pin is a pattern such as 'role:user' or an object, not ${show(pin)}`,
  );
}

/** @param {any} key */
function textOf(key) {
  const text = keyText(key);
  if (text !== undefined) return text;
  const given = typeof key === 'number' ? String(key) : show(key);
  throw new GossipError('gossip_value', `a key is a string, number or boolean, not ${given}`);
}

/**
 * @param {string} pin
 * @returns {never}
 */
function none(pin) {
  const hint = 'is it the pin of a sharded entry of `listen`, as a whole?';
  throw new GossipError('gossip_pin', `no node shares out '${pin}' by key: ${hint}`, { pin });
}

module.exports = { Keys };
