'use strict';

// A client that knows one gossip address and nothing of who answers what. Arguments: that
// address, and how many calls of role:api,cmd:add to make a second.

const Seneca = require('seneca');

const gossip = require('..');
const { report, tell } = require('./child');

const [seed, rate] = process.argv.slice(2);

const seneca = Seneca({ tag: 'client', log: 'silent' });
seneca.use(gossip, { seeds: [seed] });

report(seneca);

/**
 * @param {any} msg
 * @returns {Promise<any>} what came back, and how long it took; an error is no exception here
 */
function call(msg) {
  const at = Date.now();
  const begun = performance.now();
  return new Promise((resolve) => {
    seneca.act(msg, (/** @type {any} */ err, /** @type {any} */ out) => {
      resolve({ at, ms: performance.now() - begun, error: err && (err.code || err.message), out });
    });
  });
}

/** One of many: only what became of it is told. */
async function background(/** @type {number} */ n) {
  const { at, ms, error, out } = await call({ role: 'api', cmd: 'add', left: n, right: 1 });
  const wrong = error || (out.answer === n + 1 ? null : `${n} + 1 = ${out.answer}`);
  tell({ call: { at, ms, error: wrong, by: out?.by ?? null } });
}

/** The two questions, and who is here, as this client sees it. */
async function ask() {
  const two = { role: 'api', left: 2, right: 3 };
  const [sum, product, members, routes, status] = await Promise.all([
    call({ ...two, cmd: 'add' }),
    call({ ...two, cmd: 'mcl' }),
    call('sys:gossip,get:members'),
    call('sys:gossip,get:routes'),
    call('sys:gossip,get:status'),
  ]);
  // The Rust service does not say who it is; but only one node has that route.
  const route = routes.out.routes.find((/** @type {any} */ one) => /cmd:mcl/.test(one.pattern));
  tell({
    asked: {
      sum: { error: sum.error, answer: sum.out?.answer, by: sum.out?.by },
      product: {
        error: product.error,
        answer: product.out?.answer,
        by: route?.targets.map((/** @type {any} */ target) => target.name).join(),
      },
      members: Object.fromEntries(
        members.out.members.map((/** @type {any} */ { name, status: state }) => [name, state]),
      ),
      calls: status.out.calls.out,
    },
  });
}

seneca.ready(() => {
  ask();
  const timers = [setInterval(ask, 1000)];
  let n = 0;
  timers.push(setInterval(() => background(n++), 1000 / Number(rate)));
  process.on('message', () => {
    for (const timer of timers) clearInterval(timer);
  });
});
