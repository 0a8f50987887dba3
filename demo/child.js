'use strict';

// What the JavaScript processes of the demo have in common: they tell the demo what they see of
// the cluster, and end when it says so, or when it is gone.

/** @param {Record<string, any>} data */
function tell(data) {
  if (process.connected) process.send?.(data);
}

/** @param {any} seneca */
function report(seneca) {
  for (const on of ['join', 'alive', 'suspect', 'fail', 'leave']) {
    seneca.sub({ sys: 'gossip', on }, (/** @type {any} */ { name, status }) => {
      tell({ seen: { on, name, status } });
    });
  }
  let closing = false;
  process.on('message', (/** @type {any} */ said) => {
    if (said !== 'close') return;
    closing = true;
    // Nothing but this channel keeps the process alive after that.
    seneca.close(() => process.disconnect());
  });
  process.on('disconnect', () => {
    if (!closing) process.exit(1);
  });
  seneca.ready(() => {
    seneca.act('sys:gossip,get:members', (/** @type {any} */ _, /** @type {any} */ out) => {
      const { name } = out.members.find((/** @type {any} */ member) => member.self);
      tell({ ready: { name } });
    });
  });
}

module.exports = { report, tell };
