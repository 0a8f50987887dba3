'use strict';
// @ts-check

/**
 * One inbound connection: lines in, acts run, replies out.
 *
 * Everything that arrives is untrusted. A line either leads to exactly one reply (or to none where the sender wants
 * none), or is counted and dropped; nothing that arrives throws past `line`.
 */

const { LineReader } = require('./lines');
const { Flow } = require('./flow');
const { Word } = require('./terms');
const { Age } = require('./age');
const { ReplyHeads, beginningOf, echoable, faultOf } = require('./envelope');
const { makeError } = require('../errors');
const { admitAct, cleanTrack, packError, reason, toJson } = require('../message');
const { hasNotRun } = require('../never-ran');

/** Lines in a row that are not JSON: whoever is there does not speak this protocol. */
const MAX_BAD = 8;
/** How long a connection that ends may take to do so. */
const LINGER = 1000;

/**
 * @typedef {object} Manner
 * @property {boolean} [greets] says that it is ready, before anything else
 * @property {Error | null} [refusal] what its messages are answered with, instead of being run
 */

class Connection {
  /**
   * @param {InstanceType<typeof import('./listener').Listener>} listener
   * @param {import('node:net').Socket} socket
   * @param {string} prefix for the ids of its messages
   * @param {Manner} [manner]
   */
  constructor(listener, socket, prefix, { greets = false, refusal = null } = {}) {
    this.listener = listener;
    this.socket = socket;
    this.prefix = prefix;
    this.refusal = refusal;
    const now = performance.now();
    this.since = now;
    this.lastLine = now;
    /** When the line that is arriving began, 0 = none is. */
    this.partialSince = 0;
    /** Lines so far: a goodbye names how many of them count. */
    this.lines = 0;
    this.bad = 0;
    /** @type {Set<string>} ids of the messages at work */
    this.ids = new Set();
    /** The other side understands a goodbye. */
    this.ours = false;
    this.saidGoodbye = false;
    this.ending = false;
    this.closed = false;
    /** The other side sends no more. */
    this.halfClosed = false;
    this.age = new Age();
    this.heads = new ReplyHeads(listener.ownIdJson);
    this.reader = new LineReader(
      listener.maxLine,
      { line: (text) => this.line(text), tooLong: (prefix) => this.tooLong(prefix) },
      listener.budget,
    );
    this.flow = new Flow(socket, this.reader, listener.counters, listener.atWork);
    socket.on('data', (chunk) => this.data(/** @type {any} */ (chunk)));
    socket.on('drain', () => this.flow.ease());
    socket.on('end', () => {
      // Our own client, once it has ended its side, reads nothing more.
      if (this.ours) socket.destroy();
      this.halfClosed = true;
      this.endIfIdle();
    });
    socket.on('error', () => {
      listener.counters.socketErrors++;
    });
    socket.on('close', () => this.gone());
    if (greets) this.flow.write(`${Word.HI}\n`);
  }

  /** @param {Buffer} chunk */
  data(chunk) {
    if (this.ending) return;
    const { reader, lines } = this;
    reader.push(chunk);
    if (!reader.partial) this.partialSince = 0;
    else if (this.partialSince === 0 || this.lines !== lines) this.partialSince = performance.now();
  }

  get working() {
    return this.flow.working;
  }

  /** @param {string} text */
  line(text) {
    if (this.ending) return;
    if (text === Word.PING) {
      this.flow.write(`${Word.PONG}\n`);
      this.flow.took();
      return;
    }
    const { counters } = this.listener;
    this.lines++;
    /** @type {any} */
    let data;
    try {
      data = JSON.parse(text);
    } catch (err) {
      if (text.trim() === '') this.lines--;
      else this.notJson(err);
      return;
    }
    this.bad = 0;
    if (this.saidGoodbye) {
      // The sender was told that this line does not count, and sends it elsewhere.
      counters.afterGoodbye++;
      return;
    }
    try {
      this.message(data, text.length);
    } catch (err) {
      this.refuse(data, makeError('listen_failed', { why: reason(err) }), false);
    }
    this.flow.took();
  }

  /**
   * @param {any} data
   * @param {number} weight characters of its line
   */
  message(data, weight) {
    const { listener } = this;
    const { counters, seneca } = listener;
    if (data === null || typeof data !== 'object' || Array.isArray(data)) {
      this.refuse({}, makeError('no_data'), true);
      return;
    }
    if (this.refusal !== null) {
      this.refuse(data, this.refusal, true);
      this.end();
      return;
    }
    if (this.lines === 1) this.greet(data);
    if (this.ours && listener.leaving) {
      // A connection made after we said that we leave: nothing of it counts.
      counters.afterGoodbye++;
      this.lines--;
      this.goodbye();
      return;
    }
    const id = data.id;
    const fault = faultOf(data, listener.ownId) || this.duplicate(id);
    if (fault !== null) {
      this.refuse(data, fault, true);
      return;
    }
    const act = data.act;
    const now = performance.now();
    this.lastLine = now;
    counters.stripped += admitAct(seneca, act);
    const late = this.lateness(data, act, now);
    if (late > 0) {
      counters.expired++;
      this.refuse(data, makeError('call_expired', { late: Math.round(late) }), true);
      return;
    }
    const refusal = listener.verdict(act);
    if (refusal !== null) {
      this.refuse(data, refusal, true);
      return;
    }
    if (id !== undefined) act.id$ = this.prefix + id;
    act.remote$ = true;
    const { origin, time } = data;
    const transport = { track: cleanTrack(data.track), origin, time, moved: false };
    act.transport$ = transport;
    this.run(act, data, id, weight, transport);
  }

