'use strict';
// @ts-check

/**
 * Calls of remote patterns: pick a target, send, and see to it that the caller gets exactly one answer in time.
 *
 * What becomes of a call when its target does not answer:
 * - never written, or refused by the other side before it ran: another target, by itself;
 * - written and lost: `target_lost`, unless the pin allows `retry`; a retry carries a new id, backs off, stays inside the
 *   deadline and is paid from a budget, so that a dying cluster is not finished off by retries;
 * - no target: the call waits up to `wait` ms for one, then `no_target`;
 * - deadline: `call_timeout`, whatever the state.
 */

const { makeError } = require('./errors');
const { packAct, cleanTrack } = require('./message');
const { Deadlines } = require('./deadlines');
const { safely } = require('./safely');
const { Call, Outcome } = require('./one-call');
const { Observation } = require('./observe');
const { deadlineOf } = require('./inherit');

/** Retries per call on average, and how many may come at once. */
const BUDGET_SHARE = 0.2;
const BUDGET_MAX = 1000;
/** Waiting calls look for a target when one appears, and this often (a target may be backing off). */
const LOOK_AGAIN = 50;

/**
 * @typedef {object} Router the core's view of who answers what
 * @property {(route: number, exclude?: number[]) => number} pick a target, -1 (none) or -2 (all at
 *   their limit); counts it as in flight
 * @property {(route: number, target: number) => boolean} begin counts a call to a target that was not picked (`observe`);
 *   false if it is none of the route
 * @property {(route: number, target: number, latencyUs: number, outcome: number) => void} done ends what `pick` or
 *   `begin` began
 * @property {(route: number, key: string) => number} pickKey the target that owns a key, counted like one of `pick`; -3
 *   when that is this node
 * @property {(route: number) => number[]} targets all of them, for `observe`
 * @property {(target: number) => void} [ask] asks a target for news: it knows of another owner of a key
 * @property {() => void} [refresh] hands over events that wait in the core: a target may be picked before it is told
 *
 * @typedef {object} Spec what is known of a remote pattern; read at every call, so it may change
 * @property {number} route -1 while nobody has published the pattern
 * @property {string} pattern
 * @property {'consume' | 'observe' | string} [model]
 * @property {number} [retry] how often a lost call is sent again
 * @property {number} [timeout] ms, at most; 0 = what the act has
 * @property {number} [wait] ms to wait for a target
 * @property {string} [gone] why it has no target any more
 * @property {number} [concurrency] calls in flight per target; 0 = no bound
 *
 * @typedef {object} Keyed what a call to a sharded pin has besides
 * @property {string} key
 * @property {(() => void) | null} home makes it a message of this node, which has become the owner
 *
 * @typedef {object} CallerOptions
 * @property {any} seneca the root instance
 * @property {Router} router
 * @property {ReturnType<typeof import('./tcp/client').createClients>} tcp
 * @property {(target: import('./tcp/link').Target) => any} [foreign] makes the link of a target of another transport
 * @property {{ plain: boolean } | null} [tls]
 * @property {(level: string, text: string, data?: any) => void} [log]
 */

class Caller {
  /** @param {CallerOptions} options */
  constructor({ seneca, router, tcp, foreign, tls = null, log }) {
    this.seneca = seneca;
    this.router = router;
    this.tcp = tcp;
    this.foreign = foreign;
    this.tls = tls;
    this.log = log || (() => {});
    /** @type {Map<number, any>} links by target */
    this.links = new Map();
    /** @type {Set<any>} links that get no new calls, while they wait for replies */
    this.retired = new Set();
    this.deadlines = new Deadlines();
    /** @type {Set<InstanceType<typeof import('./one-call').Call>>} */
    this.calls = new Set();
    /** @type {Set<InstanceType<typeof import('./one-call').Call>>} those without a target */
    this.waiting = new Set();
    /** @type {NodeJS.Timeout | null} */
    this.looking = null;
    this.budget = BUDGET_MAX;
    this.closed = false;
    this.ownTrack = JSON.stringify([String(seneca.id)]);
    this.counters = {
      calls: 0,
      answered: 0,
      failed: 0,
      failovers: 0,
      doubted: 0,
      retries: 0,
      timeouts: 0,
      lost: 0,
      noTarget: 0,
      overloaded: 0,
      dropped: 0,
    };
  }

  /**
   * Makes one call. `reply` is called exactly once, and nothing is ever thrown.
   *
   * @param {Spec} spec
   * @param {Record<string, any>} msg
   * @param {any} meta of the act
   * @param {(err: any, out?: any) => void} reply
   * @param {any} [instance] the delegate that acts: what is left of the calls above bounds this one
   * @param {Keyed | null} [keyed]
   */
  call(spec, msg, meta, reply, instance, keyed = null) {
    this.counters.calls++;
    if (this.budget < BUDGET_MAX) this.budget += BUDGET_SHARE;
    const sync = meta.sync !== false;
    // Nobody waits: Seneca is told at once, as by the stock client, and failures are counted.
    if (!sync) safely(this.log, reply, null, null);
    const answer = sync ? reply : null;
    let body;
    try {
      body = packAct(msg, meta);
    } catch (err) {
      this.refuse(answer, err);
      return;
    }
    const { maxLine } = this.tcp;
    if (body.length * 3 > maxLine && Buffer.byteLength(body) + 1024 > maxLine) {
      this.refuse(answer, makeError('message_too_long', { pattern: spec.pattern, max: maxLine }));
      return;
    }
    if (this.closed) {
      this.refuse(answer, makeError('closed', { pattern: spec.pattern }));
      return;
    }
    const deadline = deadlineOf(meta, spec.timeout || 0, instance);
    const call = new Call(this, spec, msg, meta, body, this.trackOf(msg), answer, deadline);
    call.instance = instance;
    call.keyed = keyed;
    if (spec.model === 'observe') new Observation(this, call).start();
    else call.start();
  }

