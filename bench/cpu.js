'use strict';

/**
 * CPU time of one call, µs, of many in a row.
 *
 * @param {number} calls
 * @param {(n: number) => void} call
 */
function cpuOf(calls, call) {
  const before = process.cpuUsage();
  for (let n = 0; n < calls; n++) call(n);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}

module.exports = { cpuOf };
