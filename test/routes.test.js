'use strict';

// Which action answers, when the routes of a cluster come and go. The routes are
// driven by hand here, on real Seneca; calls that would leave are noted.

const assert = require('node:assert/strict');

const { intern } = require('..');
const { VERSIONS, act, closeAll, plain, ready } = require('./support/seneca');

/**
 * @param {string} version
 * @param {{ override?: boolean, local?: string[] }} [setup]
 */
async function setup(version, { override = false, local = [] } = {}) {
  const seneca = plain(version);
  for (const pattern of local) seneca.add(pattern, (_, reply) => reply({ local: pattern }));
  await ready(seneca);
  const caller = {
    call(spec, _msg, _meta, reply) {
      reply(null, { remote: spec.pattern, route: spec.route });
    },
  };
  /** Instances behind the routes, by the route's id. */
  const behind = {};
  const routes = new intern.routes.Routes({
    root: seneca.root,
    caller,
    override,
    instances: (route) => behind[route] ?? [`instance ${route}`],
  });
  const up = (pattern, id = 1, offer = {}) => {
    routes.up({ id, pattern, offer });
    routes.settle();
  };
  const down = (pattern) => routes.down({ pattern });
  const ask = async (msg) => {
    const { local: here, remote } = await act(seneca, msg);
    return here ? `local ${here}` : `remote ${remote}`;
  };
  return { seneca, routes, behind, up, down, ask };
}

