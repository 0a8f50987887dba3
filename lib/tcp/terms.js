'use strict';
// @ts-check

/** What the parts of the calling side say to each other. */

/** How a link's `send` ended for a call. */
const Ended = Object.freeze({
  /** A reply. */
  OK: 0,
  /** An error reply: the action ran and failed. */
  ERROR: 1,
  /** Written, and no reply will come: it may have run. */
  LOST: 2,
  /** Never written, so it never ran. */
  UNSENT: 3,
  /** Written, and the other side says that it did not run it. */
  REFUSED: 4,
});

const State = Object.freeze({ IDLE: 0, CONNECTING: 1, OPEN: 2, LEAVING: 3, GONE: 4 });

/**
 * What a link needs of a call.
 * @typedef {object} Outgoing
 * @property {string} id on the wire, `mi/tx`
 * @property {string} track JSON of the track
 * @property {string} body the act without its closing brace
 * @property {boolean} sync
 * @property {number} deadline by performance.now()
 * @property {boolean} over true once the caller has its answer: it is not to be written any more
 * @property {number} seq its number on the connection; 0 while it is not written
 * @property {(ended: number, err: any, out: any) => void} ended called exactly once per accepted `send`, unless the
 *   call was taken back with `forget`
 *
 * @property {(why: string) => void} doubted its target may not be there any more: it may be taken back, and made elsewhere
 * @property {() => void} renew gives it another `id`
 *
 * @typedef {{ id: number, name?: string, host: string, port: number, kind?: string, secure?: boolean }} Target
 *
 * @typedef {object} Shared what the links of one instance have in common
 * @property {any} seneca the root instance
 * @property {number} maxLine bytes
 * @property {number} connectTimeout ms
 * @property {import('node:tls').ConnectionOptions} [tls] for targets that are `secure`
 * @property {(target: number) => void} moved
 * @property {Map<number, InstanceType<typeof import('./link').Link>>} links by target
 * @property {Record<string, number>} counters
 * @property {string} origin JSON of our own id
 * @property {string} hello what the first line of a connection carries more than the others
 * @property {number} epoch added to performance.now() gives the time of day
 */

/** Lines that are no messages. */
const Word = Object.freeze({
  /**
   * What a listener with TLS says first. A client of TLS 1.3 is done with the handshake before the other side has looked at
   * its certificate: until this line has come, nothing that is sent has surely been taken or surely been refused.
   */
  HI: '{"kind":"hi"}',
  /** The kind of what it says instead when it refuses a certificate, with `why`. */
  NO: 'no',
  /** Asks whether the connection still carries anything; answered before any action is. */
  PING: '{"kind":"ping"}',
  PONG: '{"kind":"pong"}',
});

module.exports = { Ended, State, Word };
