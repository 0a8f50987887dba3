'use strict';

// Well-formed lies on the gossip port (UDP and TCP) of a real JavaScript node and of a real Rust
// service, by somebody who is no member.

const assert = require('node:assert/strict');

const { pause } = require('../support/until');
const { Victims, address, examples } = require('../support/victims');
const wire = require('../support/wire');

const DAY = 24 * 3_600_000;
const MAX_NUMBER = 2n ** 53n;

describe('well-formed lies, on the gossip port', function () {
  this.timeout(120_000);

  const victims = Victims.here();

  it('stages out of order, and messages that belong to the other protocol', () =>
    victims.survive(['misplaced', 'unasked', 'misaddressed'], async (attacker, target) => {
      const from = '127.9.9.9:9';
      const all = examples(from, target.name);
      await attacker.send(all.sync, all.ack, all.rumor);
      await attacker.send(wire.ping({ from, to: 'somebody:1' }));
      for (const kind of ['ping', 'ack', 'rumor', 'gossip'])
        await attacker.talk(wire.frame(all[kind]));
      for (const stage of ['answer', 'finish']) {
        await attacker.talk(wire.frame(wire.sync({ from, stage })));
      }
    }));

  it('unknown and impossible peers', () =>
    victims.survive(['bad_name', 'unconfirmed'], async (attacker, target) => {
      const from = '127.9.9.9:9';
      const generation = Date.now();
      const names = ['nonsense', '127.0.0.1:99999', '127.0.0.1:0', ':1', 'a b:1', 'a\n:1', 'é:1'];
      const addresses = ['nonsense', '127.0.0.1:99999', '127.0.0.1:0', '0.0.0.0:9', '224.0.0.1:9'];
      const deltas = [
        ...[...names, '', 'x'.repeat(259), 'x'.repeat(300)].map((name) =>
          wire.claim(name, generation, '127.9.9.9:9'),
        ),
        ...addresses.map((at, n) => wire.claim(`127.9.9.8:${n + 1}`, generation, at)),
        wire.claim('127.9.9.7:1', generation, '127.9.9.7:1'),
        { ...wire.claim('127.9.9.7:2', generation, '127.9.9.7:2'), id: 7n },
        { name: '127.9.9.7:3', generation, entries: [['@addr', Buffer.from([0xff, 0xfe])]] },
        { name: '127.9.9.7:4', generation, entries: [['@addr', null]] },
        { name: '127.9.9.7:5', generation, entries: [['@life', Buffer.from([255, 255])]] },
        { name: '127.9.9.7:6', generation, from: 5, entries: [['@addr', '127.9.9.7:6']] },
        { name: '127.9.9.7:7', generation, horizon: MAX_NUMBER, upto: MAX_NUMBER },
      ];
      for (const one of deltas) {
        await attacker.send(wire.gossip({ from, deltas: [one] }));
        await attacker.tell(from, [one]);
      }
      const digests = [...names, ...deltas.map(({ name }) => name)].map((id) => ({
        id,
        generation,
        version: 5,
      }));
      await attacker.send(wire.gossip({ from, step: 0, digests }));
      await attacker.send(wire.rumor({ from, subject: 'nonsense', generation }));
      await attacker.send(wire.rumor({ from: target.name, subject: 'nonsense', generation }));
      await attacker.talk(wire.frame(wire.sync({ from, stage: 'ask', digests })));
    }));

  it('20,000 invented peers', () =>
    victims.survive(['unconfirmed', 'limit'], async (attacker) => {
      const from = { from: '127.9.9.9:9' };
      const generation = Date.now();
      const deltas = Array.from({ length: 20_000 }, (_, n) => {
        const name = `127.${10 + (n % 90)}.${(n >> 8) & 255}.${n & 255}:9`;
        return wire.claim(name, generation, name);
      });
      const [first, second] = [deltas.slice(0, 10_000), deltas.slice(10_000)];
      await attacker.send(...wire.datagrams(from, first));
      for (let at = 0; at < second.length; at += 5_000) {
        const some = second.slice(at, at + 5_000);
        await attacker.tell('127.9.9.9:9', some);
      }
    }));

  for (const [by, speakers] of /** @type {[string, (name: string) => string][]} */ ([
    ['a stranger', () => '127.9.9.9:9'],
    ['a member, as it says', () => victims.real[0]],
    ['themselves, as they say', (name) => name],
  ])) {
    it(`a steady stream of invented peers by ${by} keeps nobody out`, () =>
      victims.survive(['unconfirmed'], async (attacker, target) => {
        const generation = Date.now();
        let n = 0;
        const flood = setInterval(() => {
          const some = Array.from({ length: 250 }, () => {
            n++;
            const name = `127.${100 + (n % 90)}.${(n >> 8) & 255}.${n & 255}:9`;
            return wire.claim(name, generation, name);
          });
          const each = some.map((one) => wire.gossip({ from: speakers(one.name), deltas: [one] }));
          attacker.send(...each);
        }, 50);
        await pause(1500);
        try {
          await victims.admits(target);
        } finally {
          clearInterval(flood);
        }
      }));
  }

  it('versions and generations far in the future, and numbers that are none', () =>
    victims.survive(['future', 'malformed'], async (attacker, target) => {
      const members = await victims.known();
      const from = '127.9.9.9:9';
      for (const name of victims.real) {
        if (name === target.name) continue;
        const { generation } = members.get(name);
        for (const ahead of [Date.now() + 25 * 3_600_000, Date.now() + 400 * DAY, MAX_NUMBER]) {
          const lie = wire.claim(name, ahead, name, [['@meta', '{"zone":"lie"}']]);
          const digests = [{ id: name, generation: ahead, version: 9 }];
          await attacker.send(wire.gossip({ from, digests, deltas: [lie] }));
          await attacker.tell(from, [lie]);
          await attacker.talk(wire.frame(wire.sync({ from, stage: 'ask', digests })));
        }
        // Built on versions that do not exist yet.
        const gap = { name, generation, from: MAX_NUMBER - 2n, entries: [['@meta', '{}']] };
        await attacker.send(wire.gossip({ from, deltas: [/** @type {any} */ (gap)] }));
        // Beyond 2^53, overlong, endless.
        for (const number of [MAX_NUMBER + 1n, 2n ** 60n, 2n ** 70n]) {
          const digests = [{ id: name, generation: number, version: number }];
          await attacker.send(wire.gossip({ from, digests }));
        }
      }
    }));

  it('messages of another cluster, said to be from a member', () =>
    victims.survive(['cluster'], async (attacker, target) => {
      const members = await victims.known();
      const other = { from: victims.real[0], cluster: 'other' };
      const { generation } = members.get(target.name);
      const accuse = { generation, incarnation: 0 };
      const lie = wire.claim(target.name, generation + 1, '127.9.9.9:9');
      const digests = [{ id: target.name, generation: generation + 1, version: 99 }];
      for (let n = 0; n < 50; n++) {
        await attacker.send(
          wire.ping({ ...other, to: target.name, accuse }),
          wire.ack({ ...other, nonce: 1n, generation, accuse }),
          wire.rumor({ ...other, subject: victims.real[1], generation }),
          wire.gossip({ ...other, step: 0, digests, deltas: [lie] }),
        );
      }
      const frame = wire.frame(wire.sync({ ...other, stage: 'finish', digests, deltas: [lie] }));
      assert.equal(await attacker.talk(frame), null);
      assert.equal(attacker.heard.length, 0, 'no answer to another cluster');
      const { generation: still } = (await victims.known()).get(target.name);
      assert.equal(still, generation);
    }));

  it('datagrams that were true once, again', () =>
    victims.survive(['stale'], async (attacker, target) => {
      const members = await victims.known();
      // What the caller's node says of the target, and the target of itself, in its own words.
      const { generation } = members.get(target.name);
      const digests = Array.from({ length: 40 }, () => ({
        id: target.name,
        generation: 1,
        version: 1,
      }));
      digests[0] = { id: target.name, generation, version: 0 };
      await attacker.send(wire.gossip({ from: '127.9.9.9:9', step: 0, digests }));
      const old = await attacker.hears('gossip');
      if (target.name === victims.jsName) {
        await victims.js.act({ sys: 'gossip', set: 'meta', meta: { zone: 'b' } });
        victims.own.meta = { zone: 'b' };
      }
      const everybody = victims.real.map((name) => ({ ...attacker, target: address(name) }));
      for (const { target: to } of everybody) {
        for (let n = 0; n < 20; n++) {
          await new Promise((resolve) => attacker.socket.send(old, to.port, to.host, resolve));
        }
      }
      // An earlier run of a member.
      const name = victims.real.find((one) => one !== target.name);
      const past = wire.claim(name, 5, name, [['@meta', '{"zone":"past"}']]);
      await attacker.send(wire.gossip({ from: '127.9.9.9:9', deltas: [past] }));
      await pause(300);
    }));

  it('state about the node itself, from somebody else', () =>
    victims.survive(['ours'], async (attacker, target) => {
      const members = await victims.known();
      const { generation } = members.get(target.name);
      const other = victims.real.find((name) => name !== target.name);
      const forged = /** @type {[string, string | null][]} */ ([
        ['@life', '\u0002\u0000'],
        ['@svc', '{"host":"127.9.9.9","port":9,"pins":["role:lie"]}'],
        ['@meta', '{"zone":"lie"}'],
        ['@r/cmd:add,role:api', null],
        ['@r/cmd:lie,role:api', '{}'],
      ]);
      for (const from of ['127.9.9.9:9', other]) {
        for (const ahead of [0, 1, 5]) {
          const lie = wire.claim(target.name, generation + ahead, '127.9.9.9:9', forged);
          lie.upto = 1000;
          const digests = [{ id: target.name, generation: generation + ahead, version: 1000 }];
          await attacker.send(wire.gossip({ from, step: 0, digests, deltas: [lie] }));
          await attacker.tell(from, [lie]);
          await attacker.talk(wire.frame(wire.sync({ from, stage: 'ask', digests })));
        }
      }
      // In its own name.
      const lie = wire.claim(target.name, generation + 9, '127.9.9.9:9', forged);
      await attacker.send(wire.gossip({ from: target.name, deltas: [lie] }));
    }));

  it('accusations in pings and acks are refuted', () =>
    victims.survive(['unasked'], async (attacker, target) => {
      const other = victims.real.find((name) => name !== target.name);
      for (let n = 0; n < 30; n++) {
        const { generation, incarnation } = (await victims.known()).get(target.name);
        const accuse = { generation, incarnation };
        await attacker.send(
          wire.ping({ from: other, to: target.name, accuse }),
          wire.ack({ from: other, nonce: BigInt(n), generation, accuse }),
        );
      }
      await attacker.hears('ack');
      const { incarnation } = (await victims.known()).get(target.name);
      assert.ok(incarnation < 1000, `an incarnation of ${incarnation}`);
    }));

  it('a claim to be a newer run of a member, at another address', () =>
    victims.survive(['unconfirmed'], async (attacker, target) => {
      const members = await victims.known();
      for (const name of victims.real) {
        if (name === target.name) continue;
        const generation = members.get(name).generation + 1000;
        // The liar answers pings to that name.
        attacker.answer(() => generation, name);
        const lie = wire.claim(name, generation, attacker.name, [['@meta', '{"zone":"lie"}']]);
        for (let n = 0; n < 10; n++) {
          await attacker.send(wire.gossip({ from: name, deltas: [lie] }));
          await pause(50);
        }
      }
      await pause(500);
    }));

  it('a short question gets no long answer', () =>
    victims.survive([], async (attacker, target) => {
      const { generation } = (await victims.known()).get(target.name);
      const from = attacker.name;
      const questions = [
        wire.gossip({ from, step: 0 }),
        wire.gossip({ from, step: 0, digests: [{ id: target.name, generation: 1, version: 0 }] }),
        wire.gossip({ from, step: 0, digests: [{ id: target.name, generation, version: 0 }] }),
        wire.gossip({ from, step: 1, buckets: new Array(64).fill(1) }),
        wire.ping({ from, to: target.name }),
      ];
      for (const question of questions) {
        attacker.heard.length = 0;
        await attacker.send(question);
        await pause(400);
        const bytes = attacker.heard.reduce((sum, heard) => sum + heard.length, 0);
        assert.ok(bytes <= 3 * question.length, `${bytes} bytes for ${question.length}`);
      }
      // Peers invented at the address of somebody else: what that one gets to hear of it.
      attacker.heard.length = 0;
      const invented = Array.from({ length: 25 }, (_, n) =>
        wire.claim(`n${n}:9`, generation, from),
      );
      const [question] = wire.datagrams({ from: '127.9.9.9:9' }, invented);
      await attacker.send(question);
      await pause(3_000);
      const bytes = attacker.heard.reduce((sum, heard) => sum + heard.length, 0);
      assert.ok(bytes <= 3 * question.length, `${bytes} bytes for ${question.length}`);
    }));
});
