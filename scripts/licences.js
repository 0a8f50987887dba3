// @ts-check
'use strict';

// The licences of the crates inside the binary, and of those that services in Rust may have besides. The npm package itself
// has no dependencies.
//
//   node scripts/licences.js           fails when one of them is not a permissive one (part of lint)
//   node scripts/licences.js --write   writes THIRD-PARTY.md, which goes into the npm package
//
// Crates for other platforms are included: one list serves every binary.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');

const PERMISSIVE = new Set([
  ...['MIT', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', '0BSD', 'Zlib', 'Unlicense'],
  // Of Unicode tables in build tools.
  'Unicode-3.0',
]);

/**
 * Is an SPDX expression satisfied by permissive licences alone?
 *
 * @param {string} expression such as `(MIT OR Apache-2.0) AND Unicode-3.0`
 */
function permissive(expression) {
  // `A/B` is cargo's old way to write `A OR B`; an exception (WITH) only takes conditions away.
  const tokens = expression
    .replaceAll('/', ' OR ')
    .replace(/ WITH \S+/g, '')
    .match(/[()]|[^\s()]+/g);
  if (!tokens) return false;
  let at = 0;
  /** @returns {boolean} */
  const atom = () => {
    const token = tokens[at++];
    if (token !== '(') return PERMISSIVE.has(token);
    const inner = any();
    at++; // the closing parenthesis
    return inner;
  };
  const all = () => {
    let ok = atom();
    while (tokens[at] === 'AND') {
      at++;
      ok = atom() && ok;
    }
    return ok;
  };
  const any = () => {
    let ok = all();
    while (tokens[at] === 'OR') {
      at++;
      ok = all() || ok;
    }
    return ok;
  };
  return any() && at === tokens.length;
}

/**
 * The crates that the addon is made of, or the crate with other features: without dev and build dependencies.
 *
 * @param {string} [features]
 * @returns {{ name: string, version: string, license: string | null, repository: string | null,
 *   manifest_path: string }[]}
 */
function crates(features = 'addon') {
  const args = ['metadata', '--format-version', '1', '--features', features, '--locked'];
  const said = spawnSync('cargo', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (said.error) throw said.error;
  if (said.status !== 0) throw new Error(said.stderr);
  const metadata = JSON.parse(said.stdout);
  const packages = new Map(metadata.packages.map((/** @type {any} */ p) => [p.id, p]));
  const nodes = new Map(metadata.resolve.nodes.map((/** @type {any} */ n) => [n.id, n]));
  const seen = new Set();
  const todo = [metadata.resolve.root];
  for (let id = todo.pop(); id; id = todo.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    for (const dep of nodes.get(id).deps) {
      if (dep.dep_kinds.some((/** @type {any} */ kind) => kind.kind === null)) todo.push(dep.pkg);
    }
  }
  seen.delete(metadata.resolve.root);
  return [...seen]
    .map((id) => packages.get(id))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/**
 * The text of a crate's licence; of several to choose from, MIT's.
 *
 * @param {string} manifest
 */
function text(manifest) {
  const dir = path.dirname(manifest);
  const files = fs.readdirSync(dir).filter((name) => /^(licen[cs]e|copying)/i.test(name));
  const best = files.find((name) => /mit/i.test(name)) ?? files.sort()[0];
  return best ? fs.readFileSync(path.join(dir, best), 'utf8').trim() : null;
}

function notices() {
  const lines = [
    '# Third-party software',
    '',
    'The native binary of seneca-gossip contains these Rust crates, under their own licences.',
  ];
  for (const crate of crates()) {
    lines.push('', `## ${crate.name} ${crate.version}`, '', `Licence: ${crate.license}`);
    if (crate.repository) lines.push('', `Source: <${crate.repository}>`);
    const licence = text(crate.manifest_path);
    if (licence) lines.push('', '```text', licence, '```');
  }
  return `${lines.join('\n')}\n`;
}

if (process.argv.includes('--write')) {
  fs.writeFileSync(path.join(root, 'THIRD-PARTY.md'), notices());
} else {
  const all = crates('addon,tls');
  const bad = all.filter(({ license }) => !license || !permissive(license));
  for (const { name, version, license } of bad) {
    process.stderr.write(
      `${name} ${version}: licence ${license ?? 'unknown'} is not on the list\n`,
    );
  }
  process.exitCode = bad.length > 0 ? 1 : 0;
}
