'use strict';

// A service or a caller of another system, in a process of its own, told over IPC what to do. Its
// first argument is JSON: { system: 'moleculer' | 'stock tcp', port, ports, calls, retry, timeout }
//   port    its own
//   ports   of all that may be there; of moleculer each is a node's, of stock tcp the only one called
//   calls   does it call, or answer?

const { listen, tell, traffic } = require('../../test/support/told');
const made = require('../systems');

const setup = JSON.parse(process.argv[2]);

const PIN = 'role:traffic';
const MSG = `${PIN},cmd:who`;

/** @type {Record<string, () => Promise<(done: (err: any, out?: any) => void) => void>>} */
const systems = {
  async moleculer() {
    const { port, ports, calls, retry = 0, timeout = 22_222 } = setup;
    const urls = ports.map((/** @type {number} */ one) => `127.0.0.1:${one}/node-${one}`);
    const broker = made.moleculer(
      `node-${port}`,
      { port, urls },
      { requestTimeout: timeout, retryPolicy: { enabled: retry > 0, retries: retry } },
    );
    if (!calls) {
      broker.createService({ name: 'traffic', actions: { who: () => ({ pid: process.pid }) } });
    }
    await broker.start();
    if (calls) {
      const answering = () => broker.registry.actions.get('traffic.who')?.count() ?? 0;
      while (answering() < ports.length - 1) await new Promise((r) => setTimeout(r, 50));
    }
    return (done) => {
      broker.call('traffic.who').then(
        (/** @type {any} */ out) => done(null, out),
        (/** @type {any} */ err) => done(err),
      );
    };
  },

  async 'stock tcp'() {
    const { ports, calls, timeout = 22_222 } = setup;
    const seneca = made.seneca(timeout);
    const at = { type: 'tcp', host: '127.0.0.1', port: ports[0], pin: PIN };
    if (calls) seneca.client(at);
    else {
      seneca.add(MSG, (/** @type {any} */ _, /** @type {any} */ reply) =>
        reply({ pid: process.pid }),
      );
      seneca.listen(at);
    }
    await new Promise((resolve) => seneca.ready(() => resolve(null)));
    return (done) => seneca.act(MSG, done);
  },
};

systems[setup.system]().then((call) => {
  listen(traffic((_, done) => call(done)));
  tell({ ready: true });
});
// As long as it is asked: not every system keeps its process alive.
setInterval(() => {}, 1000);
process.on('disconnect', () => process.exit());
