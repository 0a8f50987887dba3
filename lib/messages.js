'use strict';

// What a service may ask of its node: `sys:gossip,...`.

const { metaTags } = require('./options');
const { GossipError } = require('./refusal');
const { hideKey, Secret } = require('./secret');

/** Fields of the service behind a member. */
const SERVICE = ['host', 'port', 'type', 'instance', 'weight', 'pins'];

/**
 * A member as `get:members` shows it. `host` and `port` are the service's where the
 * node has one, else its gossip address.
 *
 * @param {any} raw as the core tells it
 */
function member(raw) {
  const at = raw.name.lastIndexOf(':');
  const service = raw.port ? Object.fromEntries(SERVICE.map((key) => [key, raw[key]])) : null;
  const { addr, ...known } = raw;
  return {
    ...known,
    host: raw.host ?? raw.name.slice(0, at),
    port: raw.port ?? Number(raw.name.slice(at + 1)),
    pins: raw.pins ?? [],
    patterns: raw.patterns ?? [],
    services: service ? [service] : [],
    meta: raw.meta ?? {},
    gossip: addr ?? raw.name,
    self: raw.self === true,
  };
}

/**
 * @param {any} instance the plugin's
 * @param {object} node
 * @param {() => any} node.gossiper null before the start
 * @param {() => any} node.calls counters of calls
 * @param {(target: number) => { connection: string, why?: string }} node.connection
 * @param {import('./keys').Keys} node.keys
 * @param {(meta: any) => boolean} node.setMeta
 * @param {() => Promise<void>} node.leave
 */
function addMessages(instance, node) {
  /**
   * `key` is a key, or the fingerprint of one.
   *
   * @param {'add' | 'use' | 'remove'} what
   * @param {any} msg
   * @param {(out: any) => void} reply
   */
  const changeKeys = (what, msg, reply) => {
    const key = msg.key instanceof Secret ? msg.key.reveal()[0] : msg.key;
    if (typeof key !== 'string') {
      throw new GossipError('gossip_value', "'key' must be a key, or the fingerprint of one");
    }
    const gossiper = node.gossiper();
    if (!gossiper?.running) throw new GossipError('gossip_state', 'this node does not run');
    reply({ ok: true, keys: gossiper.changeKeys(what, key) });
  };
  const members = () => (node.gossiper()?.members() ?? []).map(member);

  // Before Seneca does anything with a message: what it makes of one without an action is logged as well.
  instance.root.order.inward.add({
    name: 'gossip_key',
    before: 'inward_msg_modify',
    exec: hideKey,
  });
  instance
    .add('sys:gossip,get:members', function get_members(_, reply) {
      reply({ ok: true, members: members() });
    })
    .add('sys:gossip,get:routes', function get_routes(_, reply) {
      const gossiper = node.gossiper();
      const known = gossiper?.running ? JSON.parse(gossiper.native.routes()) : [];
      const routes = known.map((/** @type {any} */ route) => ({
        pattern: route.pattern,
        model: route.offer.model,
        ...route,
        targets: route.targets.map((/** @type {any} */ target) => ({
          ...target,
          ...node.connection(target.id),
        })),
      }));
      reply({ ok: true, routes });
    })
    .add('sys:gossip,get:owner', function get_owner({ pin, key }, reply) {
      reply({ ok: true, ...node.keys.owner(key, pin) });
    })
    .add('sys:gossip,get:shards', function get_shards(_, reply) {
      const gossiper = node.gossiper();
      const pins = gossiper?.running ? JSON.parse(gossiper.native.shards()) : [];
      reply({ ok: true, pins });
    })
    .add('sys:gossip,get:status', function get_status(_, reply) {
      reply({ ok: true, ...(node.gossiper()?.status() ?? {}), calls: node.calls() });
    })
    .add('sys:gossip,add:key', function add_key(msg, reply) {
      changeKeys('add', msg, reply);
    })
    .add('sys:gossip,use:key', function use_key(msg, reply) {
      changeKeys('use', msg, reply);
    })
    .add('sys:gossip,remove:key', function remove_key(msg, reply) {
      changeKeys('remove', msg, reply);
    })
    .add('sys:gossip,set:meta', function set_meta(msg, reply) {
      reply({ ok: true, held: !node.setMeta(metaTags(msg.meta)) });
    })
    .add('sys:gossip,cmd:leave', function leave(_, reply) {
      node.leave().then(() => reply({ ok: true }), reply);
    });
}

module.exports = { addMessages, member };