  /** @param {any} id */
  duplicate(id) {
    return this.ids.has(id) ? makeError('duplicate_message_id', { id }) : null;
  }

  /**
   * The first message says whether the other side understands a goodbye.
   * @param {any} data
   */
  greet(data) {
    const mark = data.msg$;
    this.ours = mark !== null && typeof mark === 'object' && mark.bye === 1;
  }

  /**
   * How long ago the caller's time was up, 0 if it is not. What is left of it is put into the act. Only our own client
   * sends a clock that does not step.
   *
   * @param {any} data
   * @param {any} act
   * @param {number} now
   */
  lateness(data, act, now) {
    if (!this.ours || data.time === null || typeof data.time !== 'object') return 0;
    const sent = data.time.client_sent;
    if (typeof sent !== 'number') return 0;
    const age = this.age.of(sent, now);
    const timeout = act.timeout$;
    if (timeout === undefined || age < 50) return 0;
    if (age >= timeout) return age - timeout + 1;
    act.timeout$ = timeout - age;
    return 0;
  }

  /**
   * @param {any} act
   * @param {any} data
   * @param {string | undefined} id
   * @param {number} weight
   * @param {{ moved: boolean }} way what becomes of it on its way
   */
  run(act, data, id, weight, way) {
    const { listener } = this;
    const received = Date.now();
    this.flow.begin(weight);
    listener.working++;
    listener.counters.accepted++;
    if (id !== undefined) this.ids.add(id);
    let answered = false;
    const answer = (/** @type {any} */ err, /** @type {any} */ out = null) => {
      if (answered) return;
      answered = true;
      if (id !== undefined) this.ids.delete(id);
      if (!data.sync) listener.counters.unanswered++;
      else if (!this.closed) this.reply(data, received, err, out, way.moved);
      listener.ended();
      this.flow.finish(weight);
      if (this.halfClosed) this.endIfIdle();
    };
    try {
      // With the message as the second argument: as the first one, Seneca would try it as a text before it takes it for
      // an object, and for the error that this gives, which nobody sees, it writes the whole message as JSON.
      listener.seneca.act('', act, answer);
    } catch (err) {
      answer(err);
    }
  }

  /**
   * @param {any} data
   * @param {number} received
   * @param {any} err
   * @param {any} out
   * @param {boolean} moved it was passed on to the owner of its key
   */
  reply(data, received, err, out, moved) {
    const { listener } = this;
    /** @type {string} */
    let text;
    try {
      text = err ? errorText(err) : toJson(out, 'unserialisable_result', 'res');
      if (text.length > listener.maxLine)
        throw makeError('reply_too_long', { max: listener.maxLine });
    } catch (fault) {
      listener.counters.badResults++;
      text = errorText(fault);
    }
    if (err) listener.counters.errors++;
    else listener.counters.answered++;
    const tail = moved ? ',"moved":true}' : '}';
    this.flow.write(`${this.heads.of(data, received)}${text}${tail}\n`);
  }

  /**
   * An error reply to what was not run. With `sync: true`, so that a stock client's caller hears of it.
   * @param {any} data
   * @param {any} err
   * @param {boolean} neverRan the caller may send it elsewhere
   */
  refuse(data, err, neverRan) {
    const { counters } = this.listener;
    counters.refused++;
    const code = err.code;
    counters[`refused_${code}`] = (counters[`refused_${code}`] || 0) + 1;
    if (data === null || typeof data !== 'object' || data.sync === false) return;
    const id = echoable(data.id) ? data.id : undefined;
    const head = this.heads.of({ ...data, id }, Date.now());
    this.flow.write(`${head}${errorText(err, neverRan)}}\n`);
  }

  /** @param {any} err */
  notJson(err) {
    this.refuse({}, makeError('invalid_json', { why: reason(err) }), true);
    this.bad++;
    if (this.bad >= MAX_BAD || this.refusal !== null) this.end();
  }

  /** @param {string} prefix */
  tooLong(prefix) {
    const { listener } = this;
    this.lines++;
    listener.counters.tooLong++;
    const data = beginningOf(prefix);
    this.refuse(data, makeError('line_too_long', { max: listener.maxLine }), true);
  }

  /** Tells our own client which of its messages count: all others never run here. */
  goodbye() {
    // Who has not spoken yet is told with its first line, if it understands that.
    if (this.saidGoodbye || this.closed || !this.ours) return;
    this.saidGoodbye = true;
    this.flow.write(`{"kind":"bye","accepted":${this.lines}}\n`);
  }

  endIfIdle() {
    if (this.working === 0 && !this.reader.holding) this.end();
  }

  /** Reads no more, lets what was written go out, and closes. */
  end() {
    if (this.ending || this.closed) return;
    this.ending = true;
    this.flow.end();
    setTimeout(() => this.socket.destroy(), LINGER).unref();
  }

  gone() {
    if (this.closed) return;
    this.closed = true;
    this.flow.close();
    this.listener.connections.delete(this);
  }
}

/**
 * @param {any} err
 * @param {boolean} [neverRan] the caller may send it elsewhere
 */
function errorText(err, neverRan = hasNotRun(err)) {
  return `null,"error":${packError(err)}${neverRan ? ',"ran":false' : ''}`;
}

module.exports = { Connection };
