'use strict';

// What is no message, or comes in a way in which none comes, on the gossip port (UDP and TCP) of a
// real JavaScript node and of a real Rust service. (The call port: test/tcp/hostile.test.js.)

const crypto = require('node:crypto');

const { pause } = require('../support/until');
const { MB, Victims, examples } = require('../support/victims');
const wire = require('../support/wire');

describe('bytes and connections that make no sense, on the gossip port', function () {
  this.timeout(120_000);

  const victims = Victims.here();

  it('random bytes', () =>
    victims.survive(['malformed', 'version', 'cluster'], async (attacker, target) => {
      const head = examples('127.9.9.9:9', target.name).ping.subarray(0, 10);
      for (let kind = 0; kind < 8; kind++) {
        const random = [];
        for (let n = 0; n < 200; n++) {
          const bytes = crypto.randomBytes(crypto.randomInt(1, 1200));
          // Some that begin like a message, so that the parts behind are read as well.
          if (n % 4 === 1) bytes[0] = 1;
          if (n % 4 > 1) head.copy(bytes, 0, 0, Math.min(10, bytes.length));
          if (n % 4 > 1 && bytes.length > 1) bytes[1] = kind;
          random.push(bytes);
        }
        await attacker.send(...random, Buffer.alloc(0));
        await attacker.talk(random[0]);
        await attacker.talk(wire.frame(random[1]), wire.frame(random[2]), random[3]);
      }
    }));

  it('every message cut off at every byte, and followed by more', () =>
    victims.survive(['malformed'], async (attacker, target) => {
      for (const bytes of Object.values(examples('127.9.9.9:9', target.name))) {
        const cut = Array.from({ length: bytes.length }, (_, at) => bytes.subarray(0, at));
        await attacker.send(...cut, Buffer.concat([bytes, Buffer.from([0])]));
        for (let at = 0; at < bytes.length; at += 9) await attacker.talk(wire.frame(cut[at]));
      }
    }));

  it('oversized datagrams and frames', () =>
    victims.survive(['oversized', 'malformed'], async (attacker, target) => {
      const { gossip, sync } = examples('127.9.9.9:9', target.name);
      for (const length of [1201, 1500, 9000, 65_000]) {
        await attacker.send(Buffer.concat([gossip, Buffer.alloc(length - gossip.length)]));
      }
      // As long as a frame may be, and nothing but zeros.
      await attacker.talk(wire.frame(Buffer.alloc(MB)));
      await attacker.talk(wire.frame(Buffer.concat([sync, Buffer.alloc(MB - sync.length)])));
      for (const length of [MB + 1, 2 ** 31, 2 ** 32 - 1]) {
        const announced = Buffer.alloc(4);
        announced.writeUInt32BE(length);
        await attacker.talk(announced, Buffer.alloc(1000));
      }
    }));

  it('half frames followed by a reset or by the end', () =>
    victims.survive(['partial'], async (attacker, target) => {
      const framed = wire.frame(examples('127.9.9.9:9', target.name).sync);
      for (let round = 0; round < 40; round++) {
        const socket = await attacker.connect();
        socket.write(framed.subarray(0, 1 + (round % framed.length)));
        if (round % 3 > 0) await pause(2);
        if (round % 3 < 2) socket.resetAndDestroy();
        else socket.end();
      }
    }));

  it('500 idle connections, and 100 that send a byte now and then', () =>
    victims.survive(
      ['crowded'],
      async (attacker) => {
        for (let n = 0; n < 500; n++) await attacker.connect();
        for (let n = 0; n < 100; n++) {
          const socket = await attacker.connect();
          socket.write(Buffer.from([0]));
        }
      },
      { meanwhile: true },
    ));

  it('64 MB of unfinished frames', () =>
    victims.survive(
      [],
      async (attacker) => {
        const announced = Buffer.alloc(4);
        announced.writeUInt32BE(MB);
        const most = Buffer.concat([announced, Buffer.alloc(MB - 1)]);
        for (let n = 0; n < 64; n++) (await attacker.connect()).write(most);
        await pause(500);
      },
      { meanwhile: true },
    ));

  it('questions over TCP, again and again, by somebody who does not read', () =>
    victims.survive(
      [],
      async (attacker) => {
        const ask = wire.frame(wire.sync({ from: '127.9.9.9:9', stage: 'ask' }));
        const many = Buffer.concat(new Array(2000).fill(ask));
        for (let n = 0; n < 32; n++) {
          const socket = await attacker.connect();
          socket.pause();
          socket.write(many);
        }
        await pause(500);
      },
      { meanwhile: true },
    ));
});
