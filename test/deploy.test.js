'use strict';

// The recipe for Docker Compose, without Docker: its services on hosts of their own, with the environment that the file
// gives them, and the name that Compose would resolve.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { Hosts, skipIf, whyNot } = require('./support/netns');
const { killAll, program } = require('./support/processes');
const { pause, until } = require('./support/until');

const ROOT = path.join(__dirname, '..');
const RECIPE = path.join(ROOT, 'examples/deploy');
const COPIES = [0, 1, 2];
const CALLER = 3;

/** What compose.yaml sets, with a key. */
function environment() {
  const text = fs.readFileSync(path.join(RECIPE, 'compose.yaml'), 'utf8');
  const set = [...text.matchAll(/^ {4}(SENECA_GOSSIP_\w+): (.+)$/gm)];
  const values = Object.fromEntries(set.map(([, name, value]) => [name, value]));
  assert.deepEqual(Object.keys(values).sort(), [
    'SENECA_GOSSIP_HOST',
    'SENECA_GOSSIP_KEY',
    'SENECA_GOSSIP_PORT',
    'SENECA_GOSSIP_SEEDS',
  ]);
  return { ...values, SENECA_GOSSIP_KEY: randomBytes(32).toString('base64') };
}

describe('the recipe for containers', function () {
  this.timeout(180_000);
  this.slow(60_000);
  /** @type {Hosts} */
  let hosts;
  let dir = '';

  before(function () {
    skipIf(this, whyNot());
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'seneca-gossip-deploy-'));
    fs.cpSync(RECIPE, dir, { recursive: true });
    fs.mkdirSync(path.join(dir, 'node_modules'), { recursive: true });
    for (const [name, place] of [
      ['seneca', path.join(ROOT, 'node_modules/seneca')],
      ['seneca-gossip', ROOT],
    ]) {
      fs.symlinkSync(place, path.join(dir, 'node_modules', name));
    }
    hosts = new Hosts(COPIES.length + 1);
    hosts.resolve({ api: COPIES });
  });
  after(async () => {
    await killAll();
    hosts?.remove();
    if (dir) fs.rmSync(dir, { recursive: true });
  });

  it('copies find each other by one name; what calls them notices neither a deploy nor a crash', async () => {
    const set = Object.entries(environment()).map(([name, value]) => `${name}=${value}`);
    const start = (/** @type {number} */ host, /** @type {string} */ file) => {
      const [command, ...args] = hosts.on(host);
      return program(command, [...args, 'env', ...set, process.execPath, path.join(dir, file)]);
    };
    const copies = COPIES.map((host) => start(host, 'service.js'));
    const caller = start(CALLER, 'caller.js');
    const lines = () => caller.output().split('\n').slice(0, -1);
    /** Waits for an answer from each, and from no other since. @param {any[]} which */
    const answered = async (which) => {
      const since = lines().length;
      await until(
        () => which.every(({ pid }) => lines().slice(since).join('\n').includes(`by ${pid}`)),
        { within: 60_000, what: `answers of ${which.length}: ${caller.output()}` },
      );
    };
    await answered(copies);
    copies[0].child.kill('SIGTERM');
    // It has left, and then ends as the signal wants it.
    assert.equal((await copies[0].ended).signal, 'SIGTERM', copies[0].output());
    copies[0] = start(0, 'service.js');
    await answered(copies);
    copies[1].child.kill('SIGKILL');
    await copies[1].ended;
    await pause(3000);
    // Beside what Seneca logs, as JSON.
    const told = lines().filter((line) => !line.startsWith('{'));
    const odd = told.filter((line) => !/^\d+ \+ 1 = \d+, by \d+$/.test(line));
    assert.deepEqual(odd, []);
  });
});
