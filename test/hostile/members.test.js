'use strict';

// What is said in the name of members, and by a member of itself.

const assert = require('node:assert/strict');

const { Liar, attack } = require('../support/attacker');
const { freePort } = require('../support/ports');
const { killAll, service } = require('../support/processes');
const { VERSIONS } = require('../support/seneca');
const { pause, until } = require('../support/until');
const { Victims, address, said } = require('../support/victims');
const wire = require('../support/wire');

describe('what others say of a member that is there', function () {
  this.timeout(120_000);
  after(killAll);

  it('spoofed accusations and a forged goodbye: it comes back, with its own state', async () => {
    const victims = await new Victims().start();
    const members = await victims.known();
    const [accused, one, other] = [
      victims.jsName,
      victims.rust.name,
      victims.real.find((name) => name !== victims.jsName && name !== victims.rust.name),
    ];
    const { generation, incarnation } = members.get(accused);
    // By both of its observers: refused, this generation, this incarnation.
    const word = Buffer.concat([
      Buffer.from([1]),
      wire.varint(generation),
      wire.varint(incarnation),
    ]);
    const key = `@v/${wire.hash(accused).toString(16).padStart(16, '0')}`;
    const words = [one, other].map((name) => ({
      name,
      generation: members.get(name).generation,
      from: 1,
      entries: /** @type {any} */ ([[key, word, 1000]]),
    }));
    const bye = { name: accused, generation, from: 1, entries: [['@life', '\u0002\u0000', 500]] };
    for (const lies of [words, [bye]]) {
      for (const name of [one, other]) {
        await attack(address(name), async (attacker) => {
          await attacker.send(wire.gossip({ from: accused, deltas: lies }));
        });
      }
      await pause(500);
    }
    await until(async () => (await victims.live(victims.caller)).join() === victims.real.join(), {
      within: 90_000,
      what: 'the accused is back',
    });
    await until(() => victims.answers().then(() => true), { what: 'calls' });
    assert.deepEqual(said(await victims.caller.member(accused)), victims.own);
    assert.deepEqual(said(await victims.js.member(accused)), victims.own);
  });

  for (const version of VERSIONS) {
    it(`a member that lies about itself, on ${version}`, async () => {
      const port = await freePort();
      const options = { override: true, signals: false };
      const victim = await service({
        version,
        options: { ...options, port, pin: 'role:api' },
        add: [['role:api,cmd:add', 'sum']],
      });
      const caller = await service({
        version,
        options: { ...options, seeds: [`127.0.0.1:${port + 1}`] },
      });
      const deep = (/** @type {number} */ n) => '['.repeat(n) + ']'.repeat(n);
      const good = '{"host":"127.0.0.1","port":9}';
      /** @type {Record<string, [string, string | Buffer][]>} */
      const lies = {
        'values that are deep, and none': [
          ['.k', deep(30_000)],
          ['.j', '{'],
          ['.u', Buffer.from([0xff, 0xfe])],
        ],
        'keys that mean something to others': [
          ['.__proto__', '{"polluted":1}'],
          ['.constructor', '1'],
          ['.', '1'],
          ['@v/zzzz', 'x'],
          ['@v/0123456789abcdef', 'x'],
          ['@unknown', 'x'],
          ['@life', Buffer.from([0x80, 1, 2, 3])],
        ],
        tags: [
          ['@meta', `{"a":${deep(30_000)}}`],
          ['@meta', `{"a":${deep(100)}}`],
          ['@meta', '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'],
        ],
        services: [
          ['@r/role:lie', '{}'],
          ['@svc', '{"host":"127.0.0.1","port":70000}'],
          ['@svc', '{"host":"a\\u0000b","port":9}'],
          ['@svc', `{"host":"127.0.0.1","port":9,"x":${deep(100)}}`],
          ['@svc', `{"host":"127.0.0.1","port":9,"x":${deep(30_000)}}`],
          ['@svc', '{"host":"127.0.0.1","port":9,"type":"__proto__","weight":1e308}'],
          [
            '@svc',
            '{"host":"127.0.0.1","port":9,"type":"tcp,role:seneca","pins":[[]],"self":true,"status":"dead"}',
          ],
          ['@svc', good],
        ],
        patterns: [
          'role:seneca,cmd:close',
          'sys:gossip,get:members',
          "get:'members,sys:gossip'",
          "cmd:'close,role:seneca'",
          "x:it's,role:seneca",
          'role:transport,cmd:listen',
          'init:entity',
          '',
          'x',
          ':::',
          '__proto__:x',
          // What every object has, as a value and as a key: Seneca's router takes it for its own.
          'cmd:__proto__,role:api',
          'cmd:constructor,role:api',
          'toString:*',
          'constructor:a*',
          'hasOwnProperty:x',
          'a:1,fatal$:true',
          '*:*',
          'cmd:z,role:*',
          'host:*,role:trans*',
          `a:${'*'.repeat(300)}b`,
        ].map((text) => [`@r/${text}`, '{}']),
        offers: [
          ['@r/o:1', '{"pattern":{"role":"seneca","cmd":"close"},"retry":1e9,"timeout":-1}'],
          ['@r/o:2', '{"pattern":{"__proto__":"x"},"wait":1e308,"concurrency":0}'],
          ['@r/o:3', '{"pattern":{}}'],
          ['@r/o:7', '{"pattern":{"a$":"1"}}'],
          ['@r/o:8', '{"pattern":{"role":"api","cmd":"__proto__"}}'],
          ['@r/cmd:x,role:api', '{"pattern":{"role":"api","cmd":"y"}}'],
          ['@r/o:4', '[]'],
          ['@r/o:5', `{"x":${deep(30_000)}}`],
          ['@r/o:6', '{"model":"observe","retry":4294967295,"wait":18446744073709551615}'],
        ],
        'many patterns': Array.from({ length: 500 }, (_, n) => [`@r/n:${n}`, '{}']),
        'many keys': Array.from({ length: 3000 }, (_, n) => [`.n${n}`, '1']),
        'a key that is too long': [[`.${'x'.repeat(600)}`, '1']],
      };
      const liarAt = { host: '127.0.0.1', port: port + 1 };
      await attack(
        liarAt,
        async (liar) => {
          await liar.join();
          await until(async () => (await victim.member(liar.name))?.status === 'alive', {
            what: 'the liar as a member',
          });
          for (const [what, entries] of Object.entries(lies)) {
            await liar.say(entries);
            await pause(200);
            for (const node of [victim, caller]) {
              const { answer } = await node.act({ role: 'api', cmd: 'add', left: 2, right: 3 });
              assert.equal(answer, 5, what);
              const { members } = await node.act('sys:gossip,get:members');
              assert.equal(members.length, 3, what);
              assert.deepEqual(await node.do('polluted'), [], what);
              // Nobody has published these, and no glob brings Seneca's own to others.
              for (const msg of [{ nobody: 'published' }, { role: 'seneca', cmd: 'z' }]) {
                await assert.rejects(node.act(msg), { code: 'act_not_found' }, what);
              }
            }
          }
          const { counters } = await victim.act('sys:gossip,get:status');
          assert.ok(counters.dropped.limit > 0, JSON.stringify(counters.dropped));
        },
        Liar,
      );
      const { routes } = await victim.act('sys:gossip,get:routes');
      // One condition with a comma in its value, which is not what others read.
      const odd = "x:it's,role:seneca";
      const wrong = routes.filter(
        (/** @type {any} */ r) =>
          r.pattern !== odd && /seneca|gossip|init|transport/.test(r.pattern),
      );
      assert.deepEqual(wrong, []);
      for (const node of [victim, caller]) {
        assert.equal(node.child.exitCode, null);
        await node.do('close');
        await node.ended;
        assert.doesNotMatch(node.output(), /panicked|RangeError|TypeError/);
      }
    });
  }
});