  /**
   * @param {((err: any, out?: any) => void) | null} answer
   * @param {any} err
   */
  refuse(answer, err) {
    this.counters.failed++;
    if (answer) safely(this.log, answer, err);
    else this.dropped(err);
  }

  /** @param {any} err why a message that nobody waits for was not delivered */
  dropped(err) {
    this.counters.dropped++;
    this.log('warn', 'a message that wants no answer was not delivered', { err });
  }

  /**
   * JSON of the nodes that the message has passed: a message that is passed on keeps its track.
   * @param {Record<string, any>} msg
   */
  trackOf(msg) {
    const transport = msg.transport$;
    if (transport === undefined || transport === null) return this.ownTrack;
    const track = cleanTrack(transport.track);
    track.push(String(this.seneca.id));
    return JSON.stringify(track);
  }

  /**
   * A target that calls may be sent to.
   * @param {import('./tcp/link').Target} target
   */
  addTarget(target) {
    if (this.closed || this.links.has(target.id)) return;
    const { kind = 'tcp' } = target;
    const { tls } = this;
    const ours = kind === 'tcp' || (kind === 'tls' && tls);
    // Whoever wants TLS speaks nothing else, whatever a target says of itself, unless it may be plain.
    const secure = Boolean(tls && (kind === 'tls' || !tls.plain));
    const link =
      ours || !this.foreign ? this.tcp.open({ ...target, secure }) : this.foreign(target);
    this.links.set(target.id, link);
    this.wake();
  }

  /**
   * A target is gone for new calls. What it is working on ends now if it cannot finish it.
   * @param {{ id: number, reason?: string }} target
   */
  dropTarget({ id, reason = 'gone' }) {
    const link = this.links.get(id);
    if (link === undefined) return;
    this.links.delete(id);
    if (reason === 'leaving' || reason === 'withdrawn') link.retire(`it is ${reason}`);
    else if (reason === 'left') link.left();
    else link.abandon(`the node is ${reason}`);
    if (link.inflight > 0) this._keep(link);
  }

  /** @param {any} link a retired one, whose calls may yet be answered */
  _keep(link) {
    for (const one of this.retired) if (one.inflight === 0) this.retired.delete(one);
    this.retired.add(link);
  }

  /**
   * A node is dead: what it was still working on after it said that it leaves ends as well.
   * @param {string} name
   */
  failed(name) {
    for (const link of this.retired) {
      if (link.target.name !== name) continue;
      this.retired.delete(link);
      link.abandon('the node is dead');
    }
  }

  /**
   * A node is suspect.
   * @param {string} name
   */
  suspected(name) {
    for (const call of [...this.calls])
      if (call.link?.target.name === name) call.doubted('is suspect');
  }

  /** Calls that wait look for a target again. */
  wake() {
    for (const call of [...this.waiting]) call.look();
  }

  /** @param {InstanceType<typeof import('./one-call').Call>} call */
  hold(call) {
    this.waiting.add(call);
    if (this.looking !== null) return;
    this.looking = setInterval(() => {
      this.wake();
      if (this.waiting.size === 0 && this.looking !== null) {
        clearInterval(this.looking);
        this.looking = null;
      }
    }, LOOK_AGAIN);
  }

  /** Takes one retry from the budget. */
  mayRetry() {
    if (this.budget < 1) return false;
    this.budget -= 1;
    return true;
  }

  /** Ends every call in flight with `closed`, and all connections. */
  close() {
    if (this.closed) return;
    this.closed = true;
    for (const call of [...this.calls]) {
      call.fail(makeError('closed', { pattern: call.spec.pattern }), Outcome.LOST);
    }
    if (this.looking !== null) clearInterval(this.looking);
    this.looking = null;
    this.deadlines.close();
    for (const link of this.links.values()) link.abandon('this node is closing');
    this.links.clear();
    this.tcp.close();
  }

  /** Calls that wait for their answer. */
  get inflight() {
    return this.calls.size;
  }

  /**
   * How it stands with the connection to a target, for humans.
   * @param {number} target
   * @returns {{ connection: string, why?: string }} `why` if it has ended or failed
   */
  connection(target) {
    const link = this.links.get(target);
    if (link === undefined) return { connection: 'gone' };
    const { connection, why } = link;
    return why && connection !== 'open' ? { connection, why } : { connection };
  }

  /** Counters since the start, and what is in flight. */
  stats() {
    return {
      ...this.counters,
      inflight: this.calls.size,
      waiting: this.waiting.size,
      tcp: this.tcp.stats(),
    };
  }
}

/** @param {CallerOptions} options */
function createCaller(options) {
  return new Caller(options);
}

module.exports = { createCaller, Caller };
