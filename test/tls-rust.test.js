'use strict';

// Calls over TLS between Node.js and services in Rust: two implementations of TLS, one authority.

const assert = require('node:assert/strict');

const { file, MEMBER, rustArgs, STRANGER } = require('./support/certs');
const { freePort } = require('./support/ports');
const { killAll, program, service } = require('./support/processes');
const { rustService, startRust } = require('./support/rust');
const { VERSIONS } = require('./support/seneca');
const { until } = require('./support/until');

const PRODUCT = { role: 'api', cmd: 'mcl', left: 2, right: 3 };

describe('TLS between Node.js and Rust', function () {
  this.timeout(120_000);
  this.slow(30_000);
  afterEach(killAll);

  /** A JavaScript node that answers role:api,cmd:add, and also calls. */
  async function adder(/** @type {any} */ tls, version = 'seneca') {
    const port = await freePort();
    const add = [['role:api,cmd:add', 'sum']];
    const options = { port, pin: 'role:api', ...(tls && { tls }) };
    const node = await service({ version, options, add });
    return Object.assign(node, { seed: `127.0.0.1:${port + 1}` });
  }

  const rust = (/** @type {string} */ seed, /** @type {string[]} */ ...more) =>
    startRust(['--port', '0', '--seeds', seed, ...more]);

  /** Once the node knows whom it has to call. */
  async function known(/** @type {any} */ node, /** @type {any} */ rusty) {
    await until(
      async () => {
        const { routes } = await node.act('sys:gossip,get:routes');
        const route = routes.find((/** @type {any} */ one) => one.pattern === 'cmd:mcl,role:api');
        return route?.targets.some((/** @type {any} */ { name }) => name === rusty.name);
      },
      { what: 'its route' },
    );
  }

  for (const version of VERSIONS) {
    it(`members call each other, both ways, on ${version}`, async () => {
      const node = await adder({ ...MEMBER, servername: 'node.test' }, version);
      const name = ['--tls-name', 'node.test'];
      const rusty = await rust(node.seed, ...rustArgs('node'), ...name, '--every', '50');
      await known(node, rusty);
      const member = await node.member(rusty.name);
      assert.equal(member.services[0].type, 'tls');
      const many = Array.from({ length: 100 }, (_, left) => node.act({ ...PRODUCT, left }));
      (await Promise.all(many)).forEach(({ answer }, left) => {
        assert.equal(answer, left * 3);
      });
      // One that is longer than what a handshake leaves in any buffer.
      const text = 'x'.repeat(4 * 1024 * 1024);
      assert.equal((await node.act({ ...PRODUCT, text })).answer, 6);
      await until(() => rusty.calls.filter((line) => line.startsWith('= 5 ')).length >= 5);
      assert.deepEqual(
        rusty.calls.filter((line) => !line.startsWith('= 5 ')),
        [],
      );
      rusty.kill('SIGTERM');
      assert.equal((await rusty.ended).code, 0);
      const { calls } = await node.act('sys:gossip,get:status');
      assert.equal(calls.in.insecure, 0);
    });
  }

  it('the older TLS 1.2 will do as well', async () => {
    const node = await adder({ ...MEMBER, maxVersion: 'TLSv1.2' });
    const rusty = await rust(node.seed, ...rustArgs('node'), '--every', '50');
    await known(node, rusty);
    assert.equal((await node.act(PRODUCT)).answer, 6);
    await until(() => rusty.calls.some((line) => line.startsWith('= 5 ')));
    assert.deepEqual(
      rusty.calls.filter((line) => !line.startsWith('= 5 ')),
      [],
    );
  });

  it('a stranger is refused by either of them, and hears why', async () => {
    const node = await adder(STRANGER);
    const rusty = await rust(node.seed, ...rustArgs('node'), '--every', '50');
    await known(node, rusty);
    await assert.rejects(node.act(PRODUCT), {
      code: 'no_target',
      message: /it refuses us: our certificate is not accepted \(unknown ca\)/,
    });
    const error = await until(() => rusty.calls.find((line) => line.startsWith('= ?')));
    assert.match(error, /its certificate is not accepted: UnknownIssuer\. \(no_target\)/);

    const member = await adder(MEMBER);
    const stranger = await rust(member.seed, ...rustArgs('stranger'), '--every', '50');
    const refused = await until(() => stranger.calls.find((line) => line.startsWith('= ?')));
    assert.match(refused, /it refuses us: its certificate is not accepted/);
    const { calls } = await member.act('sys:gossip,get:status');
    assert.ok(calls.in.insecure > 0);
    assert.equal(calls.in.accepted, 0);
  });

  it('without TLS neither calls the other; plain is the way from one to the other', async () => {
    const bare = await adder(null);
    const strict = await rust(bare.seed, ...rustArgs('node'), '--every', '50');
    await known(bare, strict);
    await assert.rejects(bare.act(PRODUCT), { code: 'transport_missing' });
    const error = await until(() => strict.calls.find((line) => line.startsWith('= ?')));
    assert.match(error, /it does not speak TLS/);

    const node = await adder({ ...MEMBER, plain: true });
    const plain = await rust(node.seed, ...rustArgs('node'), '--tls-plain', '--every', '50');
    const without = await rust(node.seed, '--every', '50');
    for (const one of [plain, without]) {
      await known(node, one);
      await until(() => one.calls.some((line) => line.startsWith('= 5 ')));
    }
    // It picks among both.
    const many = Array.from({ length: 20 }, () => node.act(PRODUCT));
    for (const { answer } of await Promise.all(many)) assert.equal(answer, 6);
  });

  it('files that are no certificates are refused at the start', async () => {
    for (const [wrong, why] of [
      [[...rustArgs('node').slice(0, 4)], /TLS needs --tls-ca, --tls-cert and --tls-key/],
      [['--tls-ca', file('node.key'), ...rustArgs('node').slice(2)], /tls ca: there is none/],
      [[...rustArgs('node').slice(0, 5), file('other.pem')], /tls key: there is none/],
    ]) {
      const run = program(await rustService(), /** @type {string[]} */ (wrong));
      assert.equal((await run.ended).code, 2);
      assert.match(run.output(), /** @type {RegExp} */ (why));
      assert.doesNotMatch(run.output(), /BEGIN|panicked/);
    }
  });
});
