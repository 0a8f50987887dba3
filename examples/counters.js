'use strict';

// A counter for each user, kept in the memory of the node that owns the user, and handed over when
// nodes come and go:
//
//     node examples/counters.js 4444
//     node examples/counters.js 4454 127.0.0.1:4445
//
// What a real service keeps in a database is a directory here.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const Seneca = require('seneca');
const Gossip = require('seneca-gossip');

const port = Number(process.argv[2] ?? 4444);
const seeds = process.argv.slice(3);
const dir = path.join(os.tmpdir(), 'seneca-gossip-counters');
fs.mkdirSync(dir, { recursive: true });

// Whatever a user is called, it is the name of a file there.
const nameOf = (/** @type {string} */ user) => Buffer.from(user).toString('hex');
const userOf = (/** @type {string} */ name) => Buffer.from(name, 'hex').toString();

const seneca = Seneca({ tag: 'counters', log: 'warn' });
/** @type {Map<string, number>} */
const counts = new Map();

seneca.add('role:counter,cmd:add', (/** @type {any} */ msg, /** @type {any} */ reply) => {
  // 7 and '7' are one key.
  const user = String(msg.user);
  const count = (counts.get(user) ?? 0) + 1;
  counts.set(user, count);
  reply({ count, by: port });
});

// Calls of what was gained wait for the reply, and what was lost is given away after it.
seneca.add('sys:gossip,on:shards', (/** @type {any} */ msg, /** @type {any} */ reply) => {
  const shardOf = seneca.export('gossip/shard');
  const [gained, lost] = [new Set(msg.gained), new Set(msg.lost)];
  for (const [user, count] of counts) {
    if (!lost.has(shardOf(user))) continue;
    fs.writeFileSync(path.join(dir, nameOf(user)), String(count));
    counts.delete(user);
  }
  for (const name of fs.readdirSync(dir)) {
    const user = userOf(name);
    if (!gained.has(shardOf(user))) continue;
    counts.set(user, Number(fs.readFileSync(path.join(dir, name), 'utf8')));
  }
  console.log(`${gained.size} shards gained, ${lost.size} lost, epoch ${msg.epoch}`);
  reply();
});

seneca.use(Gossip, { port, seeds, listen: [{ pin: 'role:counter', shard: 'user' }] });

seneca.ready(() => {
  const users = ['ann', 'bob', 'cem', 'dia'];
  setInterval(() => {
    const user = users[Math.floor(Math.random() * users.length)];
    const msg = { role: 'counter', cmd: 'add', user };
    seneca.act(msg, (/** @type {any} */ err, /** @type {any} */ out) => {
      console.log(err ? err.message : `${user}: ${out.count}, by ${out.by}`);
    });
  }, 500);
});
