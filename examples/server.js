'use strict';

// Two services that share a pin and answer different messages. Run it, then
// client.js in another terminal. Both ways to load the plugin are shown.

const Seneca = require('seneca');
const Gossip = new require('seneca-gossip');

// As a plugin. The gossip port is the service's port + 1, here 4445.
Seneca({ tag: 'adder', log: 'warn' })
  .add('role:api,cmd:add', (msg, reply) => reply({ answer: msg.left + msg.right }))
  .use(Gossip, { port: 4444, pin: 'role:api' })
  .ready(() => console.log('role:api,cmd:add is answered on port 4444'));

// In the form of the seed project: `start` listens as well.
const multiplier = Seneca({ tag: 'multiplier', log: 'warn' });
multiplier.add('role:api,cmd:mcl', (msg, reply) => reply({ answer: msg.left * msg.right }));
Gossip(multiplier).start({
  port: 4454,
  type: 'tcp',
  host: '127.0.0.1',
  pin: 'role:api',
  seeds: ['127.0.0.1:4445'],
});
multiplier.ready(() => console.log('role:api,cmd:mcl is answered on port 4454'));
