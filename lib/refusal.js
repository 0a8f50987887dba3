'use strict';

/** An error outside of calls: a wrong option, a port in use. */
class GossipError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {Record<string, any>} [details]
   */
  constructor(code, message, details) {
    super(`seneca-gossip: ${message}`);
    this.name = 'GossipError';
    this.code = code;
    this.details = details ?? {};
    // Seneca passes an error with this mark on as it is.
    this.seneca = true;
  }
}

module.exports = { GossipError };
