'use strict';

// Options that come from the environment, where the code does not give them.

const assert = require('node:assert/strict');

const { Jsonic } = require('seneca').util;
const { intern } = require('..');
const { strangeVariables } = require('../lib/environment');
const { freePort } = require('./support/ports');
const { killAll, refused, service } = require('./support/processes');
const { VERSIONS } = require('./support/seneca');
const { until } = require('./support/until');

/**
 * @param {any} given
 * @param {Record<string, string>} env
 */
const resolve = (given, env) => intern.options.resolve(given, { jsonic: Jsonic, env });

describe('the environment', function () {
  this.timeout(60_000);
  afterEach(killAll);

  it('sets what is not given, and only that', () => {
    const env = {
      SENECA_GOSSIP_PORT: '4444',
      SENECA_GOSSIP_HOST: '0.0.0.0',
      SENECA_GOSSIP_ADVERTISE: 'api-1',
      SENECA_GOSSIP_SEEDS: 'a:4445, b:4445 c:4445',
      SENECA_GOSSIP_CLUSTER: 'blue',
    };
    const all = resolve({}, env);
    assert.deepEqual(
      [all.port, all.gossip.port, all.host, all.advertise.host, all.cluster, all.seeds],
      [4444, 4445, '0.0.0.0', 'api-1', 'blue', ['a:4445', 'b:4445', 'c:4445']],
    );
    const given = resolve({ port: 5555, cluster: 'red', seeds: [], advertise: null }, env);
    assert.deepEqual(
      [given.port, given.host, given.advertise.host, given.cluster, given.seeds],
      [5555, '0.0.0.0', 'api-1', 'red', []],
    );
  });

  it('counts as empty where a variable is set to nothing', () => {
    const all = resolve({}, { SENECA_GOSSIP_PORT: '', SENECA_GOSSIP_SEEDS: ' ' });
    assert.deepEqual([all.port, all.seeds], [0, []]);
  });

  it('must not be set to nothing where that would leave a node open', () => {
    for (const name of ['SENECA_GOSSIP_KEY', 'SENECA_GOSSIP_ALLOW']) {
      for (const text of ['', ' ', ',']) {
        const says = new RegExp(`the environment variable ${name} must be`);
        assert.throws(() => resolve({}, { [name]: text }), says, `${name}='${text}'`);
      }
    }
    const key = Buffer.alloc(32, 7).toString('base64');
    assert.ok(resolve({ gossip: { key } }, { SENECA_GOSSIP_KEY: '' }).gossip.keys);
    const { allow } = resolve({}, { SENECA_GOSSIP_ALLOW: '10.0.0.0/8, 127.0.0.1' });
    assert.deepEqual(allow, resolve({ allow: ['10.0.0.0/8', '127.0.0.1'] }, {}).allow);
  });

  it('is not mistaken where Kubernetes sets it for a service of our name', () => {
    const env = {
      SENECA_GOSSIP_PORT: 'tcp://10.0.0.1:4445',
      SENECA_GOSSIP_PORT_4445_TCP: 'tcp://10.0.0.1:4445',
      SENECA_GOSSIP_SERVICE_HOST: '10.0.0.1',
      SENECA_GOSSIP_SERVICE_PORT: '4445',
    };
    assert.equal(resolve({}, env).port, 0);
    assert.deepEqual(strangeVariables(env), []);
    assert.equal(strangeVariables({ SENECA_GOSSIP_SEED: 'a:1', SENECA: '1' }).length, 1);
  });

  /** @type {[Record<string, string>, RegExp][]} */
  const wrong = [
    [{ SENECA_GOSSIP_PORT: 'http' }, /variable SENECA_GOSSIP_PORT must be a port.*not "http"/],
    [{ SENECA_GOSSIP_PORT: '-1' }, /variable SENECA_GOSSIP_PORT must be a port.*not "-1"/],
    [{ SENECA_GOSSIP_PORT: '65535' }, /variable SENECA_GOSSIP_PORT must be below 65535/],
    [{ SENECA_GOSSIP_SEEDS: 'a:1 b' }, /variable SENECA_GOSSIP_SEEDS must be .*not "b"/],
    [{ SENECA_GOSSIP_ADVERTISE: '0.0.0.0' }, /variable SENECA_GOSSIP_ADVERTISE must be/],
    [{ SENECA_GOSSIP_CLUSTER: 'x'.repeat(256) }, /variable SENECA_GOSSIP_CLUSTER must be/],
  ];
  for (const [env, says] of wrong) {
    it(`names the variable that is wrong: ${says.source.slice(9, 40)}`, () => {
      assert.throws(
        () => resolve({}, env),
        (/** @type {any} */ err) => {
          assert.match(err.message, says);
          assert.equal(err.code, 'gossip_option');
          assert.ok(err.details.variable in env);
          return true;
        },
      );
    });
  }

  it('is not named where the code gave what is wrong', () => {
    assert.throws(() => resolve({ port: -1 }, { SENECA_GOSSIP_PORT: '4444' }), /option 'port'/);
  });

  for (const version of VERSIONS) {
    for (const form of ['use', 'start']) {
      it(`alone makes a cluster: ${form}, on ${version}`, async () => {
        const port = await freePort();
        const wrapper = [
          'env',
          `SENECA_GOSSIP_SEEDS=127.0.0.1:${port + 1}`,
          'SENECA_GOSSIP_CLUSTER=blue',
          'SENECA_GOSSIP_PROT=1',
        ];
        const server = await service({
          version,
          form,
          wrapper: [...wrapper, `SENECA_GOSSIP_PORT=${port}`],
          seneca: { log: 'warn' },
          options: { pin: 'role:api' },
          add: [['role:api,cmd:add', 'sum']],
        });
        const caller = await service({ version, form, wrapper, options: {} });
        const { answer } = await caller.act({ role: 'api', cmd: 'add', left: 2, right: 3 });
        assert.equal(answer, 5);
        const { members } = await server.act('sys:gossip,get:members');
        assert.ok(members.some((/** @type {any} */ one) => one.name === `127.0.0.1:${port + 1}`));
        const says = /SENECA_GOSSIP_PROT means nothing; did you mean SENECA_GOSSIP_PORT/;
        await until(() => says.test(server.output()), { what: 'the warning' });
      });
    }

    it(`that is wrong is refused at the start, on ${version}`, () =>
      refused(
        { version, wrapper: ['env', 'SENECA_GOSSIP_PORT=http'], options: {} },
        /variable SENECA_GOSSIP_PORT must be a port/,
      ));
  }
});
