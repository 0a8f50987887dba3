#!/usr/bin/env node
'use strict';

// `npx seneca-gossip keygen`

const { randomBytes } = require('node:crypto');

const HELP = `Usage: npx seneca-gossip <command>

  keygen    prints a new key for the option gossip.key, or SENECA_GOSSIP_KEY
  help      prints this
`;

const [command, ...more] = process.argv.slice(2);

if (command === 'keygen' && more.length === 0) {
  process.stdout.write(`${randomBytes(32).toString('base64')}\n`);
} else if (['help', '--help', '-h'].includes(command) && more.length === 0) {
  process.stdout.write(HELP);
} else {
  const what =
    command === undefined
      ? 'a command is missing'
      : `'${[command, ...more].join(' ')}' is no command`;
  process.stderr.write(`seneca-gossip: ${what}\n\n${HELP}`);
  process.exitCode = 2;
}
