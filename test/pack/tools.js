// @ts-check
'use strict';

// What test/pack.test.js needs of npm, processes and ports.

const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');

const ROOT = path.join(__dirname, '..', '..');
const NAPI = path.join(
  path.dirname(require.resolve('@napi-rs/cli/package.json')),
  require('@napi-rs/cli/package.json').bin.napi,
);

/** @returns {string} the binary that the build has put at the root */
function findBinary() {
  // The loader knows best. A process of its own, so that this one stays without the addon.
  const script =
    "require('./lib/native');" +
    "const f = Object.keys(require.cache).find((f) => f.endsWith('.node'));" +
    "process.stdout.write(require('path').basename(f))";
  const found = spawnSync(process.execPath, ['-e', script], { cwd: ROOT, encoding: 'utf8' });
  assert.equal(found.status, 0, found.stderr);
  return found.stdout;
}

/**
 * Runs a command to its end; what it printed is in the error when it fails.
 *
 * @param {string} cwd
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
function run(cwd, command, args, env = process.env) {
  const ended = spawnSync(command, args, { cwd, env, encoding: 'utf8', timeout: 240000 });
  if (ended.error) throw ended.error;
  const said = `${command} ${args.join(' ')}\n${ended.stdout}\n${ended.stderr}`;
  assert.equal(ended.status, 0, said);
  return ended.stdout;
}

/** npm's own script, so that npm runs on this very Node.js and without a shell. */
function npmCli() {
  const fromNpm = process.env.npm_execpath;
  if (fromNpm && /npm-cli\.js$/.test(fromNpm)) return fromNpm;
  for (const dir of (process.env.PATH ?? '').split(path.delimiter)) {
    const file = path.join(dir, process.platform === 'win32' ? 'npm.cmd' : 'npm');
    if (!fs.existsSync(file)) continue;
    const real = fs.realpathSync(file);
    if (/npm-cli\.js$/.test(real)) return real;
    const beside = path.join(dir, 'node_modules', 'npm', 'bin', 'npm-cli.js');
    if (fs.existsSync(beside)) return beside;
  }
  throw new Error('this test needs npm on the PATH');
}

/**
 * @param {string} cwd
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
function npm(cwd, args, env) {
  return run(cwd, process.execPath, [npmCli(), ...args], env);
}

/**
 * @param {string} from folder of the package
 * @param {string} to folder for the tarball
 * @returns {{ file: string, paths: string[], size: number }}
 */
function pack(from, to) {
  const out = npm(from, ['pack', '--ignore-scripts', '--json', '--pack-destination', to]);
  const packed = JSON.parse(out);
  const [said] = Array.isArray(packed) ? packed : Object.values(packed);
  return {
    file: path.join(to, said.filename),
    paths: said.files.map((/** @type {{ path: string }} */ entry) => entry.path),
    size: said.size,
  };
}

/**
 * A PATH that leads to node and to nothing else: no compiler, no cargo, no python.
 *
 * @param {string} dir
 * @returns {NodeJS.ProcessEnv}
 */
function bareEnv(dir) {
  const bin = path.join(dir, 'bin');
  fs.mkdirSync(bin);
  fs.symlinkSync(process.execPath, path.join(bin, 'node'));
  fs.symlinkSync('/bin/sh', path.join(bin, 'sh'));
  return { ...process.env, PATH: bin };
}

/**
 * An empty project with Seneca from npm and our tarballs.
 *
 * @param {string} dir
 * @param {string} seneca version
 * @param {string[]} tarballs
 * @param {NodeJS.ProcessEnv} env
 */
function project(dir, seneca, tarballs, env) {
  fs.mkdirSync(dir);
  fs.writeFileSync(path.join(dir, 'package.json'), JSON.stringify({ private: true }));
  const flags = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
  npm(dir, ['install', ...flags, `seneca@${seneca}`, ...tarballs], env);
  for (const name of ['server.js', 'client.js']) {
    fs.copyFileSync(path.join(__dirname, name), path.join(dir, name));
  }
  return dir;
}

/**
 * @param {string} dir
 * @param {string} script
 * @param {string[]} flags of node
 */
function evaluate(dir, script, ...flags) {
  const env = { ...process.env };
  delete env.NODE_PATH;
  return spawnSync(process.execPath, [...flags, '-e', script], { cwd: dir, env, encoding: 'utf8' });
}

/** A service port whose neighbour, the gossip port, is free as well. */
async function freePort() {
  for (let i = 0; i < 50; i++) {
    const first = net.createServer();
    await new Promise((done) => first.listen(0, '127.0.0.1', () => done(null)));
    const { port } = /** @type {net.AddressInfo} */ (first.address());
    const second = net.createServer();
    const free = await new Promise((done) => {
      second.once('error', () => done(false));
      second.listen(port + 1, '127.0.0.1', () => done(true));
    });
    await new Promise((done) => first.close(done));
    if (free) {
      await new Promise((done) => second.close(done));
      return port;
    }
  }
  throw new Error('no two neighbouring ports are free');
}

/** A server process and a client process of the installed project: what did the client hear? */
async function callAcross(/** @type {string} */ dir) {
  const port = await freePort();
  const server = spawn(process.execPath, ['server.js', String(port)], { cwd: dir });
  let said = '';
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
  }
  const exited = new Promise((done) => server.once('exit', (code) => done(code)));
  try {
    for (let i = 0; !said.includes('ready'); i++) {
      assert.ok(i < 200 && server.exitCode === null, `the server did not get ready:\n${said}`);
      await new Promise((done) => setTimeout(done, 50));
    }
    const client = spawnSync(process.execPath, ['client.js', `127.0.0.1:${port + 1}`], {
      cwd: dir,
      encoding: 'utf8',
      timeout: 30000,
    });
    assert.equal(client.status, 0, `${client.stdout}\n${client.stderr}\nserver: ${said}`);
    server.stdin.end();
    const code = await exited;
    return { answer: JSON.parse(client.stdout), pid: server.pid, code };
  } finally {
    server.kill('SIGKILL');
  }
}

module.exports = { ROOT, NAPI, bareEnv, callAcross, evaluate, findBinary, pack, project, run };
