'use strict';

// A network at fault between three hosts, each with a service and a client that calls all the while: those calls
// fail that no reachable service could answer, and no others. bench/network.js does the same for longer.

const assert = require('node:assert/strict');

const { Hosts, skipIf, whyNoLoss } = require('./support/netns');
const { callsDuring, FAULTS } = require('./support/network');
const { killAll } = require('./support/processes');
const { rustService } = require('./support/rust');

describe('calls over a network at fault', function () {
  this.timeout(120_000);
  this.slow(60_000);
  /** @type {Hosts} */
  let hosts;

  before(async function () {
    skipIf(this, whyNoLoss());
    this.timeout(600_000);
    await rustService();
    hosts = new Hosts(3);
  });
  afterEach(async () => {
    await killAll();
    hosts?.restore();
  });
  after(() => hosts?.remove());

  for (const [what, fault] of Object.entries(FAULTS)) {
    it(`${what}: none fails`, async () => {
      const seen = await callsDuring(hosts, { fault: () => fault(hosts), ms: 6000 });
      assert.deepEqual(seen.failed, [], JSON.stringify(seen));
      assert.ok(seen.calls > 500, `${seen.calls} calls`);
      const { slowest, rust, together } = seen;
      assert.deepEqual(rust.failed, []);
      assert.ok(rust.calls > 100, `${rust.calls} calls from Rust`);
      console.log(
        `      ${seen.calls} calls, the slowest ${slowest} ms; ${rust.calls} from Rust, ${rust.slowest} ms; one view after ${together} ms`,
      );
    });
  }
});
