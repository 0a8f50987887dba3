'use strict';

// process.exit at a moment: arguments: what, ms (or the name of a moment).

const gossip = require('../..');

const [what, moment] = process.argv.slice(2);
const exit = () => process.exit(7);
const at = (/** @type {string} */ name) => {
  if (moment === name) exit();
};

if (/^\d/.test(moment)) {
  const after = Number(moment);
  if (after === 0) setImmediate(exit);
  else setTimeout(exit, after);
}

async function gossipers() {
  for (;;) {
    const one = new gossip.Gossiper({ port: 0 });
    at('made');
    const starting = one.start();
    at('starting');
    const { name } = await starting;
    const two = new gossip.Gossiper({ port: 0, seeds: [name] });
    two.on('new_peer', () => at('event'));
    two.on('synced', () => at('synced'));
    await two.start();
    for (let n = 0; n < 200; n++) {
      one.setLocalState('n', n);
      two.setLocalState('n', n);
      if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const leaving = two.leave();
    at('leaving');
    await leaving;
    at('left');
    const stopping = one.stop();
    at('stopping');
    await stopping;
  }
}

function senecas() {
  const seneca = require('seneca')({ log: 'silent' });
  seneca.add('role:api,cmd:who', (/** @type {any} */ _, /** @type {any} */ reply) => {
    at('answering');
    reply({ ok: true });
  });
  seneca.use(gossip, { pin: 'role:api' });
  at('used');
  seneca.ready(() => {
    at('ready');
    const seeds = [seneca.export('gossip/gossiper')().name];
    const client = require('seneca')({ log: 'silent' }).use(gossip, { seeds });
    client.ready(() => {
      // Not at once: calls that fail at once would leave Seneca no time for anything else.
      const call = () => client.act('role:api,cmd:who', () => setImmediate(call));
      call();
      at('calling');
      if (moment === 'closing') setTimeout(() => client.close() && exit(), 20);
      if (moment === 'closed') setTimeout(() => seneca.close(exit), 20);
    });
  });
}

if (what === 'gossiper') gossipers();
else senecas();
