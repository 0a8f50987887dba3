'use strict';

/**
 * The actions that the services of these tests answer, on whichever Seneca. Used by the test process itself and by the
 * services that it forks.
 *
 * @param {any} seneca
 */
function addActions(seneca) {
  seneca.add('role:math,cmd:sum', (msg, reply) => reply(null, { answer: msg.left + msg.right }));
  seneca.add('role:math,cmd:fail', (msg, reply) => {
    const err = new Error('bad thing');
    Object.assign(err, { code: 'E_BAD', details: { q: 1 }, status: 422 });
    reply(err);
  });
  seneca.add('role:math,cmd:throw', () => {
    throw new Error('thrown thing');
  });
  seneca.add('role:math,cmd:nothing', (msg, reply) => reply());
  seneca.add('role:math,cmd:list', (msg, reply) => reply(null, [1, { a: 2 }, 'x']));
  seneca.add('role:math,cmd:scalar', (msg, reply) => reply(null, 5));
  seneca.add('role:math,cmd:cycle', (msg, reply) => {
    const out = { a: { b: 1 } };
    out.a.up = out;
    reply(null, out);
  });
  seneca.add('role:math,cmd:bigint', (msg, reply) => reply(null, { big: 10n }));
  seneca.add('role:math,cmd:never', () => {});
  seneca.add('role:math,cmd:slow', (msg, reply) => {
    setTimeout(() => reply(null, { n: msg.n, by: seneca.tag }), msg.ms);
  });
  seneca.add('role:math,cmd:pad', (msg, reply) => reply(null, { pad: 'x'.repeat(msg.size) }));
  seneca.add('role:math,cmd:echo', (msg, reply) => {
    const { meta$, ...plain } = msg;
    const { transport$, ...rest } = plain;
    reply(null, { msg: rest, track: transport$ && transport$.track });
  });
  seneca.add('role:math,cmd:meta', (msg, reply, meta) => {
    const { id, tx, timeout, custom, parents, remote, fatal } = meta;
    reply(null, { id, tx, timeout, custom, parents, remote, fatal: Boolean(fatal) });
  });
  const seen = [];
  seneca.add('role:math,cmd:note', (msg, reply) => {
    seen.push(msg.n);
    reply(null, { ok: true });
  });
  seneca.add('role:math,cmd:noted', (msg, reply) => reply(null, { seen, by: seneca.tag }));
  seneca.add('role:hidden,cmd:secret', (msg, reply) => reply(null, { secret: true }));
  return seneca;
}

/** A remote caller may have `role:math`, nothing else. */
function mathOnly(act) {
  return act.role === 'math';
}

module.exports = { addActions, mathOnly };
