'use strict';

// The plugin's definition: what `seneca.use` runs.

const { addCloseAction, wrapClose } = require('./close');
const { addDefaults } = require('./events');
const { addMessages } = require('./messages');
const { Node } = require('./node');
const { resolve } = require('./options');
const { GossipError } = require('./refusal');

/** Instances that have a node. */
const used = new WeakSet();

/**
 * To whoever sits in front of it: Seneca tells an error that ends the process as a line of JSON,
 * and lives on for some seconds.
 *
 * @param {any} err
 */
function tell(err) {
  if (process.stderr.isTTY) process.stderr.write(`\n${err.message}\n\n`);
}

/**
 * @template T
 * @param {() => T} run
 * @returns {T}
 */
function orTell(run) {
  try {
    return run();
  } catch (err) {
    tell(err);
    throw err;
  }
}

/**
 * @param {any} instance the plugin's delegate
 * @param {any} given options, as the user wrote them
 */
function define(instance, given) {
  const { root } = instance;
  if (used.has(root)) {
    throw new GossipError('gossip_twice', 'the plugin is already in use by this instance');
  }
  const options = orTell(() => resolve(given, { jsonic: root.util.Jsonic }));
  used.add(root);
  const node = new Node(root, options);
  const shutdown = () => node.shutdown();

  addDefaults(instance);
  addMessages(instance, {
    gossiper: () => node.gossiper,
    calls: () => node.calls(),
    connection: (target) => node.caller.connection(target),
    keys: node.keys,
    setMeta: (meta) => node.setMeta(meta),
    leave: shutdown,
  });
  addCloseAction(instance, shutdown);
  wrapClose(root, shutdown);

  instance.init(function join(/** @type {any} */ reply) {
    node.start(this).then(
      () => reply(),
      (err) => {
        tell(err);
        reply(err);
      },
    );
  });

  return {
    name: 'gossip',
    exports: {
      gossiper: () => node.gossiper,
      owns: (/** @type {any} */ key, /** @type {any} */ pin) => node.keys.owns(key, pin),
      shard: (/** @type {any} */ key, /** @type {any} */ pin) => node.keys.shard(key, pin),
    },
  };
}

module.exports = { define };
