'use strict';

// The checks that options are made of. Each refuses what is wrong with an error that
// names the option and says what is expected.

const { GossipError } = require('./refusal');
const { suggest } = require('./suggest');

/**
 * @param {string} option its name, as the user would write it
 * @param {string} expected
 * @param {any[]} given what was given instead, to be shown
 * @returns {never}
 */
function refuse(option, expected, ...given) {
  const was = given.length > 0 ? `, not ${show(given[0])}` : '';
  throw new GossipError('gossip_option', `option '${option}' must be ${expected}${was}`, {
    option,
    expected,
  });
}

/** @param {any} value */
function show(value) {
  if (typeof value === 'function') return 'a function';
  let text;
  try {
    text = JSON.stringify(value);
  } catch {
    text = undefined;
  }
  if (text === undefined) text = String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** @param {any} value */
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * @param {any} value
 * @param {string} option
 * @param {number} low
 * @param {number} high
 * @param {string} [what]
 */
function integer(value, option, low, high, what = 'an integer') {
  if (!Number.isInteger(value) || value < low || value > high) {
    refuse(option, `${what} from ${low} to ${high}`, value);
  }
  return value;
}

/**
 * @param {any} value
 * @param {string} option
 * @param {string} what
 */
function text(value, option, what) {
  if (typeof value !== 'string' || value.trim() === '') refuse(option, what, value);
  return value;
}

/**
 * @param {any} value
 * @param {string} option
 */
function flag(value, option) {
  if (typeof value !== 'boolean') refuse(option, 'true or false', value);
  return value;
}

/**
 * @param {any} value
 * @param {string} option
 * @param {string[]} choices
 */
function choice(value, option, choices) {
  if (!choices.includes(value)) {
    refuse(option, `one of ${choices.map((name) => `'${name}'`).join(', ')}`, value);
  }
  return value;
}

/**
 * @param {Record<string, any>} given
 * @param {string[]} names
 * @param {string} prefix
 */
function onlyKnown(given, names, prefix) {
  for (const name of Object.keys(given)) {
    if (names.includes(name) || given[name] === undefined) continue;
    const near = suggest(name, names);
    throw new GossipError(
      'gossip_option',
      `unknown option '${prefix}${name}'${near ? ` (did you mean '${prefix}${near}'?)` : ''}; ` +
        `known are: ${names.map((known) => prefix + known).join(', ')}`,
      { option: prefix + name },
    );
  }
}

/** Names of SRV records begin like this, which no name of a host does without a port. */
const SERVICE_NAME = /^_[\w-]+\._(udp|tcp)(\.[\w-]+)+\.?$/i;

/**
 * Is it `_gossip._udp.example.org`, the names and ports behind which are those of gossip ports?
 *
 * @param {string} seed
 */
const isService = (seed) => seed.startsWith('_') && !seed.includes(':');

/**
 * One address of a seed.
 *
 * @param {any} seed
 * @param {string} option
 */
function seedAddress(seed, option) {
  const expected =
    "'host:gossip_port', such as '127.0.0.1:4445' or '[::1]:4445' (the gossip port of a node is its" +
    ' port + 1, unless it was told otherwise)';
  if (typeof seed !== 'string') refuse(option, expected, seed);
  const name = seed.trim();
  if (isService(name)) {
    if (SERVICE_NAME.test(name) && name.length < 256) return name;
    refuse(option, "an SRV name such as '_gossip._udp.example.org', or 'host:gossip_port'", seed);
  }
  const parts = /^(\[[0-9a-fA-F:.%\w]+\]|[^\s:[\]/]+):(\d{1,5})$/.exec(name);
  const port = parts ? Number(parts[2]) : 0;
  if (!parts || port < 1 || port > 65_535) refuse(option, expected, seed);
  return seed.trim();
}

/**
 * Addresses of seeds: an array, or one string with commas.
 *
 * @param {any} given
 * @param {string} [option]
 * @returns {string[]}
 */
function seedList(given, option = 'seeds') {
  if (given === null || given === undefined) return [];
  const list = typeof given === 'string' ? given.split(',').filter((one) => one.trim()) : given;
  if (!Array.isArray(list)) refuse(option, "an array of 'host:gossip_port'", given);
  return list.map((seed, at) => seedAddress(seed, `${option}[${at}]`));
}

module.exports = {
  choice,
  flag,
  integer,
  isObject,
  isService,
  onlyKnown,
  refuse,
  seedList,
  show,
  text,
};
