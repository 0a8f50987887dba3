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
  if (given instanceof Secret) return given;
  // Seneca writes the options of all plugins into its debug log; a function it does not call.
  if (typeof given === 'function') return keysOption(given(), option);
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
 * Hides a key in options that somebody else keeps, too.
 *
 * @param {any} options
 */
function hide(options) {
  const gossip = options?.gossip;
  if (gossip?.key === undefined || gossip.key instanceof Secret) return;
  try {
    gossip.key = keysOption(gossip.key, 'gossip.key');
  } catch {
    // Wrong, or frozen: said where it is checked.
  }
}

/**
 * Hides a text in whatever is logged: for keys in messages.
 *
 * @param {string} text
 */
function secret(text) {
  if (typeof text === 'string') return new Secret([text]);
  throw new GossipError('gossip_value', 'a secret must be a string');
}

module.exports = { hide, keysOption, Secret, secret };
