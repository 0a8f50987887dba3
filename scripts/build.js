// @ts-check
'use strict';

// Builds the native addon with cargo and puts it beside its loader:
//   seneca-gossip.<platform>.node, binding.js, binding.d.ts, THIRD-PARTY.md
//
//   node scripts/build.js                 release build; nothing to do when nothing changed
//   node scripts/build.js --debug         debug build
//   node scripts/build.js --target T      for another target triple; further options go to `napi build`
//   node scripts/build.js --if-checkout   what `prepare` runs: silent where there are no Rust sources

const { spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');

/**
 * @param {string} text
 * @returns {never}
 */
function fail(text) {
  process.stderr.write(`seneca-gossip: ${text}\n`);
  process.exit(1);
}

/** Cargo's complaint when it is missing is a bare ENOENT: say what to install instead. */
function needCargo() {
  const cargo = spawnSync('cargo', ['--version'], { cwd: root, encoding: 'utf8' });
  if (cargo.error || cargo.status !== 0) {
    fail(
      'building the addon from a checkout needs Rust, and `cargo --version` did not run' +
        ` (${cargo.error ? cargo.error.message : cargo.stderr.trim()}).\n` +
        'Install Rust from https://rustup.rs and run `npm install` again.\n' +
        'An install from the npm registry brings a prebuilt binary and needs no Rust.',
    );
  }
}

/** @returns {string} the path of napi's command line program */
function napiCli() {
  try {
    const manifest = require.resolve('@napi-rs/cli/package.json', { paths: [root] });
    return path.join(path.dirname(manifest), require(manifest).bin.napi);
  } catch {
    return fail(
      'building the addon from a checkout needs @napi-rs/cli, a dev dependency:' +
        ' run `npm install` without --omit=dev.',
    );
  }
}

/**
 * What the binary is made of. Without this, the second build would compile the crate once more:
 * the first one runs with an environment variable (napi's NAPI_FORCE_BUILD_*) that cargo tracks.
 *
 * @param {string[]} args
 */
function fingerprint(args) {
  const hash = crypto.createHash('sha256');
  hash.update(JSON.stringify([args, process.version, process.env.RUSTFLAGS, root]));
  hash.update(spawnSync('rustc', ['-vV'], { cwd: root }).stdout ?? '');
  const add = (/** @type {string} */ name) => {
    const file = path.join(root, name);
    const stat = fs.statSync(file, { throwIfNoEntry: false });
    if (stat?.isDirectory()) {
      for (const entry of fs.readdirSync(file).sort()) add(path.join(name, entry));
    } else {
      hash.update(`${name}\0${stat ? stat.size : 'none'}\0`);
      if (stat) hash.update(fs.readFileSync(file));
    }
  };
  const inputs = ['src', 'build.rs', 'Cargo.toml', 'Cargo.lock', 'package.json'];
  for (const name of [...inputs, 'binding.js', 'binding.d.ts']) add(name);
  // The binaries by size and time only: they are large, and nobody edits one.
  for (const name of fs.readdirSync(root).filter((name) => name.endsWith('.node'))) {
    const { size, mtimeMs } = fs.statSync(path.join(root, name));
    hash.update(`${name}\0${size}\0${mtimeMs}\0`);
  }
  return hash.digest('hex');
}

function main() {
  const args = process.argv.slice(2);
  const take = (/** @type {string} */ flag) => {
    const at = args.indexOf(flag);
    if (at >= 0) args.splice(at, 1);
    return at >= 0;
  };
  if (take('--if-checkout') && !fs.existsSync(path.join(root, 'Cargo.toml'))) return;
  const debug = take('--debug');
  const options = [
    ...['build', '--platform', '--features', 'addon'],
    ...['--js', 'binding.js', '--dts', 'binding.d.ts'],
    ...(debug ? [] : ['--release']),
    ...args,
  ];

  const stamp = path.join(root, 'target', 'addon.stamp');
  const before = fs.existsSync(stamp) ? fs.readFileSync(stamp, 'utf8') : '';
  if (before !== '' && before === fingerprint(options)) return;

  const napi = napiCli();
  needCargo();
  const built = spawnSync(process.execPath, [napi, ...options], { cwd: root, stdio: 'inherit' });
  if (built.error) fail(`napi build did not start: ${built.error.message}`);
  if (built.status !== 0) process.exit(built.status ?? 1);
  // Whoever gets the binary gets the licences of what is in it.
  const notices = [path.join(__dirname, 'licences.js'), '--write'];
  const wrote = spawnSync(process.execPath, notices, { cwd: root, stdio: 'inherit' });
  if (wrote.status !== 0) process.exit(wrote.status ?? 1);
  fs.mkdirSync(path.dirname(stamp), { recursive: true });
  fs.writeFileSync(stamp, fingerprint(options));
}

main();
