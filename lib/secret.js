'use strict';
// @ts-check

/** The keys that gossip is sealed with. They are given to the core and shown nowhere. */

const { inspect } = require('node:util');

const { GossipError } = require('./refusal');

/** Gossip that is not sealed, as an entry of the list: to introduce a key without downtime. */
const PLAIN = 'plain';
/** 32 bytes in base64. */
const KEY = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;
const MAX_KEYS = 8;
const EXPECTED = "32 bytes in base64, as 'npx seneca-gossip keygen' prints them";

/** Texts that neither JSON nor inspection shows. */
class Secret {
  #texts;

  /** @param {string[]} texts */
  constructor(texts) {
    this.#texts = texts;
  }

  /** For the core, and for nobody else. */
  reveal() {
    return [...this.#texts];
  }

  toJSON() {
    return '[secret]';
  }

  [inspect.custom]() {
    return '[secret]';
  }
}

/**
 * @param {any} given a key, or several: the first one seals; or a function that returns them
 * @param {string} option how it is called in errors
 * @returns {Secret}
 */
function keysOption(given, option) {
  // Checked before: the plugin gives it to its Gossiper.
  if (given instanceof Secret) return given;
  if (typeof given === 'function') return keysOption(given(), option);
  if (typeof given?.then === 'function') refuseKey(option, 'a key, not a promise of one');
  const list = Array.isArray(given) ? given : [given];
  if (list.length === 0 || list.length > MAX_KEYS) {
    refuseKey(option, `1 to ${MAX_KEYS} keys`);
  }
  list.forEach((text, at) => {
    if (text === PLAIN || (typeof text === 'string' && KEY.test(text.trim()))) return;
    refuseKey(Array.isArray(given) ? `${option}[${at}]` : option, EXPECTED);
  });
  return new Secret(list.map((text) => text.trim()));
}

/**
 * What was given is not shown.
 *
 * @param {string} option
 * @param {string} expected
 * @returns {never}
 */
function refuseKey(option, expected) {
  const details = { option, expected };
  throw new GossipError('gossip_option', `option '${option}' must be ${expected}`, details);
}

/**
 * Options of which neither logs nor those who ask for options see some: functions that return them are in their place.
 * Whether they are right is said where they are checked.
 *
 * @param {any} options
 * @param {string[]} names
 */
function hidden(options, names) {
  if (typeof options !== 'object' || options === null) return options;
  const shown = Object.entries(options).filter(([name, value]) => {
    return names.includes(name) && value !== undefined && typeof value !== 'function';
  });
  return { ...options, ...Object.fromEntries(shown.map(([name, value]) => [name, () => value])) };
}

/**
 * Hides the key of a message that changes keys, or was meant to: all of ours that have one but questions, where it is
 * another sort of key.
 *
 * @param {{ data: { msg: any } }} act
 */
function hideKey({ data: { msg } }) {
  if (msg.sys !== 'gossip' || typeof msg.key !== 'string' || 'get' in msg) return;
  msg.key = new Secret([msg.key]);
}

module.exports = { hidden, hideKey, keysOption, Secret };
