'use strict';
// @ts-check

/**
 * One pipelined connection to one target, on the Seneca tcp wire.
 *
 * A call is handed to the socket as late as possible: it waits in the connection's own queue until the socket has room,
 * so that "never written" is known and such a call can go elsewhere. From the moment a line is given to the socket it
 * counts as written: nobody can tell how much of it the other side has read.
 *
 * Lines of one tick leave in few writes. There is no table of callbacks besides the one of the connection, and it holds
 * no fire-and-forget messages.
 */

const { idOf, requestLine } = require('./envelope');
const { dial } = require('./dial');
const { Coalesce } = require('./coalesce');
const { Outbox } = require('./outbox');
const { Pulse } = require('./pulse');
const { Ended, State, Word } = require('./terms');
const { makeError } = require('../errors');
const { reason, unpackError, reviveEntities } = require('../message');

/** The socket gets no more lines while it holds more than this. */
const SOCKET_MARK = 256 * 1024;
/** Characters per write. */
const BATCH = 256 * 1024;
/** What a connection queues before it refuses calls. */
const MAX_QUEUE = 64 * 1024 * 1024;
const BACKOFF_FIRST = 50;
const BACKOFF_MAX = 2000;
/** After a goodbye: the other side is about to end, and says so by gossip. */
const BACKOFF_LEFT = 1000;
/** How long the last words of a node that has left may take, ms. */
const LAST_WORDS = 1000;

/** How the states are shown; `failed` is an idle one that does not try again yet. */
const NAMES = ['idle', 'connecting', 'open', 'leaving', 'gone'];

/**
 * @typedef {import('./terms').Outgoing} Outgoing
 * @typedef {import('./terms').Target} Target
 * @typedef {import('./terms').Shared} Shared
 */

class Link {
  /**
   * @param {Shared} shared
   * @param {Target} target
   */
  constructor(shared, target) {
    this.shared = shared;
    this.target = target;
    /** @type {number} */
    this.state = State.IDLE;
    /** @type {import('node:net').Socket | null} */
    this.socket = null;
    /** @type {InstanceType<typeof import('./lines').LineReader> | null} */
    this.reader = null;
    /** @type {Map<string, Outgoing>} written, waiting for a reply */
    this.pending = new Map();
    /** Calls that are not written. */
    this.outbox = new Outbox();
    /** Lines given to this socket. */
    this.written = 0;
    /** The other side has said that it leaves, on this connection. */
    this.saidGoodbye = false;
    /** The target is no more: no new connection. */
    this.retired = false;
    this.failures = 0;
    this.retryAt = 0;
    /** Why it takes no call now, for error texts. */
    this.why = '';
    this.writes = new Coalesce(() => this.flush());
    this.pulse = new Pulse();
  }

  /** Calls that are queued or wait for a reply. */
  get inflight() {
    return this.pending.size + this.outbox.size;
  }

  get connected() {
    return this.state === State.OPEN || this.state === State.LEAVING;
  }

  /** How it stands, for humans. */
  get connection() {
    if (this.state === State.IDLE && this.retryAt > performance.now()) return 'failed';
    return NAMES[this.state];
  }

  /**
   * Takes a call, or returns false: then it was not taken, `why` says why.
   * @param {Outgoing} call
   * @returns {boolean}
   */
  send(call) {
    if (this.state >= State.LEAVING) return false;
    if (this.outbox.bytes > MAX_QUEUE) {
      this.why = 'its queue is full';
      return false;
    }
    if (this.state === State.IDLE) {
      if (this.retryAt > performance.now()) return false;
      this.connect();
    }
    call.seq = 0;
    this.outbox.push(call);
    if (this.state === State.OPEN) this.writes.due();
    return true;
  }

  /**
   * The caller gave up: a late reply will be dropped, a queued call not written.
   * @param {Outgoing} call `over` is set
   */
  forget(call) {
    if (call.seq > 0) {
      if (this.pending.get(call.id) === call) this.pending.delete(call.id);
      this.finishLeaving();
      return;
    }
    this.outbox.forget(call);
  }

  connect() {
    this.state = State.CONNECTING;
    this.written = 0;
    this.saidGoodbye = false;
    this.shared.counters.connects++;
    const connection = dial(this.target, this.shared, {
      open: () => {
        if (this.socket !== connection.socket) return;
        this.state = State.OPEN;
        this.failures = 0;
        this.flush();
      },
      heard: () => this.pulse.heard(),
      line: (text) => this.receive(text),
      tooLong: (prefix) => this.tooLong(prefix),
      drained: () => this.flush(),
      closed: (why) => {
        if (this.socket === connection.socket) this.lost(why);
      },
    });
    this.socket = connection.socket;
    this.reader = connection.reader;
  }

  /** Now and then: does the connection still carry anything? */
  look() {
    this.pulse.look(this.connected ? this.socket : null, this.pending);
  }

  /** Gives queued lines to the socket, as much as it has room for. */
  flush() {
    const socket = this.socket;
    // What is given to a socket that is destroyed would count as written.
    if (this.state !== State.OPEN || socket === null || socket.destroyed) return;
    while (this.outbox.size > 0 && socket.writableLength < SOCKET_MARK) {
      const batch = this.takeBatch();
      if (batch !== '') socket.write(batch);
    }
  }

  /** Lines of the next calls in the queue, as one text. */
  takeBatch() {
    const { outbox, pending, shared } = this;
    const now = performance.now();
    let text = '';
    /** @type {Outgoing[] | null} */
    let unanswered = null;
    while (outbox.size > 0 && text.length < BATCH) {
      const call = outbox.shift();
      if (call.over) continue;
      if (pending.has(call.id)) call.renew();
      call.seq = ++this.written;
      if (call.sync) {
        pending.set(call.id, call);
      } else {
        if (unanswered === null) unanswered = [];
        unanswered.push(call);
      }
      text += requestLine(shared, call, now);
      shared.counters.sent++;
    }
    if (unanswered !== null) for (const call of unanswered) call.ended(Ended.OK, null, null);
    return text;
  }

