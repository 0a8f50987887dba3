// @ts-check
'use strict';

// Everything: the Rust tests, then the JavaScript tests on a current build of the addon. Both run
// even when the first fails; the runners' own output and closing lines pass through unchanged.

const { spawnSync } = require('node:child_process');
const path = require('node:path');

const root = path.join(__dirname, '..');
const node = process.execPath;
const mocha = path.join(path.dirname(require.resolve('mocha/package.json')), 'bin', 'mocha.js');

/**
 * @param {string} title
 * @param {string} command
 * @param {string[]} args
 */
function run(title, command, args) {
  const started = Date.now();
  const ended = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (ended.error) process.stderr.write(`${title}: ${ended.error.message}\n`);
  const ok = !ended.error && ended.status === 0;
  return { title, ok, seconds: ((Date.now() - started) / 1000).toFixed(1) };
}

const args = ['test', '--features', 'tls', '--no-fail-fast', ...process.argv.slice(2)];
const results = [run('Rust tests', 'cargo', args)];
const build = run('addon build', node, [path.join(__dirname, 'build.js')]);
results.push(build);
// Tests of a stale or missing addon would say nothing about this tree.
if (build.ok) results.push(run('JavaScript tests', node, [mocha, 'test/**/*.test.js']));

for (const { title, ok, seconds } of results) {
  process.stdout.write(`${title}: ${ok ? 'ok' : 'FAILED'} in ${seconds} s\n`);
}
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
