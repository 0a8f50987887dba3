'use strict';

// One process, two services and a call: does the binary of this platform work at all? Used where
// mocha does not run, such as in a bare Alpine container.

const assert = require('node:assert/strict');
const Seneca = require('seneca');

const server = Seneca({ log: 'silent' })
  .add('role:api,cmd:add', (msg, reply) => reply({ sum: msg.a + msg.b }))
  .use('gossip', { port: 4444, pin: 'role:api' });

server.ready(() => {
  const client = Seneca({ log: 'silent' }).use('gossip', { port: 0, seeds: ['127.0.0.1:4445'] });
  client.ready(() => {
    client.act('role:api,cmd:add', { a: 2, b: 3 }, (err, out) => {
      assert.ifError(err);
      assert.equal(out.sum, 5);
      client.close(() => server.close(() => process.stdout.write('2 + 3 = 5\n')));
    });
  });
});
