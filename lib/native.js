// @ts-check
'use strict';

// The native addon, or an error that a person can act on.
//
// The generated loader (binding.js) gives advice that is wrong for most causes. What leaves here
// is a plain Error without `code`: a MODULE_NOT_FOUND out of a plugin is reported by Seneca as
// 'plugin not found', which sends people looking in the wrong place.

const fs = require('node:fs');
const path = require('node:path');

/** @typedef {typeof import('../binding.js')} Binding */

const ROOT = path.join(__dirname, '..');

/** Platforms with a prebuilt package: `napi.targets` of package.json, in npm's words. */
const PREBUILT = [
  'linux-x64-gnu',
  'linux-arm64-gnu',
  'linux-x64-musl',
  'linux-arm64-musl',
  'darwin-x64',
  'darwin-arm64',
  'win32-x64-msvc',
];

/**
 * Why the loader failed, last tried first: it chains its reasons as causes. Its fallback to
 * WebAssembly, which this package does not have, is left out.
 *
 * @param {any} err
 * @returns {string[]}
 */
function reasonsOf(err) {
  const found = [];
  // Bounded: nothing promises that a chain of causes ends.
  for (let at = err?.cause, i = 0; at && i < 32; at = at.cause, i++) {
    const text = String(at.message ?? at).split('\n')[0];
    if (!/wasi/.test(text)) found.push(text);
  }
  return found.length > 0 ? found : [String(err?.message ?? err).split('\n')[0]];
}

/**
 * @param {any} err what the loader threw
 * @param {{ platform: string, arch: string,  version: string, checkout: boolean,
 *   override?: string }} here
 * @returns {string} what to tell the user
 */
function explain(err, here) {
  const reasons = reasonsOf(err);
  const broken = reasons.find((text) => !/^(Cannot find module|Unsupported)/.test(text));
  // The loader's own word for this platform: it has found out which C library this is.
  const tuple = /'seneca-gossip-([a-z0-9-]+)'/.exec(reasons.join())?.[1] ?? null;
  const libc = { gnu: 'glibc', musl: 'musl' }[tuple?.split('-')[2] ?? ''];
  const where = `${here.platform} ${here.arch}${libc ? ` (${libc})` : ''}`;

  const lines = [];
  if (here.override) {
    lines.push(
      `NAPI_RS_NATIVE_LIBRARY_PATH names ${here.override}, which cannot be loaded.`,
      'Unset that environment variable to use the binary that npm has installed.',
    );
  } else if (here.checkout) {
    lines.push(
      `the native binary for ${where} ${broken ? 'cannot be loaded' : 'has not been built'}.`,
      'This is a checkout of the repository: run npm run build (needs Rust).',
    );
  } else if (broken) {
    lines.push(
      `the native binary for ${where} is there, but cannot be loaded.`,
      'It may be made for another platform or C library, or be damaged. Install it anew on this' +
        ' machine: remove node_modules and run npm ci (or npm install).',
    );
  } else if (tuple ? !PREBUILT.includes(tuple) : reasons.some((text) => /^Unsup/.test(text))) {
    lines.push(
      `there is no prebuilt binary for ${where}. There is one for ${PREBUILT.join(', ')}.`,
      'Elsewhere build it from a checkout of the repository: npm install (needs Rust).',
    );
  } else {
    lines.push(
      `the native binary for ${where} is missing.`,
      `It comes in the npm package ${tuple ? `seneca-gossip-${tuple}` : 'of the platform'},` +
        ` version ${here.version}, an optional dependency that npm installs by itself. If it did not:`,
      '- after --omit=optional or --no-optional, run npm install without it;',
      '- if node_modules was copied from another platform, run npm ci on this one;',
      '- if package-lock.json was written on another platform and lacks the package, remove' +
        ' package-lock.json and node_modules and run npm install.',
    );
  }
  return `seneca-gossip: ${lines.join('\n')}\nTried: ${reasons.reverse().join('; ')}`;
}

/** @returns {Binding} */
function load() {
  try {
    return require('../binding.js');
  } catch (err) {
    throw new Error(
      explain(err, {
        platform: process.platform,
        arch: process.arch,
        version: JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8')).version,
        checkout: fs.existsSync(path.join(ROOT, 'Cargo.toml')),
        override: process.env.NAPI_RS_NATIVE_LIBRARY_PATH,
      }),
    );
  }
}

// At require, not at the first use: whoever has loaded the package has a binary that works.
const binding = load();

/** @returns {Binding['Node']} the class of the native node */
function nativeNode() {
  return binding.Node;
}

/**
 * What every call crosses for, as functions of a node's handle (see src/addon/calls.rs), and what is asked before there is
 * a node. Frozen, so that the compiler knows that there is nothing else.
 */
const core = Object.freeze({
  pick: binding.pick,
  pickOther: binding.pickOther,
  pickKey: binding.pickKey,
  ask: binding.ask,
  shardEnter: binding.shardEnter,
  shardExit: binding.shardExit,
  shardOwns: binding.shardOwns,
  shardOf: binding.shardOf,
  begin: binding.begin,
  done: binding.done,
  interfaceAddress: binding.interfaceAddress,
});

module.exports = { core, nativeNode };
