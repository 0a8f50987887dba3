'use strict';

// The seed project's form:
//
//   var Gossip = new require('seneca-gossip');
//   Gossip(seneca).start({ port: 4444, pin: 'role:api', seeds: ['127.0.0.1:4445'] });

const { resolve } = require('./options');

/**
 * @param {any} seneca
 * @param {any} plugin
 */
function legacy(seneca, plugin) {
  return {
    /**
     * @param {Record<string, any>} [options] as for `seneca.use`
     * @param {() => void} [ready] called when the node is in the cluster
     * @returns {any} the Seneca instance
     */
    start(options, ready) {
      // Thrown here and now; within `use` it would end the process.
      resolve(options, { jsonic: seneca.util.Jsonic });
      seneca.use(plugin, options ?? {});
      if (typeof ready === 'function') seneca.ready(ready);
      return seneca;
    },

    /** Leaves the cluster and closes the instance. */
    stop(/** @type {any} */ done) {
      return seneca.close(done);
    },
  };
}

module.exports = { legacy };
