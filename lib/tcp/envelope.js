'use strict';
// @ts-check

/**
 * What is around a message and a reply on the Seneca tcp wire, as text, and what of it may be believed.
 *
 * Requests and replies are put together around JSON that exists already; both are on the path of every call.
 */

const { makeError } = require('../errors');
const { cleanTrack } = require('../message');

/** A longer id is not one of Seneca's. */
const MAX_ID = 512;

/**
 * The line of a request.
 *
 * @param {import('./link').Shared} shared
 * @param {import('./link').Outgoing} call
 * @param {number} now by performance.now()
 */
function requestLine(shared, call, now) {
  const left = call.deadline - now;
  const timeout =
    left < Number.POSITIVE_INFINITY ? `,"timeout$":${Math.max(1, Math.round(left))}` : '';
  // The first line of a connection says that we understand a goodbye; stock listeners ignore `msg$`.
  const hello = call.seq === 1 ? shared.hello : '';
  const sent = Math.round(shared.epoch + now);
  return `{"id":${JSON.stringify(call.id)},"kind":"act","origin":${shared.origin},"track":${call.track},"time":{"client_sent":${sent}},"act":${call.body}${timeout}},"sync":${call.sync}${hello}}\n`;
}

/** Replies up to their results, for one connection: all its messages come from one instance as a rule. */
class ReplyHeads {
  /** @param {string} ownIdJson */
  constructor(ownIdJson) {
    this.ownIdJson = ownIdJson;
    this.origin = '';
    this.originJson = '""';
  }

  /**
   * @param {any} data the request
   * @param {number} received
   */
  of(data, received) {
    const { track, time } = data;
    const origin = this.#originOf(data.origin);
    const id = data.id === undefined ? '{' : `{"id":${JSON.stringify(data.id)},`;
    const plain = Array.isArray(track) && track.length === 1 && track[0] === data.origin;
    const trackJson = plain ? `[${origin}]` : JSON.stringify(cleanTrack(track));
    const timed = time !== null && typeof time === 'object';
    const sent = timed && typeof time.client_sent === 'number' ? time.client_sent : 0;
    return `${id}"kind":"res","origin":${origin},"accept":${this.ownIdJson},"track":${trackJson},"time":{"client_sent":${sent},"listen_recv":${received},"listen_sent":${Date.now()}},"sync":true,"res":`;
  }

  /** @param {any} origin */
  #originOf(origin) {
    if (origin !== this.origin) {
      if (typeof origin !== 'string' || origin.length > MAX_ID) return 'null';
      this.originJson = JSON.stringify(origin);
      this.origin = origin;
    }
    return this.originJson;
  }
}

/**
 * What is wrong with a request, or null.
 *
 * @param {any} data an object
 * @param {string} ownId
 */
function faultOf(data, ownId) {
  const { id, act, track } = data;
  if (data.kind !== 'act') return makeError('invalid_kind_act', { kind: short(data.kind) });
  if (id === null) return makeError('no_message_id');
  if (id !== undefined && (typeof id !== 'string' || id.length > MAX_ID)) {
    return makeError('invalid_message_id');
  }
  if (act === null || typeof act !== 'object' || Array.isArray(act)) {
    return makeError('invalid_act');
  }
  if (data.error) return makeError('data_error');
  if (Array.isArray(track) && track.includes(ownId)) return makeError('message_loop');
  return null;
}

/**
 * Whether an id that is refused may be sent back, so that the caller finds its call.
 * @param {any} id
 */
function echoable(id) {
  if (id === null || typeof id === 'number' || typeof id === 'boolean') return true;
  return typeof id === 'string' && id.length <= MAX_ID;
}

/**
 * The id and origin of a message of which only the beginning is known.
 * @param {string} prefix
 * @returns {{ id?: string, origin?: string }}
 */
function beginningOf(prefix) {
  const id = idOf(prefix);
  const origin = /"origin"\s*:\s*("(?:[^"\\]|\\.)*")/.exec(prefix);
  return {
    id: id !== null && echoable(id) ? id : undefined,
    origin: origin === null ? undefined : parsed(origin[1]),
  };
}

/**
 * The id of a message or reply of which only the beginning is known.
 * @param {string} prefix
 * @returns {string | null}
 */
function idOf(prefix) {
  const found = /^\s*\{\s*"id"\s*:\s*("(?:[^"\\]|\\.)*")/.exec(prefix);
  return found === null ? null : parsed(found[1]) || null;
}

/** @param {string} json */
function parsed(json) {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** @param {any} value */
function short(value) {
  return String(typeof value === 'object' ? typeof value : value).slice(0, 40);
}

module.exports = { requestLine, ReplyHeads, faultOf, echoable, beginningOf, idOf };
