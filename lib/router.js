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
  const running = handleOf(gossiperNow);
  return {
    pick: (route, exclude) =>
      exclude === undefined
        ? core.pick(running(), route)
        : core.pickOther(running(), route, exclude),
    pickKey: (route, key) => core.pickKey(running(), route, key),
    begin: (route, target) => core.begin(running(), route, target),
    done: (route, target, latency, outcome) =>
      core.done(running(), route, target, latency, outcome),
    targets(route) {
      const gossiper = gossiperNow();
      return gossiper?.running ? gossiper.native.targets(route) : [];
    },
    refresh: () => gossiperNow()?.refresh(),
    ask: (target) => core.ask(running(), target),
  };
}

/**
 * The core's view of shards, as `shards.js` uses it.
 *
 * @param {() => InstanceType<typeof import('./gossiper').Gossiper> | null} gossiperNow
 * @returns {import('./shards').Core}
 */
function createShardCore(gossiperNow) {
  const running = handleOf(gossiperNow);
  return {
    enter: (pin, key) => core.shardEnter(running(), pin, key),
    exit: (ticket) => core.shardExit(running(), ticket),
    owns: (pin, key) => core.shardOwns(running(), pin, key),
    shardOf: (pin, key) => core.shardOf(running(), pin, key),
    owner(pin, key) {
      const gossiper = gossiperNow();
      return gossiper?.running ? JSON.parse(gossiper.native.owner(pin, key)) : null;
    },
  };
}

/**
 * The handle of the node that runs, 0 if none does.
 *
 * @param {() => InstanceType<typeof import('./gossiper').Gossiper> | null} gossiperNow
 */
function handleOf(gossiperNow) {
  return () => {
    const gossiper = gossiperNow();
    return gossiper?.running ? gossiper.handle : 0;
  };
}

module.exports = { createRouter, createShardCore };
