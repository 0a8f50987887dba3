'use strict';

// A Seneca service in a process of its own, told over IPC what to do; see
// `processes.js`. Its first argument is JSON:
//   { version, seneca, options, form: 'use' | 'start' | 'none', add: [[pattern, answer]],
//     wrapper: words of a command to start it with,
//     watched: with listeners of signal-exit,
//     keep: stays alive by itself, handles: a signal with a handler of its own }
// Its actions answer `{ pid, pattern, left + right, ... }`; see `answers`.

const setup = JSON.parse(process.argv[2]);
const gossip = require('../..');
const { busy, listen, tell, traffic } = require('./told');

const seneca = require(setup.version)({ log: 'fatal', ...setup.seneca });

/** @type {Record<string, (this: any, msg: any, reply: any) => void>} */
const answers = {
  sum(msg, reply) {
    reply({ pid: process.pid, answer: msg.left + msg.right });
  },
  product(msg, reply) {
    reply({ pid: process.pid, answer: msg.left * msg.right });
  },
  who(_msg, reply) {
    reply({ pid: process.pid, name: setup.name });
  },
  slow(msg, reply) {
    setTimeout(() => reply({ pid: process.pid }), msg.ms ?? 500);
  },
  fail(_msg, reply) {
    reply(Object.assign(new Error('as asked'), { code: 'as_asked' }));
  },
  prior(msg, reply) {
    this.prior(msg, reply);
  },
  block(msg, reply) {
    busy(msg.ms ?? 500);
    reply({ pid: process.pid });
  },
};

const add = (/** @type {[string, string][]} */ list) => {
  for (const [pattern, answer] of list) seneca.add(pattern, answers[answer]);
};

add(setup.add ?? []);

for (const on of ['join', 'alive', 'suspect', 'fail', 'leave', 'update']) {
  seneca.sub({ sys: 'gossip', on }, (/** @type {any} */ msg) => {
    const { name, status, key, value, pins } = msg;
    tell({ event: { on, name, status, key, value, pins, at: Date.now() } });
  });
}

if (setup.form === 'start') gossip(seneca).start(setup.options);
else if (setup.form !== 'none') seneca.use(gossip, setup.options);

/** @type {Record<string, (args: any, done: (err: any, out?: any) => void) => void>} */
const commands = {
  act: (msg, done) => seneca.act(msg, done),
  add: (list, done) => {
    add(list);
    done(null);
  },
  close: (_, done) => seneca.close(done),
  resources: (_, done) => done(null, process.getActiveResourcesInfo()),
  // What somebody has put into the prototype of all objects.
  polluted: (_, done) => done(null, Object.keys(Object.prototype)),
  ...traffic((msg, done) => seneca.act(msg, done)),
};

listen(commands);
if (setup.keep) setInterval(() => {}, 1000);
if (setup.watched) {
  // What it returns says whether the process is to live on.
  require('signal-exit').onExit(() => void tell({ event: { on: 'exit' } }));
}
if (setup.handles) process.on(setup.handles, () => tell({ event: { on: 'signal' } }));

seneca.ready(() => tell({ ready: true }));
