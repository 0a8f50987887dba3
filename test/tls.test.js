'use strict';

// The call port with TLS: who has a certificate of the cluster's authority may call, and everybody else is told why not.

const assert = require('node:assert/strict');
const net = require('node:net');
const tls = require('node:tls');

const { MEMBER, STRANGER } = require('./support/certs');
const { killAll, service } = require('./support/processes');
const { freePort } = require('./support/ports');
const { SENECAS } = require('./tcp/kit');
const { cleanUp, makeSeneca, rawConnection, request } = require('./tcp/kit');
const { pause, until } = require('./support/until');

const MSG = { role: 'api', cmd: 'add', left: 2, right: 3 };

describe('calls with TLS', function () {
  this.timeout(60_000);
  this.slow(20_000);
  afterEach(async () => {
    await killAll();
    await cleanUp();
  });

  /** @type {string[]} */
  let seeds = [];
  beforeEach(() => {
    seeds = [];
  });

  /** @param {any} secure @param {string} [version] */
  async function serve(secure, version = 'seneca', more = {}) {
    const port = await freePort();
    const options = {
      port,
      pin: 'role:api',
      seeds: [...seeds],
      ...(secure && { tls: secure }),
      ...more,
    };
    const add = [
      ['role:api,cmd:add', 'sum'],
      ['role:api,cmd:slow', 'slow'],
    ];
    const made = await service({ version, options, add });
    seeds.push(`127.0.0.1:${port + 1}`);
    return Object.assign(made, { port });
  }

  /** @param {any} secure @param {string} [version] */
  const client = (secure, version = 'seneca') =>
    service({ version, options: { seeds, ...(secure && { tls: secure }) } });

  for (const version of SENECAS) {
    it(`members call each other, on ${version}`, async () => {
      await serve({ ...MEMBER, servername: 'node.test' }, version);
      const caller = await client({ ...MEMBER, servername: 'node.test' }, version);
      assert.equal((await caller.act(MSG)).answer, 5);
      const text = 'x'.repeat(1024 * 1024);
      const many = Array.from({ length: 50 }, () => caller.act({ ...MSG, text }));
      for (const { answer } of await Promise.all(many)) assert.equal(answer, 5);
    });
  }

  it('a service that leaves under load costs no call', async () => {
    const leaving = await serve(MEMBER);
    await serve(MEMBER);
    const caller = await client(MEMBER);
    await until(async () => {
      const { routes } = await caller.act('sys:gossip,get:routes');
      return routes.some((/** @type {any} */ route) => route.targets.length === 2);
    });
    await caller.do('load', { msg: { role: 'api', cmd: 'slow', ms: 30 }, rate: 300 });
    await pause(1000);
    leaving.kill('SIGTERM');
    await leaving.ended;
    await pause(500);
    const made = await caller.do('unload');
    const failed = made.filter((/** @type {any} */ { error }) => error);
    assert.deepEqual(failed, []);
    assert.equal(new Set(made.map((/** @type {any} */ { pid }) => pid)).size, 2);
  });

  it('whoever has another certificate, or none, is refused and hears why', async () => {
    const server = await serve(MEMBER);
    const stranger = await client(STRANGER);
    const refusal = /it refuses us: its certificate is not accepted/;
    await assert.rejects(stranger.act(MSG), { code: 'no_target', message: refusal });
    const named = await client({ ...MEMBER, servername: 'other.test' });
    await assert.rejects(named.act(MSG), {
      message: /its certificate is not accepted: .*altnames/,
    });
    const socket = tls.connect({
      port: server.port,
      ca: MEMBER.ca,
      checkServerIdentity: () => undefined,
    });
    socket.on('error', () => {});
    const said = await new Promise((resolve) =>
      socket.once('data', (data) => resolve(String(data))),
    );
    assert.match(said, /"kind":"no".*it shows no certificate/);
    const status = await server.act('sys:gossip,get:status');
    assert.ok(status.calls.in.insecure >= 2, JSON.stringify(status.calls.in));
    assert.equal(status.calls.in.accepted, 0);
    assert.match(server.output(), /^(?!.*BEGIN).*$/s, 'no key in what it says');
  });

  it('nobody comes in by the session of one who was refused', async () => {
    const server = await serve(MEMBER);
    for (const maxVersion of /** @type {const} */ (['TLSv1.2', 'TLSv1.3'])) {
      const how = {
        port: server.port,
        ca: MEMBER.ca,
        checkServerIdentity: () => undefined,
        maxVersion,
      };
      const connect = async (/** @type {any} */ more) => {
        const socket = tls.connect({ ...how, ...more });
        let said = '';
        let session = socket.getSession();
        socket.on('error', () => {});
        socket.on('session', (ticket) => {
          session = ticket;
        });
        socket.on('data', (data) => {
          said += data;
        });
        socket.write(`${JSON.stringify(request('a/b', MSG))}\n`);
        await new Promise((resolve) => socket.once('close', resolve));
        return { said, session: session ?? socket.getSession() };
      };
      const first = await connect({});
      const second = await connect({ session: first.session });
      for (const { said } of [first, second]) assert.match(said, /"kind":"no"/);
    }
    const { calls } = await server.act('sys:gossip,get:status');
    assert.equal(calls.in.accepted, 0);
  });

  it('whoever speaks plainly is told what is wanted', async () => {
    const { port } = await serve(MEMBER);
    const raw = await rawConnection(port);
    raw.send(request('a/b', MSG));
    const reply = await raw.next();
    assert.equal(reply.id, 'a/b');
    assert.equal(reply.error.code, 'tls_required');
    assert.equal(reply.ran, false);
    await raw.closes();
    const stock = await makeSeneca('seneca');
    stock.use('seneca-transport').client({ type: 'tcp', host: '127.0.0.1', port, pin: 'role:api' });
    const err = await new Promise((resolve) => stock.act(MSG, resolve));
    assert.match(String(/** @type {any} */ (err)?.message), /TLS only/);
    const member = await client(null);
    await assert.rejects(member.act(MSG), {
      code: 'transport_missing',
      message: /no option `tls`/,
    });
  });

  for (const version of ['seneca', 'seneca-rc']) {
    it(`no private key is in a log, on ${version}`, async () => {
      const port = await freePort();
      const options = { port, pin: 'role:api', tls: { ...MEMBER, passphrase: 'sesame' } };
      const node = await service({ version, seneca: { log: 'debug' }, options });
      const { plugin } = await node.act(
        version === 'seneca' ? 'role:seneca,get:options' : 'sys:seneca,get:options',
      );
      const shown = node.output() + JSON.stringify(plugin);
      assert.match(shown, /"ca":/);
      for (const secret of ['PRIVATE KEY', MEMBER.key.split('\n')[1], 'sesame']) {
        assert.ok(!shown.includes(secret), secret);
      }
    });
  }

  it('who wants TLS calls nobody without it', async () => {
    await serve(null);
    const caller = await client(MEMBER);
    await assert.rejects(caller.act(MSG), { code: 'no_target', message: /it does not speak TLS/ });
  });

  it('TLS can be introduced node by node: plain', async () => {
    const manners = [null, { ...MEMBER, plain: true }, MEMBER];
    // Those without TLS and those that want it never meet: one step lies between.
    for (const pair of [manners.slice(0, 2), manners.slice(1)]) {
      for (const how of pair) {
        for (const by of pair) {
          seeds = [];
          await serve(how);
          assert.equal((await (await client(by)).act(MSG)).answer, 5);
          await killAll();
        }
      }
    }
  });

  it('who connects and says nothing, or half a handshake, keeps nobody out', async () => {
    const server = await serve(MEMBER);
    const caller = await client(MEMBER);
    /** @type {net.Socket[]} */
    const idle = [];
    for (let n = 0; n < 600; n++) {
      const socket = net.connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      if (n % 2) socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1]));
      idle.push(socket.resume());
    }
    await pause(300);
    assert.equal((await caller.act(MSG)).answer, 5);
    await until(() => idle.every((socket) => socket.closed), { within: 20_000, what: 'their end' });
    const { calls } = await server.act('sys:gossip,get:status');
    assert.equal(calls.in.open, 1);
    assert.equal((await caller.act(MSG)).answer, 5);
  });
});
