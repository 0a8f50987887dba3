'use strict';

// Runs inside the project that test/pack.test.js installs the tarballs into: one call, then close.

const Seneca = require('seneca');

const seed = process.argv[2];
const seneca = Seneca({ log: 'silent' });
seneca.use('gossip', { port: 0, host: '127.0.0.1', seeds: [seed], jointime: 5000 });
seneca.ready(() => {
  seneca.act('role:api,cmd:add', { a: 2, b: 3 }, (err, out) => {
    const said = err ? { error: err.message } : { sum: out.sum, pid: out.pid };
    process.stdout.write(`${JSON.stringify(said)}\n`);
    seneca.close();
  });
});
