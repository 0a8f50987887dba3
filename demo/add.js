'use strict';

// A service that answers role:api,cmd:add. Arguments: its name, its port, the gossip address of
// one neighbour.

const Seneca = require('seneca');

const gossip = require('..');
const { report } = require('./child');

const [name, port, seed] = process.argv.slice(2);

/** How long an answer takes, ms: so that there are calls in flight when it is killed. */
const WORK = 20;

const seneca = Seneca({ tag: name, log: 'warn' });

seneca.add('role:api,cmd:add', (msg, reply) => {
  setTimeout(() => reply({ answer: msg.left + msg.right, by: name }), WORK);
});
seneca.use(gossip, {
  port: Number(port),
  seeds: [seed],
  // Adding twice does no harm: a call that was lost with its node may be made again.
  listen: { pin: 'role:api', retry: 1 },
});

report(seneca);
