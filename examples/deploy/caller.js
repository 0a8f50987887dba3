'use strict';

// Calls the service once a second, wherever it is.

const Seneca = require('seneca');

const seneca = Seneca({ log: 'warn' });
seneca.use('seneca-gossip', { need: 'role:api' });
seneca.ready(() => {
  let left = 0;
  setInterval(() => {
    const n = ++left;
    seneca.act({ role: 'api', cmd: 'add', left: n, right: 1 }, (err, out) => {
      console.log(err ? err.message : `${n} + 1 = ${out.answer}, by ${out.by}`);
    });
  }, 1000);
});
