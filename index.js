'use strict';

const { SETTABLE } = require('./lib/environment');
const errors = require('./lib/errors');
const { Gossiper } = require('./lib/gossiper');
const { legacy } = require('./lib/legacy');
const { DEFAULTS } = require('./lib/options');
const { define } = require('./lib/plugin');
const { hidden } = require('./lib/secret');

/**
 * The plugin: `seneca.use(require('seneca-gossip'), { port, seeds, pin })`. Called
 * with a Seneca instance it is the seed project's form: `Gossip(seneca).start({...})`.
 *
 * @this {any}
 * @param {any} options
 */
function gossip(options) {
  if (options?.isSeneca) return legacy(options, gossip);
  if (!this?.root?.isSeneca) {
    throw new Error(
      "seneca-gossip: use it as a plugin, seneca.use(require('seneca-gossip'), options), " +
        'or as Gossip(seneca).start(options)',
    );
  }
  return define(this, options);
}

/**
 * Defaults for Seneca, with the Gubu that it brings. The shape is open: unknown
 * options are refused by this plugin itself, with the name that was probably meant.
 * What the environment may set is left out: a default would look as if it was given.
 *
 * @param {{ valid: any }} seneca
 */
function defaults({ valid }) {
  const { Any, Before, Open } = valid;
  const values = Object.entries(DEFAULTS)
    .filter(([name]) => !SETTABLE.includes(name))
    .map(([name, value]) => [name, Any(value)]);
  // The first that Seneca does with options, its debug log included.
  const hiding = (/** @type {string[]} */ ...names) =>
    Before((/** @type {any} */ given, /** @type {any} */ update) => {
      update.val = hidden(given, names);
      return true;
    }, Any());
  const secrets = { gossip: hiding('key'), tls: hiding('key', 'passphrase') };
  const shape = valid(Open({ ...Object.fromEntries(values), ...secrets }));
  // Seneca 3 takes defaults for Joi's unless a property of them is Gubu's.
  shape.shape = shape;
  return shape;
}

module.exports = Object.assign(gossip, {
  defaults,
  /** Codes of errors of calls, with their texts. */
  errors: errors.messages,
  /** For tests. */
  intern: {
    options: require('./lib/options'),
    patterns: require('./lib/patterns'),
    publish: require('./lib/publish'),
    routes: require('./lib/routes'),
  },
});
// Written so, Node.js sees the name: `import { Gossiper } from 'seneca-gossip'`.
module.exports.Gossiper = Gossiper;
