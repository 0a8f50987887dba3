// @ts-check
'use strict';

// index.d.ts against programs that a TypeScript user would write.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const path = require('node:path');

const TSC = path.join(path.dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');

describe('types', function () {
  this.timeout(120000);

  it('let right programs through and stop wrong ones', () => {
    const project = path.join(__dirname, 'types', 'tsconfig.json');
    const ended = spawnSync(process.execPath, [TSC, '-p', project], { encoding: 'utf8' });
    if (ended.error) throw ended.error;
    assert.equal(ended.status, 0, ended.stdout + ended.stderr);
  });
});
