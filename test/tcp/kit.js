'use strict';

const assert = require('node:assert');
const net = require('node:net');
const path = require('node:path');
const { fork } = require('node:child_process');
const { once } = require('node:events');
const { createListener } = require('../../lib/tcp/listener');
const { createClients } = require('../../lib/tcp/client');
const { createCaller } = require('../../lib/call');
const { addActions, mathOnly } = require('./actions');

/** The Senecas that everything must work on. */
const SENECAS = ['seneca', 'seneca-rc'];

/** What to undo after a test, last first. */
const undo = [];

async function cleanUp() {
  for (const step of undo.splice(0).reverse()) await step();
}

/** A Seneca that says nothing and is closed after the test. */
async function makeSeneca(name = 'seneca', { entity = false, ...options } = {}) {
  const seneca = require(name)({ log: 'silent', timeout: 5000, ...options });
  if (entity) seneca.use('entity');
  await new Promise((resolve) => seneca.ready(resolve));
  undo.push(() => new Promise((resolve) => seneca.close(resolve)));
  return seneca;
}

/** A service in this process. */
async function serve(name = 'seneca', { allows = mathOnly, senecaOptions = {}, ...options } = {}) {
  const seneca = await makeSeneca(name, { tag: 'srv', ...senecaOptions });
  addActions(seneca);
  const listener = createListener({ seneca, host: '127.0.0.1', port: 0, allows, ...options });
  const { host, port } = await listener.listen();
  undo.push(() => listener.close());
  return { seneca, listener, host, port };
}

/** A service in a process of its own. */
async function forkService(options = {}) {
  const child = fork(path.join(__dirname, 'service.js'), [JSON.stringify(options)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const exited = once(child, 'exit');
  undo.push(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
  });
  const [told] = await Promise.race([
    once(child, 'message'),
    exited.then(([code]) => {
      throw new Error(`the service ended with ${code}: ${stderr}`);
    }),
  ]);
  return {
    ...told,
    child,
    exited,
    alive: () => child.exitCode === null && child.signalCode === null,
    async ask(message) {
      const answer = once(child, 'message');
      child.send(message);
      return (await answer)[0];
    },
  };
}

/**
 * Round robin over the targets that are up, as the core would do it with equal load: counts what is in flight.
 */
class Targets {
  constructor() {
    this.up = [];
    this.turn = 0;
    this.inflight = 0;
    this.outcomes = [];
  }

  pick(route, exclude = []) {
    const free = this.up.filter((id) => !exclude.includes(id));
    if (free.length === 0) return -1;
    this.inflight++;
    this.turn++;
    return free[this.turn % free.length];
  }

  begin(route, target) {
    if (!this.up.includes(target)) return false;
    this.inflight++;
    return true;
  }

  done(route, target, latencyUs, outcome) {
    this.inflight--;
    this.outcomes.push({ target, latencyUs, outcome });
  }

  targets() {
    return [...this.up];
  }
}

/** A Seneca that calls `role:math` remotely. */
async function makeCaller(name = 'seneca', { spec = {}, senecaOptions = {}, ...options } = {}) {
  const seneca = await makeSeneca(name, { tag: 'cli', ...senecaOptions });
  const router = new Targets();
  const tcp = createClients({ seneca, ...options });
  const caller = createCaller({ seneca, router, tcp });
  undo.push(() => caller.close());
  const route = { route: 1, pattern: 'role:math', ...spec };
  seneca.add('role:math', { client$: true }, function remote(msg, reply, meta) {
    caller.call(route, msg, meta, reply, this);
  });
  await new Promise((resolve) => seneca.ready(resolve));
  let last = 0;
  return {
    seneca,
    router,
    caller,
    tcp,
    spec: route,
    add({ port, name: targetName }) {
      const id = ++last;
      router.up.push(id);
      caller.addTarget({ id, name: targetName || `t${id}`, host: '127.0.0.1', port, kind: 'tcp' });
      return id;
    },
    drop(id, reason) {
      router.up = router.up.filter((other) => other !== id);
      caller.dropTarget({ id, reason });
    },
  };
}

/** The outcome of an act: `{ out }` or `{ err }`. */
function act(seneca, ...args) {
  return new Promise((resolve) => {
    seneca.act(...args, (err, out) => resolve(err ? { err } : { out }));
  });
}

/** A raw connection that collects the lines it gets. */
async function rawConnection(port) {
  const socket = net.connect(port, '127.0.0.1');
  const lines = [];
  const waiters = [];
  let rest = '';
  let closed = false;
  socket.setEncoding('utf8');
  socket.on('error', () => {});
  socket.on('data', (text) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop();
    lines.push(...parts);
    for (const wake of waiters.splice(0)) wake();
  });
  socket.on('close', () => {
    closed = true;
    for (const wake of waiters.splice(0)) wake();
  });
  undo.push(() => socket.destroy());
  await once(socket, 'connect');
  return {
    socket,
    lines,
    isClosed: () => closed,
    write: (text) => socket.write(text),
    send: (message) => socket.write(`${JSON.stringify(message)}\n`),
    /** The next line as an object, null if the connection closed before it. */
    async next(ms = 10_000) {
      const until = Date.now() + ms;
      while (lines.length === 0 && !closed) {
        const left = until - Date.now();
        if (left <= 0) throw new Error(`no line within ${ms} ms`);
        await new Promise((resolve) => {
          const timer = setTimeout(resolve, left);
          waiters.push(() => {
            clearTimeout(timer);
            resolve();
          });
        });
      }
      return lines.length > 0 ? JSON.parse(lines.shift()) : null;
    },
    async closes(ms = 10_000) {
      if (!closed) await once(socket, 'close', { signal: AbortSignal.timeout(ms) });
    },
  };
}

/** A request in the shape of a stock client's. */
function request(id, message, more = {}) {
  return {
    id,
    kind: 'act',
    origin: 'RAW',
    track: ['RAW'],
    time: { client_sent: Date.now() },
    act: message,
    sync: true,
    ...more,
  };
}

/**
 * As many sums at once, each of which must come back right.
 */
async function manySums(seneca, count) {
  const ask = (_, n) => act(seneca, 'role:math,cmd:sum', { left: n, right: 1 });
  const got = await Promise.all(Array.from({ length: count }, ask));
  got.forEach(({ err, out }, n) => {
    assert.ifError(err);
    assert.strictEqual(out.answer, n + 1);
  });
}

module.exports = {
  SENECAS,
  undo,
  cleanUp,
  makeSeneca,
  serve,
  forkService,
  makeCaller,
  act,
  manySums,
  rawConnection,
  request,
};
