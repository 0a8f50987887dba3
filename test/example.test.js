'use strict';

// The README's example, in two processes, as a user has it: the package and Seneca
// in node_modules, the files beside them. Only the ports are others.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { killAll, script } = require('./support/processes');
const { freePort } = require('./support/ports');
const { VERSIONS } = require('./support/seneca');
const { until } = require('./support/until');

const ROOT = path.join(__dirname, '..');

/** A folder that has the package and one version of Seneca. */
function project(version) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'gossip-example-'));
  const modules = path.join(folder, 'node_modules');
  fs.mkdirSync(modules);
  fs.symlinkSync(ROOT, path.join(modules, 'seneca-gossip'));
  fs.symlinkSync(
    path.dirname(require.resolve(`${version}/package.json`)),
    path.join(modules, 'seneca'),
  );
  return folder;
}

for (const version of VERSIONS) {
  describe(`the example, on ${version}`, function () {
    this.timeout(30_000);
    let folder;

    before(async () => {
      folder = project(version);
      const first = await freePort();
      const second = await freePort();
      const client = await freePort();
      for (const name of ['server.js', 'client.js']) {
        const text = fs
          .readFileSync(path.join(ROOT, 'examples', name), 'utf8')
          .replaceAll('4444', String(first))
          .replaceAll('4445', String(first + 1))
          .replaceAll('4454', String(second))
          .replaceAll('6666', String(client));
        fs.writeFileSync(path.join(folder, name), text);
      }
    });
    after(() => fs.rmSync(folder, { recursive: true, force: true }));
    afterEach(killAll);

    it('every call is answered right, from the first one on', async () => {
      const server = script(path.join(folder, 'server.js'), { cwd: folder });
      await until(() => /cmd:add is/.test(server.output()) && /cmd:mcl is/.test(server.output()));
      const client = script(path.join(folder, 'client.js'), { cwd: folder });
      await until(() => client.output().split('\n').length > 4);
      const lines = client.output().trim().split('\n');
      assert.deepEqual(
        lines.filter((line) => line !== '2 + 3 = 5' && line !== '2 * 3 = 6'),
        [],
      );
      assert.ok(lines.includes('2 + 3 = 5') && lines.includes('2 * 3 = 6'));
    });

    it('is also found by its name', async () => {
      const port = await freePort();
      const file = path.join(folder, 'name.js');
      fs.writeFileSync(
        file,
        `const seneca = require('seneca')({ log: 'silent' });
         seneca.use('gossip', { port: ${port} });
         seneca.ready(() => seneca.act('sys:gossip,get:members', (err, out) => {
           console.log(err ? err.message : out.members[0].name);
           seneca.close();
         }));`,
      );
      const run = script(file, { cwd: folder });
      const { code } = await run.ended;
      assert.equal(run.output().trim(), `127.0.0.1:${port + 1}`);
      assert.equal(code, 0);
    });
  });
}

describe('the sharded counters', function () {
  this.timeout(60_000);
  let folder;

  before(() => {
    folder = project('seneca');
    const text = fs.readFileSync(path.join(ROOT, 'examples', 'counters.js'), 'utf8');
    // A directory of its own.
    fs.writeFileSync(path.join(folder, 'counters.js'), text.replace('os.tmpdir()', '__dirname'));
  });
  after(() => fs.rmSync(folder, { recursive: true, force: true }));
  afterEach(killAll);

  it('each count goes on where it was, whoever joins and leaves', async () => {
    const [one, two] = [await freePort(), await freePort()];
    const run = (/** @type {number} */ port, /** @type {string[]} */ ...seeds) => {
      const args = [String(port), ...seeds];
      return script(path.join(folder, 'counters.js'), { cwd: folder, args });
    };
    const first = run(one);
    await until(() => /\d+, by/.test(first.output()), { within: 15_000 });
    const second = run(two, `127.0.0.1:${one + 1}`);
    const gained = () => /[1-9]\d* shards gained/.test(second.output());
    await until(gained, { within: 30_000, what: 'shards of the second' });
    process.kill(/** @type {number} */ (first.pid), 'SIGTERM');
    await first.ended;
    const before = second.output().length;
    const later = () => second.output().slice(before);
    const all = () => ['ann', 'bob', 'cem', 'dia'].every((user) => later().includes(`${user}: `));
    await until(all, { within: 30_000, what: 'counts of all users' });
    // Counts of each user, in the order in which they were given: never one twice, none left out.
    for (const user of ['ann', 'bob', 'cem', 'dia']) {
      const lines = `${first.output()}\n${second.output()}`;
      const found = [...lines.matchAll(new RegExp(`^${user}: (\\d+),`, 'gm'))];
      const counts = found.map(([, count]) => Number(count)).sort((a, b) => a - b);
      assert.deepEqual(
        counts,
        Array.from(counts, (_, at) => at + 1),
        user,
      );
    }
  });
});
