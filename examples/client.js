'use strict';

// Calls both services of server.js once a second. It knows one gossip address, and
// nothing of who answers what.

const Seneca = require('seneca');
const Gossip = new require('seneca-gossip');

const seneca = Seneca({ tag: 'client', log: 'warn' });

Gossip(seneca).start({
  port: 6666,
  type: 'tcp',
  host: '127.0.0.1',
  seeds: ['127.0.0.1:4445'],
});

/**
 * @param {string} sign
 * @param {string} cmd
 */
function ask(sign, cmd) {
  const msg = { role: 'api', cmd, left: 2, right: 3 };
  seneca.act(msg, (/** @type {any} */ err, /** @type {any} */ out) => {
    console.log(err ? `2 ${sign} 3: ${err.message}` : `2 ${sign} 3 = ${out.answer}`);
  });
}

seneca.ready(() => {
  const both = () => {
    ask('+', 'add');
    ask('*', 'mcl');
  };
  both();
  setInterval(both, 1000);
});
