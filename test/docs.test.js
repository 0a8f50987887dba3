'use strict';

// The documents and the code say the same: options, errors, counters and log lines are
// compared, examples are the files that run, links lead somewhere.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const Seneca = require('seneca');

const gossip = require('..');
const { CODES } = require('../lib/errors');

const ROOT = path.join(__dirname, '..');
const { DEFAULTS, resolve } = gossip.intern.options;

/** @param {string} name */
const read = (name) => fs.readFileSync(path.join(ROOT, name), 'utf8');

const README = read('README.md');
const OPERATIONS = read('docs/operations.md');
const DOCUMENTS = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  ...fs
    .readdirSync(path.join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** The text between a heading and the next one of the same level. @param {string} heading */
function section(heading) {
  const [, text] = README.split(`\n## ${heading}\n`);
  assert.ok(text, `README has no heading '${heading}'`);
  return text.split('\n## ')[0];
}

/** Rows of a table, each an array of cells without backticks. @param {string} text */
function rows(text) {
  return text
    .split('\n')
    .filter((line) => line.startsWith('|') && !line.startsWith('| ---'))
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim().replaceAll('`', '')));
}

/** The tables of options, in their order: of the plugin, of `listen`, of `gossip`. */
function optionTables() {
  const parts = section('Options').split('| name | type | default | meaning |');
  return parts.slice(1).map((part) => new Map(rows(part).map(([name, ...rest]) => [name, rest])));
}

/** Names that an option of no meaning is told of. @param {any} wrong */
function known(wrong) {
  try {
    resolve(wrong, { jsonic: Seneca.util.Jsonic });
  } catch (/** @type {any} */ err) {
    const [, list] = /known are: (.*)$/.exec(err.message) ?? [];
    return list.split(', ').map((/** @type {string} */ name) => name.split('.').pop());
  }
  throw new Error('it was not refused');
}

describe('the documents', () => {
  it('list every option of the plugin, with its default', () => {
    const [plugin, listen, engine] = optionTables();
    assert.deepEqual([...plugin.keys()].sort(), known({ nonsense: 1 }).sort());
    assert.deepEqual(
      [...listen.keys()].sort(),
      known({ listen: { pin: 'a:1', nonsense: 1 } }).sort(),
    );
    assert.deepEqual([...engine.keys()].sort(), known({ gossip: { nonsense: 1 } }).sort());
    for (const [name, value] of Object.entries(DEFAULTS)) {
      const shown = typeof value === 'string' ? `'${value}'` : String(value);
      assert.equal(plugin.get(name)?.[1], shown, `default of ${name}`);
    }
  });

  it('have the defaults of the engine', () => {
    const [, , engine] = optionTables();
    const config =
      read('src/engine/config.rs').split('pub fn new')[1] +
      read('src/net/options.rs').split('fn default()')[1];
    for (const [name, [, shown]] of engine) {
      if (['port', 'host', 'order', 'key'].includes(name)) continue;
      const field = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      const [, code] = new RegExp(`\\b${field}: ([\\d_. *]+),`).exec(config) ?? [];
      assert.ok(code, `${field} has no default in the code`);
      const factors = code.replaceAll('_', '').split('*').map(Number);
      assert.equal(
        Number(shown),
        factors.reduce((a, b) => a * b),
        `default of gossip.${name}`,
      );
    }
  });

  it('list every error of a call, and none that does not exist', () => {
    const tables = section('Errors');
    const listed = rows(tables).flatMap(([codes]) => codes.split(', '));
    for (const code of CODES) assert.ok(listed.includes(code), `README lacks ${code}`);
    const sources = ['lib', 'src/net', 'src/addon'].flatMap((folder) =>
      fs
        .readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => /\.(js|rs)$/.test(name))
        .map((name) => read(path.join(folder, name))),
    );
    const code = sources.join('\n');
    for (const name of listed) {
      if (name === 'code' || name === 'ENOTFOUND') continue;
      assert.ok(code.includes(name), `README has ${name}, the code does not`);
    }
  });

  it('explain every counter', () => {
    const drops = read('src/engine/counters.rs').matchAll(/\(Drop::\w+, "(\w+)"\)/g);
    const reasons = [...drops].map(([, name]) => name);
    assert.ok(reasons.length > 10);
    const fields = read('src/engine/counters.rs').matchAll(/pub (\w+): (?:u64|usize),/g);
    const listener = /this\.counters = \{([^}]*)\}/.exec(read('lib/tcp/listener.js'));
    const client = /counters: \{([^}]*)\}/.exec(read('lib/tcp/client.js'));
    const caller = /this\.counters = \{([^}]*)\}/.exec(read('lib/call.js'));
    const names = [listener, client, caller].flatMap((found) =>
      [...(found?.[1] ?? '').matchAll(/(\w+): 0/g)].map(([, name]) => name),
    );
    assert.ok(names.length > 25);
    for (const name of [...reasons, ...[...fields].map(([, field]) => field), ...names]) {
      assert.ok(OPERATIONS.includes(`\`${name}\``) || OPERATIONS.includes(`.${name}\``), name);
    }
  });

  it('explain every line of the log', () => {
    const files = fs.readdirSync(path.join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' });
    const texts = files
      .filter((name) => name.endsWith('.js'))
      .flatMap((name) => [
        ...read(path.join('lib', name)).matchAll(/\blog\(\s*'(\w+)',\s*(['"`])(.*?)\2/g),
      ])
      .map(([, , , text]) => text);
    assert.ok(texts.length > 8);
    for (const text of texts) {
      // What is put in stands as <something> in the document.
      const parts = text.split(/\$\{[^}]*\}/).map((part) => part.trim());
      for (const part of parts) assert.ok(OPERATIONS.includes(part), `'${text}'`);
    }
  });

  it('show the examples as they are', () => {
    const blocks = [...section('Example').matchAll(/```js\n([\s\S]*?)```/g)].map(([, js]) => js);
    assert.equal(blocks.length, 2);
    for (const [at, name] of ['server.js', 'client.js'].entries()) {
      const file = read(`examples/${name}`);
      assert.equal(blocks[at], file.slice(file.indexOf('const Seneca')), name);
    }
  });

  it('have links that lead somewhere', () => {
    /** Anchors of headings, as GitHub makes them. @param {string} name */
    const anchors = (name) =>
      [...read(name).matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
        title
          .toLowerCase()
          .replace(/[^\w\- ]/g, '')
          .replaceAll(' ', '-'),
      );
    for (const name of DOCUMENTS) {
      for (const [, link] of read(name).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^https?:/.test(link)) continue;
        const [file, anchor] = link.split('#');
        const target = file ? path.join(path.dirname(name), file) : name;
        assert.ok(fs.existsSync(path.join(ROOT, target)), `${name}: ${link}`);
        if (anchor) assert.ok(anchors(target).includes(anchor), `${name}: ${link}`);
      }
    }
  });
});
