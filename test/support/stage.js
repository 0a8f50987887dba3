'use strict';

// The processes of `traffic.js` for this package.

const { service } = require('./processes');
const { freePort } = require('./ports');

const version = 'seneca';
const PIN = 'role:traffic';
const MSG = { role: 'traffic', cmd: 'who' };

function stage() {
  /** @type {number[]} gossip ports of all that was started */
  const gossip = [];
  let offer = {};

  /** @param {number} port */
  async function start(port) {
    const seeds = gossip.filter((one) => one !== port + 1).map((one) => `127.0.0.1:${one}`);
    if (!gossip.includes(port + 1)) gossip.push(port + 1);
    const listen = [{ pin: PIN, ...offer }];
    const started = await service({
      version,
      options: { port, listen, seeds },
      add: [[`${PIN},cmd:who`, 'who']],
    });
    return Object.assign(started, {
      gossip: `127.0.0.1:${port + 1}`,
      block: (/** @type {number} */ ms) => started.do('block', { ms }),
      memory: () => started.do('memory'),
      again: () => start(port),
    });
  }
  const add = async () => start(await freePort());

  return {
    add,

    /** @param {number} count @param {{ retry?: number }} given */
    async services(count, given) {
      offer = given;
      const started = [];
      for (let n = 0; n < count; n++) started.push(await add());
      return started;
    },

    /** @param {{ timeout?: number, need?: boolean }} [options] */
    async client({ timeout, need } = {}) {
      const port = await freePort();
      const seeds = gossip.map((one) => `127.0.0.1:${one}`);
      const needs = need ? { need: PIN } : {};
      const client = await service({ version, options: { port, seeds, ...needs } });
      gossip.push(port + 1);
      const msg = timeout ? { ...MSG, timeout$: timeout } : MSG;
      return {
        load: (/** @type {any} */ how) => client.do('load', { msg, ...how }),
        unload: () => client.do('unload'),
        spend: (/** @type {any} */ how) => client.do('spend', { msg, ...how }),
        memory: () => client.do('memory'),
        /**
         * How often the client has heard that a service is suspect or dead.
         *
         * @param {any} of
         * @param {number} since
         */
        doubts: async (of, since) =>
          client.events.filter(
            ({ on, name, at }) =>
              name === of.gossip && at >= since && (on === 'suspect' || on === 'fail'),
          ).length,
      };
    },
  };
}

module.exports = { stage };
