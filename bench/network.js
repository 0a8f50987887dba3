'use strict';

// What a network at fault costs: `npm run bench:network`. Three hosts (network namespaces), each with a service (retry: 1),
// a client that makes 50 calls a second all the while, and one in Rust that makes one after the other. Needs root, iproute2 and nftables.

const { whyNoLoss } = require('../test/support/netns');
const { callsDuring, FAULTS } = require('../test/support/network');
const { killAll } = require('../test/support/processes');
const { betweenHosts, start } = require('./hosts');
const { parseArgs } = require('node:util');

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } });

async function main() {
  const reason = whyNoLoss();
  if (reason) throw new Error(`packets cannot be lost on purpose here: ${reason}`);
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new Error('--seconds must be a number above 0');
  await betweenHosts(3, async (hosts) => {
    console.log(
      `| a fault of ${seconds} s | calls | failed | slower than 1 s | slowest ms | from Rust | failed | slowest ms | one view again, ms |`,
    );
    console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
    for (const [what, fault] of Object.entries(FAULTS)) {
      const seen = await callsDuring(hosts, { fault: () => fault(hosts), ms: seconds * 1000 });
      const { calls, failed, slow, slowest, rust, together, codes } = seen;
      const lost = failed.length > 0 ? `${failed.length} ${JSON.stringify(codes)}` : 'none';
      const lostInRust = rust.failed.length > 0 ? JSON.stringify(rust.failed) : 'none';
      const ofRust = `${rust.calls} | ${lostInRust} | ${rust.slowest}`;
      console.log(
        `| ${what} | ${calls} | ${lost} | ${slow} | ${slowest} | ${ofRust} | ${together} |`,
      );
      await killAll();
    }
  });
}

start(main);
