'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const { Gossiper, intern } = require('..');
const { killAll, script } = require('./support/processes');
const { VERSIONS, closeAll, gossip, plain } = require('./support/seneca');
const { until } = require('./support/until');
const { Jsonic } = require('seneca').util;
const resolve = (options) => intern.options.resolve(options, { jsonic: Jsonic });

describe('options', () => {
  after(() => Promise.all([closeAll(), killAll()]));

  const cyclic = { a: {} };
  cyclic.a.b = cyclic;

  /** Options, and what the error must say. */
  const wrong = [
    [{ port: 70000 }, /option 'port' must be a port from 0 to 65535, not 70000/],
    [{ port: -1 }, /'port'/],
    [{ port: '4444' }, /'port' must be .*, not "4444"/],
    [{ port: 4444.5 }, /'port'/],
    [{ port: 65535 }, /'port' must be below 65535.*'gossip\.port'/],
    [{ host: '' }, /'host'/],
    [{ host: 7 }, /'host'/],
    [{ advertise: '0.0.0.0' }, /'advertise' must be an address that others can reach/],
    [{ advertise: 'example.org:4444' }, /'advertise'.*without port/],
    [{ type: 3 }, /'type'/],
    [{ pin: 5 }, /'pin' must be a pattern such as 'role:api'.*not 5/],
    [{ pin: {} }, /'pin'.*one key at least/],
    [{ pin: '' }, /'pin'/],
    [{ pin: [] }, /'pin'/],
    [{ pin: ['role:api', 5] }, /'pin'/],
    [{ pin: 'role:api,cmd:[' }, /'pin'/],
    [{ pin: 'role:seneca' }, /'pin'.*role:seneca.*never routed/],
    [{ pin: { role: 'api', price$usd: 1 } }, /'pin'.*'price\$usd' is no key of a pattern/],
    [{ pin: { role: 'api', cmd: '__proto__' } }, /'pin'.*'cmd:__proto__' names what every object/],
    [{ need: 'constructor:1' }, /'need'.*'constructor:1' names what every object/],
    [{ seeds: 5 }, /'seeds' must be an array.*or a function/],
    [{ advertise: 'http://x' }, /'advertise' must be a host name or address, without port/],
    [{ advertise: '[::1]:4444' }, /'advertise' must be a host name or address, without port/],
    [{ pin: 'sys:gossip,get:members' }, /never routed/],
    [{ listen: 'role:api' }, /'listen' must be an object with a pin/],
    [{ listen: [{ pin: 'a:1' }, { model: 'consume' }] }, /'listen\[1\]\.pin'/],
    [{ listen: [{ pin: 'a:1', model: 'eat' }] }, /'listen\[0\]\.model' must be one of 'consume'/],
    [{ listen: [{ pin: 'a:1', strategy: 'best' }] }, /'listen\[0\]\.strategy'/],
    [{ listen: [{ pin: 'a:1', retry: -1 }] }, /'listen\[0\]\.retry'/],
    [
      { listen: [{ pin: 'a:1', retries: 1 }] },
      /unknown option 'listen\[0\]\.retries'.*mean 'listen\[0\]\.retry'/,
    ],
    [{ need: 5 }, /'need'/],
    [{ seeds: ['127.0.0.1'] }, /'seeds\[0\]' must be 'host:gossip_port'.*not "127\.0\.0\.1"/],
    [{ seeds: ['127.0.0.1:4445', 'host:0'] }, /'seeds\[1\]'/],
    [{ seeds: ['127.0.0.1:99999'] }, /'seeds\[0\]'/],
    [{ seeds: ['nonsense'] }, /'seeds\[0\]'/],
    [{ seeds: [4445] }, /'seeds\[0\]'/],
    [{ seeds: ['_gossip.example.org'] }, /'seeds\[0\]' must be an SRV name such as/],
    [{ seeds: 4445 }, /'seeds' must be an array/],
    [{ cluster: '' }, /'cluster'/],
    [{ meta: 'x' }, /'meta' must be an object/],
    [{ meta: { f: () => 1 } }, /'meta'.*meta\.f is a function/],
    [{ meta: { a: [1, { n: Number.NaN }] } }, /meta\.a\[1\]\.n is NaN/],
    [{ meta: { b: 1n } }, /meta\.b is a bigint/],
    [{ meta: { m: new Map() } }, /meta\.m is a Map/],
    [{ meta: cyclic }, /refers back to itself/],
    [{ jointime: -1 }, /'jointime' must be milliseconds/],
    [{ jointime: '1s' }, /'jointime'/],
    [{ drain: null, override: 'yes' }, /'override' must be true or false/],
    [{ weight: 0 }, /'weight' must be a number from 0.01 to 100/],
    [{ signals: 1 }, /'signals'/],
    [{ gossip: 4445 }, /'gossip' must be an object/],
    [{ gossip: { port: 70000 } }, /'gossip\.port'/],
    [{ port: 4444, gossip: { port: 4444 } }, /'gossip\.port' must be another one than 'port'/],
    [{ gossip: { phi: 'high' } }, /'gossip\.phi' must be a number/],
    [
      { gossip: { intervall: 100 } },
      /unknown option 'gossip\.intervall' \(did you mean 'gossip\.interval'\?\)/,
    ],
    [{ prot: 4444 }, /unknown option 'prot' \(did you mean 'port'\?\)/],
    [{ seed: ['127.0.0.1:4445'] }, /did you mean 'seeds'\?/],
    [{ zzzzzz: 1 }, /unknown option 'zzzzzz'; known are: port/],
  ];

  for (const [options, says] of wrong) {
    let name;
    try {
      name = JSON.stringify(options, (_, value) =>
        typeof value === 'bigint' || typeof value === 'function' ? String(value) : value,
      );
    } catch {
      name = 'a cycle';
    }
    it(`refuses ${name}`, () => {
      assert.throws(
        () => resolve(options),
        (err) => {
          assert.match(err.message, says);
          assert.match(err.message, /^seneca-gossip: /);
          assert.equal(err.code, 'gossip_option');
          return true;
        },
      );
    });
  }

  it('completes what is not given', () => {
    const options = resolve(undefined);
    assert.equal(options.port, 0);
    assert.equal(options.host, '127.0.0.1');
    assert.equal(options.type, 'tcp');
    assert.deepEqual(options.pins, []);
    assert.deepEqual(options.seeds, []);
    assert.equal(options.gossip.port, null);
    assert.equal(options.gossip.host, '127.0.0.1');
  });

  it('takes null for not given', () => {
    assert.equal(resolve({ port: null, pin: null, seeds: null }).port, 0);
  });

  it('puts the gossip port beside the port', () => {
    assert.equal(resolve({ port: 4444 }).gossip.port, 4445);
    assert.equal(resolve({ port: 4444, gossip: { port: 7000 } }).gossip.port, 7000);
    assert.equal(resolve({ port: 65535, gossip: { port: 7000 } }).gossip.port, 7000);
  });

  it('reads pins in every form', () => {
    const api = { role: 'api' };
    assert.deepEqual(resolve({ pin: 'role:api' }).pins, [api]);
    assert.deepEqual(resolve({ pin: { role: 'api' } }).pins, [api]);
    assert.deepEqual(resolve({ pin: 'role:api; a:1,b:2' }).pins, [api, { a: '1', b: '2' }]);
    assert.deepEqual(resolve({ pin: ['role:api', { n: 1 }] }).pins, [api, { n: '1' }]);
    const [entry] = resolve({ listen: { pin: 'role:api', retry: 2, model: 'observe' } }).listen;
    assert.deepEqual(entry, { pins: [api], offer: { retry: 2, model: 'observe' }, shard: null });
  });

  it('reads the key of a sharded pin in both forms', () => {
    const shard = (/** @type {any} */ given) =>
      resolve({ listen: { pin: 'a:1', ...given } }).listen[0];
    const all = { key: 'user.id', shards: 16_384, replicas: 0, optional: false, handover: 10_000 };
    assert.deepEqual(shard({ shard: 'user.id' }).shard, all);
    assert.deepEqual(shard({ shard: { key: 'user.id' } }).shard, all);
    const other = { key: 'id', shards: 64, replicas: 2, optional: true, handover: 30_000 };
    assert.deepEqual(shard({ shard: other }).shard, other);
    // A call waits longer than an owner takes to be found dead, or to hand over.
    assert.equal(shard({ shard: 'id' }).offer.wait, 10_000);
    assert.equal(shard({ shard: other }).offer.wait, 30_000);
    assert.equal(shard({ shard: other, wait: 5 }).offer.wait, 5);
  });

  it('says what is wrong with a sharded pin', () => {
    const refuses = (/** @type {any} */ given, /** @type {string} */ option) =>
      assert.throws(
        () => resolve({ listen: [{ pin: 'a:1', ...given }] }),
        (/** @type {any} */ err) =>
          err.code === 'gossip_option' && err.details.option === `listen[0].${option}`,
        option,
      );
    const strange = ['__proto__', 'a.__proto__', 'x'.repeat(256)];
    for (const key of ['', '.', 'a..b', 'a$', 7, true, [], {}, 'a.b.c.d.e.f.g.h.i', ...strange]) {
      if (typeof key === 'string') refuses({ shard: key }, 'shard');
      refuses({ shard: { key } }, 'shard.key');
    }
    refuses({ shard: 7 }, 'shard');
    refuses({ shard: { key: 'id', shards: 0 } }, 'shard.shards');
    refuses({ shard: { key: 'id', shards: 65_537 } }, 'shard.shards');
    refuses({ shard: { key: 'id', replicas: 16 } }, 'shard.replicas');
    refuses({ shard: { key: 'id', optional: 'yes' } }, 'shard.optional');
    refuses({ shard: { key: 'id', handover: -1 } }, 'shard.handover');
    refuses({ shard: { key: 'id', keys: 1 } }, 'shard.keys');
    refuses({ shard: 'id', model: 'observe' }, 'model');
    refuses({ shard: 'id', strategy: 'random' }, 'strategy');
    refuses({ strategy: 'shard' }, 'strategy');
  });

  it('refuses sharding that could not work: a key that is always the same, two for one pin, no pin', () => {
    const refuses = (/** @type {any} */ given, /** @type {RegExp} */ says) =>
      assert.throws(() => resolve(given), says);
    const entry = (/** @type {string} */ pin, /** @type {any} */ shard) => ({ pin, shard });
    refuses({ listen: entry('role:user', 'role') }, /'shard\.key'.*all messages of 'role:user'/);
    resolve({ listen: entry('room:*', 'room') });
    refuses({ listen: [entry('a:1', 'x'), entry('a:1', 'y')] }, /second entry for 'a:1'/);
    refuses({ listen: entry('a:1', 'x'), pin: 'a:1' }, /second entry for 'a:1'/);
    resolve({ listen: [entry('a:1', 'x'), entry('a:1,b:2', 'y'), entry('a:1', 'x')] });
    refuses({ pin: 'a:1', shard: 'x' }, /'shard' must be in an entry of 'listen'/);
    refuses({ pin: 'a:1', retry: 1 }, /'retry' must be in an entry of 'listen'/);
  });

  it('says what is wrong with tls, and shows no key', () => {
    const pem = (/** @type {string} */ name) =>
      fs.readFileSync(path.join(__dirname, 'support/certs', name), 'utf8');
    const good = { ca: pem('ca.pem'), cert: pem('node.pem'), key: pem('node.key') };
    assert.equal(resolve({ tls: good }).tls?.plain, false);
    assert.ok(resolve({ tls: { ...good, key: Buffer.from(good.key) } }).tls);
    for (const [tls, says] of /** @type {[any, RegExp][]} */ ([
      [true, /'tls' must be an object/],
      [{ ...good, key: undefined }, /'tls.key' must be PEM/],
      [{ ...good, ca: [] }, /'tls.ca' must be PEM/],
      [{ ...good, ca: 'ca.pem' }, /'tls.ca' must be PEM, the contents/],
      [{ ...good, key: pem('stranger.key') }, /'tls' must be what node:tls accepts/],
      [{ ...good, cert: good.key }, /'tls' must be what node:tls accepts/],
      [{ ...good, cart: 'x' }, /'tls.cart'/],
      [{ ...good, plain: 1 }, /'tls.plain' must be true or false/],
      [{ ...good, servername: 7 }, /'tls.servername'/],
    ])) {
      assert.throws(
        () => resolve({ tls }),
        (/** @type {any} */ err) => says.test(err.message) && !err.message.includes('PRIVATE'),
        String(says),
      );
    }
    assert.throws(() => resolve({ tls: good, type: 'web' }), /options of its own/);
    assert.throws(() => resolve({ type: 'tls' }), /'type' must be 'tcp'/);
  });

  it('reads seeds in every form', () => {
    assert.deepEqual(resolve({ seeds: 'a:1, b:2' }).seeds, ['a:1', 'b:2']);
    assert.deepEqual(resolve({ seeds: ['[::1]:4445'] }).seeds, ['[::1]:4445']);
    const supply = () => [];
    assert.equal(resolve({ seeds: supply }).seeds, supply);
  });

  it('keeps what Seneca adds out', () => {
    assert.equal(resolve({ errors: {}, init$: true, tag$: 'x' }).port, 0);
  });

  for (const version of VERSIONS) {
    describe(`on ${version}`, () => {
      it('throws at once in the form of the seed project', () => {
        const seneca = plain(version);
        assert.throws(() => gossip(seneca).start({ port: 70000 }), /option 'port'.*70000/);
        assert.throws(() => gossip(seneca).start({ prot: 1 }), /did you mean 'port'/);
      });

      it('is fatal in use, and says why at once', async () => {
        const root = JSON.stringify(path.join(__dirname, '..'));
        const seneca = JSON.stringify(require.resolve(version));
        const options = JSON.stringify({ port: 4444, seeds: ['localhost'] });
        const text = `require(${seneca})({ log: 'fatal' }).use(require(${root}), ${options})`;
        const run = script('-e', { args: [text] });
        const says = /option 'seeds\[0\]' must be 'host:gossip_port'/;
        // The process ends when Seneca ends it: 3.38 waits for its death_delay.
        await until(() => says.test(run.output()), { what: 'the error' });
      });
    });
  }

  it('are checked by a Gossiper as well', () => {
    assert.throws(() => new Gossiper(70000), /'port'/);
    assert.throws(() => new Gossiper(9000, ['nonsense']), /'seeds\[0\]'/);
    assert.throws(() => new Gossiper(9000, [], 5), /'host'/);
    assert.throws(() => new Gossiper({ prot: 9000 }), /unknown option 'prot'/);
    assert.throws(() => new Gossiper({ interval: 1 }), /'interval' must be/);
  });
});
