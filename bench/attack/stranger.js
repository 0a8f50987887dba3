'use strict';

// The stranger of `npm run bench:attack`, on a host of its own: sends what it has made up or overheard, from wherever it
// likes, and opens connections that say nothing.

const { randomBytes } = require('node:crypto');
const dgram = require('node:dgram');
const { once } = require('node:events');
const net = require('node:net');

const { listen, tell } = require('../../test/support/told');
const { pause } = require('../../test/support/until');
const wire = require('../../test/support/wire');

const { address, victim, member, forged } = JSON.parse(process.argv[2]);
const TICK = 10;
/** Bytes in front of what is encrypted: the head, the nonce. */
const [HEAD, BODY] = [9, 33];
/** Connections that are open at a time. */
const OPEN = 1000;

/** @type {Buffer[]} sealed datagrams that were meant for us */
const recorded = [];
let at = 0;
const next = () => recorded[at++ % recorded.length];
const with1200 = (/** @type {Buffer} */ head) =>
  Buffer.concat([head, randomBytes(1200 - head.length)]);

/** @type {Record<string, () => Buffer>} */
const KINDS = {
  garbage: () => randomBytes(1200),
  'datagrams of 8 kB': () => randomBytes(8000),
  'messages without a seal': () =>
    wire.ping({ from: `${address}:1`, to: `${victim}:4445`, nonce: 7n }),
  'forged seals': () => with1200(recorded[0].subarray(0, HEAD)),
  'the same, as from a member': () => with1200(recorded[0].subarray(0, HEAD)),
  'recorded datagrams': next,
  'recorded nonces, forged seals': () => with1200(next().subarray(0, BODY)),
};

async function socket(/** @type {string} */ host, port = 0) {
  const made = dgram.createSocket('udp4');
  made.on('error', () => {});
  made.bind(port, host);
  await once(made, 'listening');
  return made;
}

/**
 * Floods a port, and says how many datagrams left.
 *
 * @param {{ kind: string, port: number, ms: number, rate: number }} how `rate` a second
 */
async function flood({ kind, port, ms, rate }) {
  const from = kind.endsWith('member') ? await socket(member, 4445) : mouth;
  const make = KINDS[kind];
  const begun = performance.now();
  let sent = 0;
  for (let now = begun; now < begun + ms; now = performance.now()) {
    const due = Math.floor(((now - begun) * rate) / 1000);
    for (; sent < due; sent++) from.send(make(), port, victim);
    await pause(TICK);
  }
  if (from !== mouth) from.close();
  return sent;
}

/**
 * Opens connections that say nothing; `forged`: from addresses that do not exist, so that none gets further than half open.
 *
 * @param {{ count: number, ports: number[], forged: boolean }} how
 */
async function connect({ count, ports, forged: half }) {
  /** @type {net.Socket[]} */
  const open = [];
  for (let n = 0; n < count; n++) {
    const localAddress = half ? forged[n % forged.length] : address;
    const port = ports[n % ports.length];
    const made = net.connect({ host: victim, port, localAddress });
    made.on('error', () => {});
    open.push(made);
    if (open.length > OPEN) open.shift()?.destroy();
    if (n % 200 === 199) await pause(20);
  }
  await pause(500);
  for (const one of open) one.destroy();
}

/** @type {dgram.Socket} where a seed once was: members go on asking there */
let mouth;

socket(address, 4445).then((made) => {
  mouth = made;
  mouth.on('message', (bytes) => {
    if (bytes[0] === 0x81 && recorded.length < 1000) recorded.push(bytes);
  });
  listen({
    kinds: (_, done) => done(null, Object.keys(KINDS)),
    recorded: (_, done) => done(null, recorded.length),
    flood: (how, done) => flood(how).then((sent) => done(null, sent), done),
    connect: (how, done) => connect(how).then(() => done(null), done),
  });
  tell({ ready: true });
});