  /** @param {string} line */
  receive(line) {
    if (line === Word.PONG) return;
    const { counters } = this.shared;
    /** @type {any} */
    let data;
    try {
      data = JSON.parse(line);
    } catch (err) {
      if (line.trim() === '') return;
      counters.malformed++;
      // What follows cannot be trusted either.
      if (this.socket)
        this.socket.destroy(new Error(`it sent a line that is not JSON: ${reason(err)}`));
      return;
    }
    if (data === null || typeof data !== 'object') {
      counters.malformed++;
      return;
    }
    if (data.kind === 'bye') {
      this.goodbye(data.accepted);
      return;
    }
    const call =
      data.kind === 'res' && typeof data.id === 'string' ? this.pending.get(data.id) : undefined;
    if (call === undefined) {
      // Never asked, answered before, or too late: nobody waits for it.
      counters.unknown++;
      return;
    }
    this.pending.delete(data.id);
    counters.received++;
    if (data.moved === true) this.shared.moved(this.target.id);
    if (data.error) {
      const refused = data.ran === false;
      call.ended(refused ? Ended.REFUSED : Ended.ERROR, unpackError(data.error), null);
    } else {
      call.ended(Ended.OK, null, this.revive(data.res));
    }
    this.finishLeaving();
  }

  /** @param {any} out */
  revive(out) {
    if (out === undefined) return null;
    try {
      return reviveEntities(this.shared.seneca, out);
    } catch {
      return out;
    }
  }

  /**
   * A reply above the limit: it was skipped, its call is told.
   * @param {string} prefix
   */
  tooLong(prefix) {
    this.shared.counters.tooLong++;
    const id = idOf(prefix);
    const call = id === null ? undefined : this.pending.get(id);
    if (id === null || call === undefined) return;
    this.pending.delete(id);
    call.ended(Ended.ERROR, makeError('reply_too_long', { max: this.shared.maxLine }), null);
    this.finishLeaving();
  }

  /**
   * The other side leaves: lines after the accepted ones are not run there.
   * @param {any} accepted
   */
  goodbye(accepted) {
    const { counters } = this.shared;
    // The gossip may have told before that it leaves: which lines count is only known now.
    if (!Number.isSafeInteger(accepted) || accepted < 0 || this.saidGoodbye) {
      counters.malformed++;
      return;
    }
    counters.goodbyes++;
    this.saidGoodbye = true;
    this.state = State.LEAVING;
    this.why = 'it is leaving';
    const refused = [];
    for (const call of this.pending.values()) if (call.seq > accepted) refused.push(call);
    for (const call of refused) this.pending.delete(call.id);
    const unsent = this.outbox.takeAll();
    for (const call of refused) call.ended(Ended.REFUSED, null, null);
    for (const call of unsent) call.ended(Ended.UNSENT, null, null);
    this.finishLeaving();
  }

  /** Once nothing is awaited any more, a connection that is to end ends. */
  finishLeaving() {
    if (this.state !== State.LEAVING || this.pending.size > 0) return;
    if (this.socket) this.socket.destroy();
    else this.lost(this.why);
  }

  /**
   * No new calls; those written may still be answered.
   * @param {string} why
   */
  retire(why) {
    if (this.state === State.GONE) return;
    this.why = why;
    this.retired = true;
    const unsent = this.outbox.takeAll();
    if (this.connected && this.pending.size > 0) {
      this.state = State.LEAVING;
    } else {
      this.abandon(why);
    }
    for (const call of unsent) call.ended(Ended.UNSENT, null, null);
  }

  /** The node has left. Its last replies and its goodbye may still wait to be read here. */
  left() {
    this.retire('it has left');
    if (this.state !== State.GONE) {
      setTimeout(() => this.abandon('it has left'), LAST_WORDS).unref();
    }
  }

  /**
   * Ends at once, with everything in flight.
   * @param {string} why
   */
  abandon(why) {
    if (this.state === State.GONE) return;
    this.retired = true;
    const socket = this.socket;
    this.lost(why);
    if (socket) socket.destroy();
  }

  /**
   * The connection is no more.
   * @param {string} why
   */
  lost(why) {
    const { counters, links } = this.shared;
    const wasLeaving = this.state === State.LEAVING;
    const wasOpen = this.state === State.OPEN || wasLeaving;
    if (this.reader) this.reader.close();
    this.socket = null;
    this.reader = null;
    const lost = [...this.pending.values()];
    const unsent = this.outbox.takeAll();
    this.pending = new Map();
    this.why = why;
    if (this.retired) {
      this.state = State.GONE;
      links.delete(this.target.id);
    } else {
      this.state = State.IDLE;
      if (wasOpen) counters.disconnects++;
      else counters.refused++;
      this.retryAt = performance.now() + this.backoff(wasOpen, wasLeaving);
    }
    for (const call of lost) call.ended(Ended.LOST, null, null);
    for (const call of unsent) call.ended(Ended.UNSENT, null, null);
  }

  /**
   * @param {boolean} wasOpen
   * @param {boolean} wasLeaving
   */
  backoff(wasOpen, wasLeaving) {
    if (wasLeaving) return BACKOFF_LEFT;
    // The next call tries at once: a refused connection costs less than a millisecond and tells more than a guess.
    if (wasOpen) return 0;
    const full = Math.min(BACKOFF_MAX, BACKOFF_FIRST * 2 ** Math.min(this.failures++, 10));
    return full * (0.5 + Math.random() / 2);
  }
}

module.exports = { Link };
