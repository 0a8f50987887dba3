// @ts-check
'use strict';

// What a user installs: the packed tarballs in an empty project, with Seneca from npm, without
// install scripts and with no compiler on the PATH.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const tools = require('./pack/tools');
const { ROOT, NAPI, callAcross, evaluate, pack, project, run } = tools;

const MANIFEST = require('../package.json');

describe('npm pack and npm install', function () {
  this.timeout(300000);
  /** @type {string} */
  let dir;
  /** @type {NodeJS.ProcessEnv} */
  let env;
  /** File name of the binary of this platform. */
  let BINARY = '';
  /** The part of that name that says for what it is built, such as linux-x64-gnu. */
  let TUPLE = '';

  before(() => {
    BINARY = tools.findBinary();
    TUPLE = BINARY.split('.')[1];
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'seneca-gossip-pack-'));
    env = tools.bareEnv(dir);
  });
  after(() => fs.rmSync(dir, { recursive: true, force: true }));

  it('has a platform package for every target', () => {
    const npmDir = path.join(ROOT, 'npm');
    const packages = fs.readdirSync(npmDir).map((name) => {
      const manifest = JSON.parse(fs.readFileSync(path.join(npmDir, name, 'package.json'), 'utf8'));
      assert.equal(manifest.name, `${MANIFEST.name}-${name}`);
      assert.equal(manifest.version, MANIFEST.version);
      assert.deepEqual(manifest.files, [`seneca-gossip.${name}.node`]);
      assert.equal(manifest.main, manifest.files[0]);
      assert.ok(manifest.os.length === 1 && manifest.cpu.length === 1);
      return name;
    });
    // The words of the error for a missing binary are kept by hand.
    const native = fs.readFileSync(path.join(ROOT, 'lib', 'native.js'), 'utf8');
    const named = /PREBUILT = \[([^\]]*)\]/.exec(native)?.[1].match(/[a-z0-9-]+/g) ?? [];
    assert.deepEqual([...named].sort(), packages.sort());
    assert.equal(packages.length, MANIFEST.napi.targets.length);
  });

  it('keeps one version in package.json and Cargo.toml', () => {
    const cargo = fs.readFileSync(path.join(ROOT, 'Cargo.toml'), 'utf8');
    assert.equal(/^version = "(.*)"/m.exec(cargo)?.[1], MANIFEST.version);
  });

  describe('a tarball packed in a checkout', () => {
    /** @type {ReturnType<typeof pack>} */
    let tarball;
    before(() => {
      tarball = pack(ROOT, dir);
    });

    it('holds what a user needs and nothing else', () => {
      const { paths } = tarball;
      for (const name of ['index.js', 'index.d.ts', 'binding.js', 'binding.d.ts', BINARY]) {
        assert.ok(paths.includes(name), `${name} is not in ${paths}`);
      }
      for (const name of [
        'package.json',
        'README.md',
        'LICENSE',
        'CHANGELOG.md',
        'THIRD-PARTY.md',
      ]) {
        assert.ok(paths.includes(name), `${name} is not in ${paths}`);
      }
      const odd = paths.filter((name) => {
        const known =
          /^(lib\/.*\.js|bin\/seneca-gossip\.js|[^/]*\.(js|d\.ts|json|md|node)|LICENSE)$/;
        return !known.test(name) || /mocharc|biome|tsconfig/.test(name);
      });
      assert.deepEqual(odd, []);
      assert.deepEqual(
        paths.filter((name) => name.endsWith('.node')),
        [BINARY],
      );
    });

    it('runs with no install script', () => {
      for (const name of ['preinstall', 'install', 'postinstall']) {
        assert.equal(name in MANIFEST.scripts, false);
      }
      assert.equal('dependencies' in MANIFEST, false);
    });

    it('installs alone, carries the binary of this platform and is called by name', async () => {
      const app = project(path.join(dir, 'checkout'), '3.38.0', [tarball.file], env);
      const { answer, pid, code } = await callAcross(app);
      assert.deepEqual(answer, { sum: 5, pid });
      assert.equal(code, 0);
    });
  });

  describe('tarballs as on the registry', () => {
    /** @type {string[]} */
    let tarballs;

    // The steps of the release workflow. napi insists on a binary for every target; the six that
    // this machine cannot build are copies of the one here, and none of them is ever installed.
    before(() => {
      const stage = path.join(dir, 'stage');
      fs.mkdirSync(stage);
      for (const name of pack(ROOT, dir).paths) {
        fs.cpSync(path.join(ROOT, name), path.join(stage, name));
      }
      fs.cpSync(path.join(ROOT, 'npm'), path.join(stage, 'npm'), { recursive: true });
      fs.rmSync(path.join(stage, BINARY));
      for (const name of fs.readdirSync(path.join(stage, 'npm'))) {
        const file = path.join(stage, 'artifacts', name, `seneca-gossip.${name}.node`);
        fs.mkdirSync(path.dirname(file), { recursive: true });
        fs.copyFileSync(path.join(ROOT, BINARY), file);
      }
      const napi = (/** @type {string[]} */ ...args) =>
        run(stage, process.execPath, [NAPI, ...args]);
      napi('artifacts');
      for (const name of fs.readdirSync(stage)) {
        if (name.endsWith('.node')) fs.rmSync(path.join(stage, name));
      }
      napi('pre-publish', '-t', 'npm', '--skip-optional-publish', '--no-gh-release');

      const out = path.join(dir, 'release');
      fs.mkdirSync(out);
      const main = pack(stage, out);
      assert.deepEqual(
        main.paths.filter((name) => name.endsWith('.node')),
        [],
      );
      const platform = pack(path.join(stage, 'npm', TUPLE), out);
      assert.ok(platform.paths.includes(BINARY));
      tarballs = [main.file, platform.file];
    });

    for (const version of ['3.38.0', '4.0.0-rc5']) {
      it(`loads the platform package and answers calls on Seneca ${version}`, async () => {
        const app = project(path.join(dir, `app-${version}`), version, tarballs, env);
        const loaded = evaluate(
          app,
          "require('seneca-gossip'); process.stdout.write(JSON.stringify(" +
            "Object.keys(require.cache).filter((f) => f.endsWith('.node'))))",
        );
        assert.equal(loaded.status, 0, loaded.stderr);
        const [file, ...more] = JSON.parse(loaded.stdout);
        assert.deepEqual(more, []);
        assert.ok(file.endsWith(path.join(`seneca-gossip-${TUPLE}`, BINARY)), file);

        const { answer, pid, code } = await callAcross(app);
        assert.deepEqual(answer, { sum: 5, pid });
        assert.equal(code, 0);

        const esm = "import gossip, { Gossiper } from 'seneca-gossip';";
        const print = 'process.stdout.write(typeof gossip + (gossip.Gossiper === Gossiper))';
        const imported = evaluate(app, `${esm} ${print}`, '--input-type=module');
        assert.equal(imported.stdout, 'functiontrue', imported.stderr);
      });
    }

    it('says what to do when the platform package is missing', () => {
      const app = project(path.join(dir, 'missing'), '3.38.0', tarballs, env);
      fs.rmSync(path.join(app, 'node_modules', `seneca-gossip-${TUPLE}`), { recursive: true });
      const script =
        "try { require('seneca-gossip') } catch (e) { process.stdout.write(" +
        'JSON.stringify({ message: e.message, name: e.name, coded: "code" in e })) }';
      const { message, name, coded } = JSON.parse(evaluate(app, script).stdout);
      assert.equal(name, 'Error');
      assert.equal(coded, false);
      assert.ok(message.includes(`${process.platform} ${process.arch}`), message);
      assert.ok(message.includes(`seneca-gossip-${TUPLE}, version ${MANIFEST.version}`), message);
      assert.ok(message.includes('--omit=optional'), message);

      // Through Seneca it must not turn into 'plugin not found'.
      const seneca =
        "const s = require('seneca')({ log: 'silent', debug: { undead: true } });" +
        's.error((e) => { console.log(e.message); process.exit(0) });' +
        "try { s.use('gossip', {}) } catch (e) { console.log(e.message); process.exit(0) }";
      const used = evaluate(app, seneca);
      assert.ok(used.stdout.includes('is missing'), `${used.stdout}\n${used.stderr}`);
      assert.ok(used.stdout.includes(`seneca-gossip-${TUPLE}`), used.stdout);
    });

    it('says what to do when the binary cannot be loaded', () => {
      const app = project(path.join(dir, 'broken'), '3.38.0', tarballs, env);
      const file = path.join(app, 'node_modules', `seneca-gossip-${TUPLE}`, BINARY);
      fs.writeFileSync(file, 'not a shared object');
      const { status, stderr } = evaluate(app, "require('seneca-gossip')");
      assert.notEqual(status, 0);
      assert.ok(stderr.includes('is there, but cannot be loaded'), stderr);
    });
  });
});
