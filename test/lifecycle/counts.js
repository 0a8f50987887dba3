'use strict';

// What a process holds, as the kernel and Node.js count it.

const fs = require('node:fs');

/** Names of the threads of the native core begin so. */
const OURS = 'gossip';

function counts() {
  const threads = fs.readdirSync('/proc/self/task').flatMap((id) => {
    try {
      return [fs.readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim()];
    } catch {
      return []; // it has just ended
    }
  });
  return {
    threads: threads.length,
    ours: threads.filter((name) => name.startsWith(OURS)).length,
    sockets: fs.readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
      } catch {
        return false;
      }
    }).length,
    files: fs.readdirSync('/proc/self/fd').length,
    resources: process.getActiveResourcesInfo().length,
  };
}

/** @param {any} one */
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/**
 * Waits until nothing more is held than at another time.
 *
 * @param {ReturnType<typeof counts>} base
 * @param {number} within ms
 */
async function settled(base, within) {
  const end = Date.now() + within;
  while (!same(counts(), base) && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { base, now: counts(), ok: same(counts(), base) };
}

module.exports = { counts, settled };
