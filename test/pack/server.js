'use strict';

// Runs inside the project that test/pack.test.js installs the tarballs into: the plugin by name.

const Seneca = require('seneca');

const port = Number(process.argv[2]);
const seneca = Seneca({ log: 'silent' });
// rc versions carry no promisify; both take plain callbacks.
seneca.add('role:api,cmd:add', (msg, reply) => reply({ sum: msg.a + msg.b, pid: process.pid }));
seneca.use('gossip', { port, host: '127.0.0.1', pin: 'role:api' });
seneca.ready(() => process.stdout.write('ready\n'));
process.stdin.on('end', () => seneca.close()).resume();
