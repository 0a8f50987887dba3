// A stock Seneca (no plugin of ours) for the tests of the Rust service.
//
//   node stock.js client <port>   acts what stands on stdin (a JSON array), prints the outcomes
//   node stock.js server <port>   answers role:math until stdin ends
'use strict';

const Seneca = require('seneca');

const [mode, port] = process.argv.slice(2);
const seneca = Seneca({ log: 'silent', timeout: 3000 });
const address = { type: 'tcp', host: '127.0.0.1', port: Number(port) };

function client(calls) {
  seneca.client({ ...address, pin: 'role:api' });
  seneca.ready(async () => {
    const outcomes = await Promise.all(calls.map(outcome));
    process.stdout.write(JSON.stringify(outcomes), () => process.exit(0));
  });
}

function outcome(call) {
  return new Promise((resolve) => {
    seneca.act(call, (err, out) => {
      if (!err) return resolve({ out });
      const { code, message, details } = err;
      resolve({ err: { code, message, details } });
    });
  });
}

function server() {
  seneca
    .add('role:math,cmd:sum', (msg, reply) => reply({ answer: msg.left + msg.right }))
    .add('role:math,cmd:err', function fails(msg, reply) {
      reply(
        Object.assign(new Error('bad thing'), { code: 'E_BAD', details: { q: 1 }, status: 422 }),
      );
    })
    .add('role:math,cmd:null', (msg, reply) => reply())
    .add('role:math,cmd:array', (msg, reply) => reply([1, { a: 2 }, 'x']))
    .add('role:math,cmd:keys', (msg, reply) => reply({ keys: Object.keys(msg).sort() }))
    .add('role:math,cmd:slow', (msg, reply) => setTimeout(() => reply({ slept: true }), msg.ms))
    .add('role:math,cmd:die', () => process.exit(9))
    .listen(address);
  // The port may open a little after `ready`.
  const net = require('node:net');
  const knock = () => {
    const socket = net.connect(address.port, address.host);
    socket.on('error', () => setTimeout(knock, 20));
    socket.on('connect', () => {
      socket.destroy();
      process.stdout.write('ready\n');
    });
  };
  seneca.ready(knock);
}

let text = '';
process.stdin.on('data', (chunk) => {
  text += chunk;
});
process.stdin.on('end', () => {
  if (mode === 'client') client(JSON.parse(text));
  else process.exit(0);
});
if (mode === 'server') server();
