'use strict';
// @ts-check

/**
 * What a pin says of its sharding (`shard` in `listen`), and the key of a message by it.
 *
 * A key is a text: a string as it is, a number or boolean as JavaScript writes it. So 7 and '7' are one key, in every
 * language (docs/sharding.md has the hash that makes a shard of it).
 */

const { flag, integer, isObject, onlyKnown, refuse } = require('./check');
const { canon } = require('./patterns');

const NAMES = ['key', 'shards', 'replicas', 'optional', 'handover'];
/** Parts of a path at most. */
const MAX_DEPTH = 8;
/** Bytes of a path at most: it is published. */
const MAX_PATH = 255;

/**
 * @typedef {object} Sharding
 * @property {string} key the name of the key, or a path such as `user.id`
 * @property {number} shards
 * @property {number} replicas
 * @property {boolean} optional is a message without the key balanced like any other?
 * @property {number} handover ms that a new owner waits for the old one, at most
 */

/**
 * @param {any} given a key, or an object
 * @param {string} option how it is called in errors
 * @returns {Sharding}
 */
function shardOption(given, option) {
  const all = typeof given === 'string' ? { key: given } : given;
  const expected = "the name of a key such as 'id', a path such as 'user.id', or { key, ... }";
  if (!isObject(all)) refuse(option, expected, given);
  onlyKnown(all, NAMES, `${option}.`);
  const parts = typeof all.key === 'string' ? all.key.split('.') : [];
  const fine =
    parts.length > 0 && parts.length <= MAX_DEPTH && Buffer.byteLength(all.key) <= MAX_PATH;
  if (!fine || parts.some((part) => part === '' || part.includes('$') || part === '__proto__')) {
    refuse(typeof given === 'string' ? option : `${option}.key`, expected, all.key);
  }
  return {
    key: all.key,
    shards: integer(all.shards ?? 16_384, `${option}.shards`, 1, 65_536),
    replicas: integer(all.replicas ?? 0, `${option}.replicas`, 0, 15),
    optional: flag(all.optional ?? false, `${option}.optional`),
    handover: integer(all.handover ?? 10_000, `${option}.handover`, 0, 600_000, 'milliseconds'),
  };
}

/**
 * Refuses what could not work: a key that has one value in all messages of the pin, or two divisions of one pin.
 *
 * @param {{ pins: Record<string, any>[], shard: Sharding | null }[]} entries of `listen`
 */
function checkSharded(entries) {
  /** @type {Map<string, string>} */
  const seen = new Map();
  for (const { pins, shard } of entries) {
    for (const pin of pins) {
      const name = canon(pin);
      const how = JSON.stringify(shard);
      const before = seen.get(name) ?? how;
      seen.set(name, how);
      if (before !== how) {
        refuse('listen', `without a second entry for '${name}' that shares it out otherwise`);
      }
      const [part] = shard?.key.split('.') ?? [];
      if (part !== undefined && Object.hasOwn(pin, part) && !/[*?]/.test(String(pin[part]))) {
        const expected = `a key whose value differs: all messages of '${name}' have one '${part}'`;
        refuse('shard.key', expected);
      }
    }
  }
}

/**
 * @param {any} value
 * @returns {string | undefined} undefined for what is no key: null, objects, what is not finite
 */
function keyText(value) {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || Number.isFinite(value)) return String(value);
  return undefined;
}

/**
 * The key of a message.
 *
 * @param {any} msg
 * @param {string[]} path
 */
function keyOf(msg, path) {
  let value = msg;
  for (const part of path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, part))
      return undefined;
    value = value[part];
  }
  return keyText(value);
}

module.exports = { checkSharded, keyOf, keyText, shardOption };
