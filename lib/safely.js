'use strict';

/**
 * Answers a caller. A callback that throws is the caller's fault, and must not take others with it.
 *
 * @param {(level: string, text: string, more?: any) => void} log
 * @param {(err: any, out?: any) => void} reply
 * @param {any} err
 * @param {any} [out]
 */
function safely(log, reply, err, out) {
  try {
    reply(err, out);
  } catch (thrown) {
    log('error', 'a callback threw', { err: thrown });
  }
}

module.exports = { safely };
