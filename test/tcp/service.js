'use strict';

/**
 * A service of the tests as a process of its own: `fork(service, [JSON])` with
 * `{ seneca: 'seneca' | 'seneca-rc', stock: false, tag, port, entity, maxLine, maxConnections }`.
 * Tells its port, answers `stats`, `goodbye`, `drain` and `close` over IPC.
 */

const { addActions, mathOnly } = require('./actions');
const { createListener } = require('../../lib/tcp/listener');

const options = JSON.parse(process.argv[2]);
const Seneca = require(options.seneca || 'seneca');

const seneca = Seneca({
  log: 'silent',
  tag: options.tag || 'srv',
  timeout: options.timeout || 22222,
});
if (options.entity) seneca.use('entity');
addActions(seneca);

if (options.stock) seneca.listen({ type: 'tcp', host: '127.0.0.1', port: options.port });

seneca.ready(async () => {
  if (options.stock) {
    process.send({ port: options.port, pid: process.pid });
    return;
  }
  const { maxLine, maxConnections, patience } = options;
  const listener = createListener({
    seneca,
    host: '127.0.0.1',
    port: options.port || 0,
    allows: mathOnly,
    maxLine,
    maxConnections,
    patience,
  });
  const { host, port } = await listener.listen();
  process.on('message', async (/** @type {any} */ asked) => {
    if (asked.cmd === 'stats') {
      process.send({ stats: listener.stats(), rss: process.memoryUsage().rss });
    } else if (asked.cmd === 'goodbye') {
      listener.goodbye();
      process.send({ goodbye: true });
    } else if (asked.cmd === 'drain') {
      process.send({ left: await listener.drain(asked.ms) });
    } else if (asked.cmd === 'close') {
      await listener.close();
      process.send({ closed: true });
    } else if (asked.cmd === 'block') {
      process.send({ blocking: true });
      setTimeout(() => {
        const until = Date.now() + asked.ms;
        while (Date.now() < until);
      }, 10);
    }
  });
  process.send({ host, port, pid: process.pid });
});
