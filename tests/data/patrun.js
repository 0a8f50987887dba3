// Writes patrun.json: what Seneca's own matcher finds for random messages in
// random sets of patterns. Run in a folder whose node_modules hold patrun:
//
//   node patrun.js > patrun.json
//
// Patterns are added in the order in which the Rust side ranks globs (more
// literal characters first), because patrun goes by order of registration.
'use strict';

const path = require('node:path');
const { createRequire } = require('node:module');
const here = createRequire(path.join(process.cwd(), 'package.json'));
const { Patrun } = here('patrun');

let state = 20240607;
function random(n) {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return Math.floor((state / 4294967296) * n);
}
const one = (list) => list[random(list.length)];

const KEYS = ['a', 'b', 'c', 'd', 'a-b'];
const VALUES = ['0', '1', 'x', 'xy', 'x*y', 'true', 'null', 'undefined', '1,2'];
const GLOBS = ['*', 'x*', '?', '*y', 'x?', '**', 'x**', '*?', '1*', '?,*', '*e'];
const MESSAGE = [
  0,
  1,
  1.5,
  'x',
  'xy',
  'xyy',
  'x*',
  '*',
  '?',
  '',
  true,
  null,
  [1, 2],
  [],
  { o: 1 },
  '1,2',
];

const literals = (glob) =>
  glob.replace(/\*\*/g, 'L').replace(/\*\?/g, 'L').replace(/[*?]/g, '').length;
const isGlob = (value) => /[*?]/.test(value);
const text = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

function byRank(a, b) {
  const [ka, kb] = [Object.keys(a).sort(), Object.keys(b).sort()];
  for (let i = 0; i < Math.min(ka.length, kb.length); i++) {
    const [va, vb] = [a[ka[i]], b[kb[i]]];
    const kind = isGlob(va) - isGlob(vb);
    const rank = kind || (isGlob(va) ? literals(vb) - literals(va) : 0);
    const order = text(ka[i], kb[i]) || rank || text(va, vb);
    if (order) return order;
  }
  return ka.length - kb.length;
}

function pattern() {
  const out = {};
  const n = 1 + random(3);
  for (let i = 0; i < n; i++) out[one(KEYS)] = random(4) ? one(VALUES) : one(GLOBS);
  return out;
}

const vectors = [];
for (let v = 0; v < 150; v++) {
  const seen = new Map();
  const n = 1 + random(9);
  for (let i = 0; i < n; i++) {
    const p = pattern();
    seen.set(JSON.stringify(Object.entries(p).sort()), p);
  }
  const patterns = [...seen.values()].sort(byRank);
  const router = Patrun({ gex: true });
  for (const [i, p] of patterns.entries()) router.add(p, { i });
  const cases = [];
  for (let c = 0; c < 25; c++) {
    const msg = {};
    // Half of the messages come from a pattern, so that they meet something.
    if (random(2)) Object.assign(msg, one(patterns));
    for (const key of KEYS) if (!random(3)) msg[key] = one(MESSAGE);
    const found = router.find(msg);
    cases.push([msg, found ? found.i : null]);
  }
  vectors.push({ patterns, cases });
}
const lines = vectors.map((v) => JSON.stringify(v));
process.stdout.write(`[${lines.join(',\n')}]\n`);
