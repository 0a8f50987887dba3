'use strict';

const assert = require('node:assert/strict');

const { VERSIONS, act, closeAll, node } = require('./support/seneca');
const { until } = require('./support/until');

for (const version of VERSIONS) {
  describe(`messages of changes, on ${version}`, () => {
    afterEach(closeAll);

    /** Two nodes; `prepare` sees the first one before it starts. */
    async function two(prepare) {
      const first = await node(version, {}, prepare);
      const [{ name }] = (await act(first, 'sys:gossip,get:members')).members;
      const second = await node(version, { seeds: [name] });
      return { first, second };
    }

    it('may be added, with everything that is known of the member', async () => {
      /** @type {any[]} */
      const heard = [];
      const { second } = await two((seneca) => {
        for (const on of ['join', 'leave']) {
          seneca.add({ sys: 'gossip', on }, function note(msg, reply) {
            heard.push(msg);
            this.prior(msg, reply);
          });
        }
      });
      const [join] = await until(() => heard.length > 0 && heard);
      const { members } = await act(second, 'sys:gossip,get:members');
      const self = members.find((member) => member.self);
      assert.equal(join.on, 'join');
      assert.equal(join.name, self.name);
      assert.equal(join.host, self.host);
      assert.deepEqual(join.pins, []);
      await second.close();
      await until(() => heard.some((msg) => msg.on === 'leave' && msg.status === 'left'));
    });

    it('a handler that throws, fails or never replies harms nothing', async () => {
      let called = 0;
      const { first, second } = await two((seneca) => {
        seneca.add('sys:gossip,on:join', () => {
          called++;
          throw new Error('a handler');
        });
        seneca.add('sys:gossip,on:update', (_, reply) => {
          called++;
          reply(new Error('a handler'));
        });
        seneca.sub('sys:gossip,on:join', () => {
          throw new Error('a subscriber');
        });
        seneca.add('sys:gossip,on:leave', () => {
          called++;
        });
      });
      await act(second, { sys: 'gossip', set: 'meta', meta: { a: 1 } });
      await until(() => called >= 1);
      await second.close();
      await until(async () => {
        const { members } = await act(first, 'sys:gossip,get:members');
        return members.some((member) => member.status === 'left');
      });
    });

    it('cost nothing where nobody listens', async () => {
      const { first, second } = await two();
      for (let at = 0; at < 20; at++) {
        await act(second, { sys: 'gossip', set: 'meta', meta: { at } });
      }
      await until(async () => {
        const { members } = await act(first, 'sys:gossip,get:members');
        return members.some((member) => member.meta.at === 19);
      });
      assert.equal(first.private$.stats.actmap['on:update,sys:gossip'].calls, 0);
    });
  });
}