for (const version of VERSIONS) {
  describe(`routes, on ${version}`, () => {
    afterEach(closeAll);

    it('the most specific one answers', async () => {
      const { up, ask } = await setup(version);
      up('role:api', 1);
      up('cmd:add,role:api', 2);
      assert.equal(await ask('role:api,cmd:add'), 'remote cmd:add,role:api');
      assert.equal(await ask('role:api,cmd:add,x:1'), 'remote cmd:add,role:api');
      assert.equal(await ask('role:api,cmd:mcl'), 'remote role:api');
    });

    it('globs and patterns with signs in them are routes', async () => {
      const { routes, up, ask } = await setup(version);
      up('cmd:a*,role:api', 1);
      const pattern = { role: 'api', url: 'http://x,y:1' };
      routes.up({ id: 2, pattern: 'role:api,url:http://x,y:1', offer: { pattern } });
      assert.equal(await ask({ role: 'api', cmd: 'abc' }), 'remote cmd:a*,role:api');
      assert.equal(await ask(pattern), 'remote role:api,url:http://x,y:1');
    });

    it('an unknown pattern fails as ever', async () => {
      const { up, ask } = await setup(version);
      up('role:api');
      await assert.rejects(ask('role:other'), { code: 'act_not_found' });
    });

    it('a local action wins over a remote one of the same pattern', async () => {
      const { up, ask } = await setup(version, { local: ['role:api,cmd:add'] });
      up('cmd:add,role:api');
      assert.equal(await ask('role:api,cmd:add'), 'local role:api,cmd:add');
    });

    it('also when it comes later', async () => {
      const { seneca, up, ask } = await setup(version);
      up('cmd:add,role:api');
      assert.equal(await ask('role:api,cmd:add'), 'remote cmd:add,role:api');
      seneca.add('role:api,cmd:add', (_, reply) => reply({ local: 'later' }));
      assert.equal(await ask('role:api,cmd:add'), 'local later');
    });

    it('with override the remote one wins', async () => {
      const { up, ask } = await setup(version, { override: true, local: ['role:api,cmd:add'] });
      up('cmd:add,role:api');
      assert.equal(await ask('role:api,cmd:add'), 'remote cmd:add,role:api');
    });

    it('with override also over a local one that comes later', async () => {
      const { seneca, routes, up, ask } = await setup(version, { override: true });
      up('cmd:add,role:api');
      seneca.add('role:api,cmd:add', (_, reply) => reply({ local: 'later' }));
      routes.covered(seneca.find('role:api,cmd:add'));
      await new Promise(setImmediate);
      assert.equal(await ask('role:api,cmd:add'), 'remote cmd:add,role:api');
    });

    it('a specific local action is not hidden by a general route, nor the reverse', async () => {
      const { up, ask } = await setup(version, { local: ['role:api,cmd:add', 'role:b'] });
      up('role:api', 1);
      up('cmd:x,role:b', 2);
      assert.equal(await ask('role:api,cmd:add'), 'local role:api,cmd:add');
      assert.equal(await ask('role:api,cmd:mcl'), 'remote role:api');
      assert.equal(await ask('role:b,cmd:x'), 'remote cmd:x,role:b');
      assert.equal(await ask('role:b,cmd:y'), 'local role:b');
    });

    it('a route without targets hides nothing that is more general and alive', async () => {
      const { up, down, ask } = await setup(version, { local: ['role:loc'] });
      up('role:api', 1);
      up('cmd:add,role:api', 2);
      up('cmd:add,role:api,v:2', 3);
      up('cmd:add,role:loc', 4);
      down('cmd:add,role:api,v:2');
      assert.equal(await ask('role:api,cmd:add,v:2'), 'remote cmd:add,role:api');
      down('cmd:add,role:api');
      assert.equal(await ask('role:api,cmd:add,v:2'), 'remote role:api');
      down('cmd:add,role:loc');
      assert.equal(await ask('role:loc,cmd:add'), 'local role:loc');
      // Nobody else: the caller finds that there is no target.
      down('role:api');
      assert.equal(await ask('role:api,cmd:add'), 'remote cmd:add,role:api');
      up('cmd:add,role:api', 2);
      assert.equal(await ask('role:api,cmd:add,v:2'), 'remote cmd:add,role:api');
    });

    it('under override a local action answers when the route has no target', async () => {
      const { up, down, ask } = await setup(version, {
        override: true,
        local: ['role:api,cmd:add'],
      });
      up('cmd:add,role:api');
      down('cmd:add,role:api');
      assert.equal(await ask('role:api,cmd:add'), 'local role:api,cmd:add');
    });

    it('a message from the network is answered by the local action under its route', async () => {
      const { up, ask } = await setup(version, { override: true, local: ['role:api,cmd:add'] });
      up('cmd:add,role:api');
      const transport$ = { track: ['somebody'], origin: 'somebody', time: {} };
      const msg = { role: 'api', cmd: 'add', transport$, remote$: true };
      assert.equal(await ask(msg), 'local role:api,cmd:add');
    });

    it('a message from the network may be passed on, but not for ever', async () => {
      const { up, ask } = await setup(version);
      up('cmd:add,role:api');
      const from = (track) => ({ role: 'api', cmd: 'add', transport$: { track }, remote$: true });
      assert.equal(await ask(from(['a', 'b'])), 'remote cmd:add,role:api');
      const far = Array.from({ length: 8 }, (_, at) => `node ${at}`);
      await assert.rejects(ask(from(far)), { code: 'message_loop' });
    });

    it('and not to where it came through: then the more general action answers', async () => {
      const { up, ask, behind } = await setup(version, { local: ['role:loc'] });
      behind[1] = ['a'];
      behind[2] = ['a', 'b'];
      up('cmd:add,role:api', 1);
      up('role:api', 2);
      up('cmd:add,role:loc', 1);
      const from = (role, track) => ({ role, cmd: 'add', transport$: { track }, remote$: true });
      assert.equal(await ask(from('api', ['c'])), 'remote cmd:add,role:api');
      assert.equal(await ask(from('api', ['a'])), 'remote role:api');
      await assert.rejects(ask(from('api', ['a', 'b'])), { code: 'message_loop' });
      assert.equal(await ask(from('loc', ['a'])), 'local role:loc');
    });

    it('local$ stays at home', async () => {
      const { up, ask, seneca } = await setup(version, {
        override: true,
        local: ['role:api,cmd:add'],
      });
      up('cmd:add,role:api');
      assert.equal(await ask('role:api,cmd:add,local$:true'), 'local role:api,cmd:add');
      up('cmd:far,role:api');
      assert.equal(await act(seneca, 'role:api,cmd:far,local$:true'), null);
    });

    it('a call to a needed pattern waits for its first target', async () => {
      const { routes, up, ask } = await setup(version);
      routes.need('role:api', { role: 'api' });
      const general = ask('role:api,cmd:mcl');
      const specific = ask('role:api,cmd:add');
      await new Promise((resolve) => setTimeout(resolve, 50));
      up('cmd:add,role:api', 1);
      assert.equal(await specific, 'remote cmd:add,role:api');
      assert.equal(routes.waiting.calls.size, 1);
      up('role:api', 2);
      assert.equal(await general, 'remote role:api');
      assert.equal(routes.waiting.calls.size, 0);
    });

    it('and no longer than its deadline', async () => {
      const { routes, seneca } = await setup(version);
      routes.need('role:api', { role: 'api' });
      await assert.rejects(act(seneca, { role: 'api', cmd: 'add', timeout$: 100 }), {
        code: 'no_target',
      });
      assert.equal(routes.waiting.calls.size, 0);
    });

    it('500 routes are laid without stalling the loop', async () => {
      const { seneca, up } = await setup(version);
      const began = process.hrtime.bigint();
      for (let id = 0; id < 500; id++) up(`cmd:c${id},role:many`, id);
      const took = Number(process.hrtime.bigint() - began) / 1e6;
      assert.ok(took < 5000, `${took} ms`);
      assert.equal((await act(seneca, 'role:many,cmd:c499')).remote, 'cmd:c499,role:many');
    });
  });
}
