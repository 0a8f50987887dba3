'use strict';
// @ts-check

/** The calling side of the Seneca tcp wire: the links of one instance, one per target. */

const { Link } = require('./link');
const { BEAT } = require('./pulse');

/**
 * @typedef {import('./link').Target} Target
 * @typedef {import('./link').Shared} Shared
 *
 * @typedef {object} ClientOptions
 * @property {any} seneca the root instance
 * @property {number} [maxLine] bytes, both ways; 16 MiB
 * @property {number} [connectTimeout] ms; 2000
 * @property {import('node:tls').ConnectionOptions} [tls]
 * @property {(target: number) => void} [moved] a target has passed a message on to the owner of its key
 */

/** @param {ClientOptions} options */
function createClients({
  seneca,
  maxLine = 16 * 1024 * 1024,
  connectTimeout = 2000,
  moved = () => {},
  tls,
}) {
  const origin = JSON.stringify(String(seneca.id));
  /** @type {Shared} */
  const shared = {
    seneca,
    maxLine,
    connectTimeout,
    moved,
    tls,
    links: new Map(),
    counters: {
      connects: 0,
      disconnects: 0,
      refused: 0,
      sent: 0,
      received: 0,
      unknown: 0,
      malformed: 0,
      tooLong: 0,
      goodbyes: 0,
    },
    origin,
    hello: `,"msg$":{"vin":1,"sid":${origin},"bye":1}`,
    // Does not step with the wall clock, so that the other side can tell how long a message was under way.
    epoch: performance.timeOrigin,
  };
  const beat = setInterval(() => {
    for (const link of [...shared.links.values()]) link.look();
  }, BEAT);
  beat.unref();
  return {
    maxLine,
    origin,

    /**
     * The link of a target. It connects with its first call.
     * @param {Target} target
     * @returns {InstanceType<typeof Link>}
     */
    open(target) {
      const link = new Link(shared, target);
      shared.links.set(target.id, link);
      return link;
    },

    /** Ends everything; what was in flight is told. */
    close() {
      clearInterval(beat);
      for (const link of [...shared.links.values()]) link.abandon('this node is closing');
    },

    /** Counters since the start, and what is in flight now. */
    stats() {
      let open = 0;
      let inflight = 0;
      let queued = 0;
      for (const link of shared.links.values()) {
        if (link.connected) open++;
        inflight += link.pending.size;
        queued += link.outbox.size;
      }
      return { ...shared.counters, open, inflight, queued };
    },
  };
}

module.exports = { createClients };
