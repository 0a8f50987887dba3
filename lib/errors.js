'use strict';
// @ts-check

/**
 * Every error that this package gives to a caller: one table of codes and texts.
 *
 * The errors are built in the shape of eraro, Seneca's own error maker, and carry `seneca: true`: without that mark
 * Seneca wraps whatever an action replies with into `act_execute` and the code is lost on the way to the caller.
 */

/** @typedef {Record<string, any>} Details */

/** @type {Record<string, (d: Details) => string>} */
const TEXTS = {
  // Where a call could go.
  no_target: (d) =>
    `No live node answers ${d.pattern}${d.waited ? ` (waited ${d.waited} ms)` : ''}: ${d.why || 'none is known'}.`,
  target_lost: (d) =>
    `The connection to ${d.target} was lost (${d.why}) after the call of ${d.pattern} was written to it:` +
    ' it may have run there or not. Set `retry` for this pin if running it twice does no harm.',
  call_timeout: (d) =>
    `The call of ${d.pattern} got no answer within ${d.elapsed} ms` +
    `${d.target ? ` from ${d.target}` : ', no target took it'}.`,
  overloaded: (d) =>
    `No target of ${d.pattern} can take another call now: ${d.why || 'all are at their limit'}.`,
  shard_key_missing: (d) =>
    `The message for ${d.pattern} has no '${d.key}', which decides what node owns it: give it a string, a number or` +
    ' a boolean, or set `shard.optional` for this pin.',
  not_owner: (d) => `This node does not own the key of ${d.pattern}: ${d.owner || 'nobody'} does.`,
  closed: (d) => `This node is closed, ${d.pattern} was not answered.`,
  transport_missing: (d) =>
    `The node ${d.target} is reached by the transport '${d.kind}', which cannot be used here: ${d.why}.`,

  // What a message or a reply may be.
  message_too_long: (d) =>
    `The message for ${d.pattern} has more than ${d.max} bytes, the longest line allowed.`,
  reply_too_long: (d) => `The reply has more than ${d.max} bytes, the longest line allowed.`,
  line_too_long: (d) => `The line has more than ${d.max} bytes, the longest allowed.`,
  unserialisable_message: (d) =>
    `The message for ${d.pattern} cannot be written as JSON: ${d.why}.`,
  unserialisable_result: (d) => `The result cannot be written as JSON: ${d.why}.`,

  // What a listener refuses, without running anything.
  tls_required: () => 'This node is called with TLS only: set the option `tls` of seneca-gossip.',
  not_served: (d) => `This node does not answer ${d.pattern} for others.`,
  act_not_found: (d) =>
    `No matching action pattern found for ${d.args}, and no default result provided` +
    ' (using a default$ property).',
  invalid_json: (d) => `Invalid JSON: ${d.why}.`,
  no_data: () => 'The message has no data: it must be a JSON object.',
  invalid_kind_act: (d) => `Inbound messages should have kind "act", kind was: ${d.kind}.`,
  no_message_id: () => 'The message has no identifier.',
  invalid_message_id: () => 'The message identifier must be a string of at most 512 characters.',
  duplicate_message_id: (d) =>
    `A message with the identifier ${d.id} is still being worked on for this connection.`,
  invalid_act: () => 'The message has no `act`: it must be an object, the message itself.',
  message_loop: () => 'Inbound message rejected as looping back to this server.',
  data_error: () => 'Inbound message included an error description.',
  call_expired: (d) => `The caller's time was up ${d.late} ms before the message was read here.`,
  listen_failed: (d) => `The message could not be acted on: ${d.why}.`,
};

/** The texts as templates of eraro, the form in which Seneca plugins show theirs. */
const messages = Object.freeze(
  Object.fromEntries(
    Object.keys(TEXTS).map((code) => {
      const named = new Proxy({}, { get: (_, name) => `<%=${String(name)}%>` });
      return [code, TEXTS[code](named)];
    }),
  ),
);

/** Codes of the table, for the README and for tests. */
const CODES = Object.freeze(Object.keys(TEXTS));

/**
 * An error of the table.
 *
 * @param {string} code one of CODES
 * @param {Details} [details] what the text names; becomes `err.details`
 * @returns {Error & { code: string, details: Details, [key: string]: any }}
 */
function makeError(code, details = {}) {
  const text = TEXTS[code](details);
  // A stock client gets what a stock listener would have told it.
  const source = code === 'act_not_found' ? 'seneca' : 'seneca-gossip';
  /** @type {any} */
  const err = new Error(`${source}: ${text}`);
  err.code = code;
  err.details = details;
  err.seneca = true;
  err.eraro = true;
  err.package = source;
  err.msg = err.message;
  // Seneca derives a missing one from the stack, at some cost, and it would only name this file.
  err.callpoint = '';
  return err;
}

module.exports = { makeError, messages, CODES };
