'use strict';

const assert = require('node:assert/strict');

const { intern } = require('..');
const { VERSIONS, act, closeAll, plain, ready } = require('./support/seneca');
const { until } = require('./support/until');

const { Publisher } = intern.publish;

/**
 * A publisher on a real instance, and what it published last.
 *
 * @param {any} seneca
 * @param {any} pin
 */
function publisher(seneca, pin, offer = {}) {
  const entries = [{ pins: intern.patterns.pins(pin, seneca.util.Jsonic), offer }];
  const seen = { offers: /** @type {any} */ (null), times: 0 };
  const made = new Publisher({
    root: seneca.root,
    entries,
    isOurs: intern.routes.isOurs,
    publish(offers) {
      seen.offers = offers;
      seen.times++;
    },
  });
  made.start();
  return { made, seen, patterns: () => seen.offers.map(([pattern]) => pattern) };
}

const reply = (_, done) => done();

for (const version of VERSIONS) {
  describe(`what is published, on ${version}`, () => {
    afterEach(closeAll);

    it('is what is answered inside the pin, not the pin', async () => {
      const seneca = plain(version);
      seneca
        .add('role:api,cmd:add', reply)
        .add('role:api,cmd:mcl,v:2', reply)
        .add('role:other', reply);
      await ready(seneca);
      const { patterns } = publisher(seneca, 'role:api');
      assert.deepEqual(patterns(), ['cmd:add,role:api', 'cmd:mcl,role:api,v:2']);
    });

    it('is nothing where nothing is answered', async () => {
      const seneca = plain(version);
      await ready(seneca);
      assert.deepEqual(publisher(seneca, 'role:api').patterns(), []);
    });

    it('has globs', async () => {
      const seneca = plain(version);
      seneca.add('role:api,cmd:a*', reply).add('role:api,cmd:*,v:1', reply);
      await ready(seneca);
      assert.deepEqual(publisher(seneca, 'role:api').patterns(), [
        'cmd:*,role:api,v:1',
        'cmd:a*,role:api',
      ]);
    });

    it('is the pin itself where a more general action answers it', async () => {
      const seneca = plain(version);
      seneca.add('role:api', reply).add('role:api,cmd:add', reply);
      await ready(seneca);
      assert.deepEqual(publisher(seneca, 'role:api,cmd:mcl').patterns(), ['cmd:mcl,role:api']);
    });

    it('has what is added later, however late', async () => {
      const seneca = plain(version);
      await ready(seneca);
      const { patterns, seen } = publisher(seneca, 'role:api');
      seneca.add('role:api,cmd:one', reply).add('role:api,cmd:two', reply);
      seneca.use(function later() {
        this.add('role:api,cmd:three', reply);
      });
      await until(() => patterns().length === 3);
      assert.deepEqual(patterns(), ['cmd:one,role:api', 'cmd:three,role:api', 'cmd:two,role:api']);
      // One after the start, one for the first two together, one for the plugin's.
      assert.ok(seen.times <= 3, `published ${seen.times} times`);
    });

    it('is nothing of Seneca itself, nor of its plugins, under a glob', async () => {
      const seneca = plain(version);
      seneca.add('role:user,cmd:login', reply).add('sys:user,get:name', reply);
      await ready(seneca);
      assert.deepEqual(publisher(seneca, 'role:*').patterns(), ['cmd:login,role:user']);
      assert.deepEqual(publisher(seneca, 'sys:*').patterns(), []);
      assert.deepEqual(publisher(seneca, 'cmd:*').patterns(), ['cmd:login,role:user']);
    });

    it('has a sys of the user that the pin names', async () => {
      const seneca = plain(version);
      seneca.add('sys:user,get:name', reply);
      await ready(seneca);
      assert.deepEqual(publisher(seneca, 'sys:user').patterns(), ['get:name,sys:user']);
    });

    it('leaves out what other processes answer', async () => {
      const seneca = plain(version);
      seneca.add('role:api,cmd:add', reply);
      seneca.add({ role: 'api', cmd: 'far', client$: true }, reply);
      await ready(seneca);
      assert.deepEqual(publisher(seneca, 'role:api').patterns(), ['cmd:add,role:api']);
    });

    it('sees a local action below a route of our own', async () => {
      const seneca = plain(version);
      seneca.add('role:api,cmd:add', reply);
      await ready(seneca);
      const routes = new intern.routes.Routes({
        root: seneca.root,
        caller: { call() {} },
        override: true,
        instances: () => [],
      });
      const { patterns } = publisher(seneca, 'role:api');
      routes.up({ id: 1, pattern: 'cmd:add,role:api', offer: {} });
      routes.up({ id: 2, pattern: 'cmd:mcl,role:api', offer: {} });
      assert.equal(seneca.find('role:api,cmd:add').client, true);
      await new Promise(setImmediate);
      assert.deepEqual(patterns(), ['cmd:add,role:api']);
    });

    it('keeps rules and directives out of the pattern', async () => {
      const seneca = plain(version);
      seneca.add({ role: 'api', cmd: 'rule', n: Number, deprecate$: 'old' }, reply);
      await ready(seneca);
      assert.deepEqual(publisher(seneca, 'role:api').patterns(), ['cmd:rule,role:api']);
    });

    it('carries as an object what its text cannot', async () => {
      const seneca = plain(version);
      const odd = { role: 'api', url: 'http://x,y:1' };
      seneca.add(odd, reply).add('role:api,n:7', reply);
      await ready(seneca);
      const { seen } = publisher(seneca, 'role:api', { retry: 1 });
      assert.deepEqual(seen.offers, [
        ['n:7,role:api', { retry: 1 }],
        ['role:api,url:http://x,y:1', { retry: 1, pattern: odd }],
      ]);
    });

    it('takes the offer of the most specific pin', async () => {
      const seneca = plain(version);
      seneca.add('role:api,cmd:add', reply).add('role:api,cmd:pay', reply);
      await ready(seneca);
      const pin = (text) => intern.patterns.pins(text, seneca.util.Jsonic);
      let offers;
      new Publisher({
        root: seneca.root,
        entries: [
          { pins: pin('role:api'), offer: { retry: 3 } },
          { pins: pin('role:api,cmd:pay'), offer: { retry: 0 } },
        ],
        isOurs: () => false,
        publish: (all) => {
          offers = all;
        },
      }).start();
      assert.deepEqual(offers, [
        ['cmd:add,role:api', { retry: 3 }],
        ['cmd:pay,role:api', { retry: 0 }],
      ]);
    });

    it('disturbs no add', async () => {
      const seneca = plain(version);
      await ready(seneca);
      publisher(seneca, 'role:api');
      seneca.add('role:api,cmd:add', (msg, done) => done({ sum: msg.a + msg.b }));
      assert.deepEqual({ ...(await act(seneca, 'role:api,cmd:add,a:1,b:2')) }, { sum: 3 });
    });
  });
}
