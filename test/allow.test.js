'use strict';

// Networks that may reach a node: others are turned away at both ports, before anything of theirs is read.

const assert = require('node:assert/strict');
const dgram = require('node:dgram');
const net = require('node:net');

const { intern } = require('..');
const { freePort } = require('./support/ports');
const { killAll, service } = require('./support/processes');
const { until } = require('./support/until');
const wire = require('./support/wire');
const { Jsonic } = require('seneca').util;

const resolve = (/** @type {any} */ options) => intern.options.resolve(options, { jsonic: Jsonic });

describe('allow', function () {
  this.timeout(30_000);
  afterEach(killAll);

  it('is a list of networks, and says which entry is none', () => {
    assert.deepEqual(resolve({}).allow, []);
    assert.deepEqual(resolve({ allow: '10.0.0.0/8' }).allow, ['10.0.0.0/8']);
    assert.deepEqual(resolve({ allow: ['::1', 'fd00::/8'] }).allow, ['::1', 'fd00::/8']);
    const wrong = [
      '10.0.0.0/33',
      'example.com',
      '10.0.0',
      '::/129',
      '::ffff:10.0.0.1',
      '',
      7,
      null,
    ];
    for (const entry of wrong) {
      assert.throws(() => resolve({ allow: ['10.0.0.1', entry] }), /'allow\[1\]' must be one of/);
    }
    assert.throws(() => resolve({ allow: [] }), /'allow' must be an array/);
  });

  it('turns others away at both ports, counts and logs them', async () => {
    const port = await freePort();
    const node = await service({
      version: 'seneca',
      seneca: { log: 'warn' },
      add: [['role:api,cmd:add', 'sum']],
      options: { port, pin: 'role:api', allow: ['127.0.0.1'] },
    });
    const client = await service({
      version: 'seneca',
      options: { seeds: [`127.0.0.1:${port + 1}`] },
    });
    assert.equal((await client.act('role:api,cmd:add,left:1,right:2')).answer, 3);

    const closed = (/** @type {number} */ to) =>
      new Promise((resolve, reject) => {
        const socket = net.connect({ port: to, host: '127.0.0.1', localAddress: '127.0.0.2' });
        socket.on('error', () => {});
        socket.on('data', () => reject(new Error('it says something')));
        socket.on('close', resolve);
        socket.write('{"id":"a/b","kind":"act","act":{},"sync":true}\n');
      });
    await Promise.all([closed(port), closed(port + 1)]);
    const stranger = dgram.createSocket('udp4');
    let heard = 0;
    stranger.on('message', () => heard++);
    await new Promise((resolve) => stranger.bind(0, '127.0.0.2', () => resolve(null)));
    const from = `127.0.0.2:${stranger.address().port}`;
    const ping = wire.ping({ from, to: `127.0.0.1:${port + 1}`, nonce: 7n });
    for (let n = 0; n < 20; n++) stranger.send(ping, port + 1, '127.0.0.1');

    await until(async () => {
      const { counters, calls } = await node.act('sys:gossip,get:status');
      return counters.dropped.not_allowed >= 21 && calls.in.notAllowed === 1;
    });
    stranger.close();
    assert.equal(heard, 0);
    await until(() =>
      /127\.0\.0\.2.* is not in 'allow'; its connection was closed/.test(node.output()),
    );
    await until(() => /127\.0\.0\.2.* sends gossip and is not in 'allow'/.test(node.output()));
    assert.equal((await client.act('role:api,cmd:add,left:1,right:2')).answer, 3);
  });
});
