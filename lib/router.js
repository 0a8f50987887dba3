'use strict';
// @ts-check

const { core } = require('./native');

/**
 * The core's table of routes and targets, as the caller (`call.js`) uses it. A node that does not run has no targets.
 *
 * @param {() => InstanceType<typeof import('./gossiper').Gossiper> | null} gossiperNow
 * @returns {import('./call').Router}
 */
function createRouter(gossiperNow) {
  /** The handle of the node that runs, 0 if none does. */
  const running = () => {
    const gossiper = gossiperNow();
    return gossiper?.running ? gossiper.handle : 0;
  };
  return {
    pick: (route, exclude) =>
      exclude === undefined
        ? core.pick(running(), route)
        : core.pickOther(running(), route, exclude),
    begin: (route, target) => core.begin(running(), route, target),
    done: (route, target, latency, outcome) =>
      core.done(running(), route, target, latency, outcome),
    targets(route) {
      const gossiper = gossiperNow();
      return gossiper?.running ? gossiper.native.targets(route) : [];
    },
    refresh: () => gossiperNow()?.refresh(),
  };
}

module.exports = { createRouter };
