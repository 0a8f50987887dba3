'use strict';
// @ts-check

// Which action of an instance Seneca would run if the client actions of this plugin were others, or none.

const { clean } = require('./patterns');

/**
 * The most specific one for a message, as Seneca's router finds it, when each definition that the message
 * fits counts as another one, or not at all.
 *
 * @param {any} root the root instance of Seneca
 * @param {any} msg
 * @param {(def: any) => any} as what a definition counts as; null: not at all
 * @returns {any} an action definition, or null
 */
function choose(root, msg, as) {
  const router = root.util.Patrun({ gex: true });
  // Every action whose pattern the message fits.
  for (const def of root.private$.actrouter.find(msg, false, true)) {
    const counted = as(def);
    if (counted) router.add(clean(counted.raw ?? {}), counted);
  }
  return router.find(msg) ?? null;
}

/**
 * The local action at or below a definition, if there is one.
 *
 * @param {any} def an action definition of Seneca
 * @param {(def: any) => boolean} isOurs is it a client action of this plugin?
 * @returns {any} null when there is none
 */
function localBelow(def, isOurs) {
  while (def && isOurs(def)) def = def.priordef;
  return def && !def.client ? def : null;
}

/**
 * The local action for a message, if there is one.
 *
 * @param {any} root
 * @param {(def: any) => boolean} isOurs
 * @param {any} msg
 * @returns {any} null when there is none
 */
function localFor(root, isOurs, msg) {
  return choose(root, msg, (def) => localBelow(def, isOurs));
}

module.exports = { choose, localBelow, localFor };
