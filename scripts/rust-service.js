// @ts-check
'use strict';

// The Rust service of examples/service.rs, which the demo, the tests and the benchmarks run as a
// process of its own, or that of another example. `npm install` builds it in a checkout, with the profile and the
// features that `npm test` uses: what is compiled here is not compiled again there.
//
//   node scripts/rust-service.js [--if-checkout]    builds it, prints where it is

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');

/**
 * Builds it where that is necessary; a build of what is up to date takes a moment.
 *
 * @param {{ slow?: () => void, stderr?: 'inherit' | 'pipe', example?: string }} [how] `slow` is
 *   called once when it takes long
 * @returns {Promise<string>} path of the binary
 */
function rustService({ slow, stderr = 'pipe', example = 'service' } = {}) {
  return new Promise((resolve, reject) => {
    const args = ['build', '--features', 'tls', '--example', example];
    args.push('--message-format=json-render-diagnostics');
    const child = spawn('cargo', args, { cwd: root, stdio: ['ignore', 'pipe', stderr] });
    const timer = slow && setTimeout(slow, 1500);
    let said = '';
    let complaints = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      complaints += text;
    });
    child.once('error', (err) => {
      clearTimeout(timer);
      reject(
        new Error(`cargo did not start (${err.message}): install Rust from https://rustup.rs`),
      );
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      const found = code === 0 ? executable(said, example) : null;
      if (found) resolve(found);
      else reject(new Error(`cargo ${args.join(' ')} failed (${code})\n${complaints}`));
    });
  });
}

/**
 * Where cargo has put it: the user's settings may have moved the target folder.
 *
 * @param {string} said one JSON message a line
 * @param {string} example
 * @returns {string | null}
 */
function executable(said, example) {
  for (const line of said.split('\n').reverse()) {
    if (!line.startsWith('{')) continue;
    const { target, executable: file } = JSON.parse(line);
    if (file && target?.name === example && target.kind.includes('example')) return file;
  }
  return null;
}

if (require.main === module) {
  const skip =
    process.argv.includes('--if-checkout') && !fs.existsSync(path.join(root, 'Cargo.toml'));
  if (!skip) {
    rustService({ stderr: 'inherit' }).then(
      (file) => process.stdout.write(`${path.relative(process.cwd(), file)}\n`),
      (err) => {
        process.stderr.write(`seneca-gossip: ${err.message}\n`);
        process.exitCode = 1;
      },
    );
  }
}

module.exports = { rustService };
