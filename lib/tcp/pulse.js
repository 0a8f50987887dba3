'use strict';
// @ts-check

/**
 * Does a connection still carry anything?
 *
 * A cut in the network, or much loss, leaves a connection open for minutes: TCP tries again at ever longer intervals, also
 * after the network has healed. So who waits for replies and hears nothing asks, and the other side answers before any
 * action does. Where no answer comes, calls that may run twice are made elsewhere, and the connection is given up as
 * soon as nobody waits for it any more.
 */

const { Word } = require('./terms');

/** One look to the next, ms. */
const BEAT = 1000;
/** Looks without a byte: after so many it is asked, and a look later it is stuck. */
const ASK = 2;

class Pulse {
  constructor() {
    /** Looks without a byte, while replies were waited for. */
    this.quiet = 0;
  }

  /** Something arrived. */
  heard() {
    this.quiet = 0;
  }

  /**
   * A look at a connection.
   *
   * @param {import('node:net').Socket | null} socket of an open connection
   * @param {Map<string, import('./terms').Outgoing>} pending calls that wait for a reply
   */
  look(socket, pending) {
    if (socket === null || pending.size === 0) {
      this.quiet = 0;
      return;
    }
    this.quiet++;
    if (this.quiet === ASK) socket.write(`${Word.PING}\n`);
    if (this.quiet <= ASK) return;
    for (const call of [...pending.values()]) call.doubted('does not answer any more');
    if (pending.size === 0) socket.destroy(new Error('it did not answer any more'));
  }
}

module.exports = { BEAT, Pulse };
