'use strict';
// @ts-check

/**
 * What goes out on an inbound connection, and when what comes in is read.
 *
 * Replies of one tick leave in few writes. A connection is not read from while its replies are not read, while too much
 * of it is at work, and once every few hundred lines for one turn of the event loop.
 */

const { Coalesce } = require('./coalesce');

/** A connection whose unread replies exceed this is not read from until half of them are gone. */
const WRITE_MARK = 1024 * 1024;
/**
 * Lines that are taken before the event loop turns: the socket may deliver thousands at once, and how large their
 * replies are is only known when they have run.
 */
const BURST = 256;
/** Calls of one connection that may be at work, and what their lines may hold together, in characters. */
const MAX_WORKING = 50_000;
const MAX_WEIGHT = 64 * 1024 * 1024;
/** The same for all connections: above it only those are read from that have nothing at work. */
const MAX_TOTAL = 4 * MAX_WEIGHT;

class Flow {
  /**
   * @param {import('node:net').Socket} socket
   * @param {InstanceType<typeof import('./lines').LineReader>} reader
   * @param {Record<string, number>} counters
   * @param {{ weight: number }} all what is at work over all connections
   */
  constructor(socket, reader, counters, all) {
    this.socket = socket;
    this.reader = reader;
    this.counters = counters;
    this.all = all;
    /** Calls at work, and characters of their lines. */
    this.working = 0;
    this.weight = 0;
    this.out = '';
    this.burst = 0;
    /** 0 = it is read from. */
    this.pausedSince = 0;
    this.sentAtPause = 0;
    this.closed = false;
    this.writes = new Coalesce(() => this.flush());
  }

  /** Bytes that the system has taken, counted by whole writes. */
  get sent() {
    return this.socket.bytesWritten - this.socket.writableLength;
  }

  /** @param {string} text */
  write(text) {
    if (this.closed) return;
    this.out += text;
    if (this.out.length > WRITE_MARK) this.pause();
    this.writes.due();
  }

  flush() {
    const text = this.out;
    if (text === '') return;
    this.out = '';
    if (this.closed || !this.socket.writable) return;
    this.socket.write(text);
    if (this.socket.writableLength > WRITE_MARK) this.pause();
    else this.ease();
  }

  /** @param {number} weight characters of the line of a call that begins */
  begin(weight) {
    this.working++;
    this.weight += weight;
    this.all.weight += weight;
  }

  /** @param {number} weight of a call that has ended */
  finish(weight) {
    this.working--;
    this.weight -= weight;
    this.all.weight -= weight;
    this.ease();
  }

  /**
   * Is so much at work that no more may begin?
   * @param {number} share of what may be: it is read again only when there is some room
   */
  full(share) {
    if (this.working >= MAX_WORKING * share || this.weight > MAX_WEIGHT * share) return true;
    return this.weight > 0 && this.all.weight > MAX_TOTAL * share;
  }

  /** A line was taken. */
  took() {
    if (this.full(1)) this.pause();
    if (++this.burst < BURST) return;
    this.burst = 0;
    if (this.pausedSince > 0 || this.closed) return;
    this.hold();
    setImmediate(() => this.ease());
  }

  pause() {
    if (this.pausedSince > 0 || this.closed) return;
    this.counters.pauses++;
    this.hold();
  }

  hold() {
    this.pausedSince = performance.now();
    this.sentAtPause = this.sent;
    this.reader.paused = true;
    this.socket.pause();
  }

  /** Reads again if there is room. */
  ease() {
    if (this.pausedSince === 0 || this.closed) return;
    if (this.full(0.5)) return;
    if (this.out.length + this.socket.writableLength > WRITE_MARK / 2) return;
    this.pausedSince = 0;
    this.reader.resume();
    if (this.pausedSince === 0) this.socket.resume();
  }

  /**
   * The other side has not read anything for so long, although replies wait for it.
   * @param {number} now
   * @param {number} patience ms
   */
  stuck(now, patience) {
    if (this.pausedSince === 0 || now - this.pausedSince <= patience) return false;
    if (this.sent === this.sentAtPause) return this.socket.writableLength > 0;
    this.pausedSince = now;
    this.sentAtPause = this.sent;
    return false;
  }

  /** Lets what was written go out; nothing is read any more. */
  end() {
    this.reader.close();
    this.flush();
    this.closed = true;
    this.socket.end();
    // What still arrives is not looked at, but must be read for the end to get through.
    this.socket.resume();
  }

  close() {
    this.closed = true;
    this.out = '';
    this.reader.close();
  }
}

module.exports = { Flow };
