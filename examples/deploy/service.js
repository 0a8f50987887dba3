'use strict';

// A service for containers: where it is and whom it knows comes from the environment.

const Seneca = require('seneca');

Seneca({ log: 'warn' })
  .add('role:api,cmd:add', (msg, reply) => reply({ answer: msg.left + msg.right, by: process.pid }))
  .use('seneca-gossip', { pin: 'role:api' })
  .ready(() => console.log('role:api,cmd:add is answered'));
