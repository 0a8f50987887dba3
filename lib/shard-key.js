'use strict';
// @ts-check

/**
 * What a pin says of its sharding (`shard` in `listen`), and the key of a message by it.
 *
 * A key is a text: a string as it is, a number or boolean as JavaScript writes it. So 7 and '7' are one key, in every
 * language (docs/sharding.md has the hash that makes a shard of it).
 */

const { flag, integer, isObject, onlyKnown, refuse } = require('./check');

const NAMES = ['key', 'shards', 'replicas', 'optional', 'handover'];
/** Parts of a path at most. */
const MAX_DEPTH = 8;

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
  const fine = parts.length > 0 && parts.length <= MAX_DEPTH;
  if (!fine || parts.some((part) => part === '' || part.includes('$'))) {
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

module.exports = { keyOf, keyText, shardOption };
