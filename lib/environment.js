'use strict';

// Options from the environment, for containers and process managers that set variables more easily
// than code. What is given in code counts; a variable that is set to nothing counts as not set.

const { GossipError } = require('./refusal');
const { suggest } = require('./suggest');

const PREFIX = 'SENECA_GOSSIP_';

/**
 * Kubernetes sets variables for every service of a namespace, by its name. One that is called
 * `seneca-gossip` must not break, by `SENECA_GOSSIP_PORT=tcp://10.0.0.1:4445`, those who use it.
 */
const SERVICE_LINK = { name: /^SENECA_GOSSIP_(SERVICE|PORT_\d+)_/, value: /^(tcp|udp|sctp):\/\// };

/**
 * A number is left as it is when it is none: the check of the option refuses it, and shows it.
 *
 * @param {string} text
 */
const number = (text) => (/^\d{1,9}$/.test(text) ? Number(text) : text);

/** @param {string} text */
const list = (text) => text.split(/[\s,]+/).filter((entry) => entry !== '');

/** @param {string} text */
const asItIs = (text) => text;

/**
 * What a variable sets, and how it is read. One that is set to nothing counts as not set, unless it is `needed` then: a
 * node must not go without a seal, or a fence, because a secret was empty.
 *
 * @type {Record<string, { option: string, read: (text: string) => any, needed?: boolean }>}
 */
const VARIABLES = {
  SENECA_GOSSIP_PORT: { option: 'port', read: number },
  SENECA_GOSSIP_HOST: { option: 'host', read: asItIs },
  SENECA_GOSSIP_ADVERTISE: { option: 'advertise', read: asItIs },
  SENECA_GOSSIP_SEEDS: {
    option: 'seeds',
    read: list,
  },
  SENECA_GOSSIP_KEY: { option: 'key', read: list, needed: true },
  SENECA_GOSSIP_ALLOW: { option: 'allow', read: list, needed: true },
  SENECA_GOSSIP_DISCOVER: { option: 'discover', read: asItIs },
  SENECA_GOSSIP_CLUSTER: { option: 'cluster', read: asItIs },
};

/** Options that may come from the environment: Seneca must not fill in defaults for them. */
const SETTABLE = Object.values(VARIABLES).map(({ option }) => option);

/**
 * Runs something with the options that are missing in `given` and set in the environment. An error
 * about one of these names the variable.
 *
 * @template T
 * @param {Record<string, any>} given
 * @param {NodeJS.ProcessEnv} env
 * @param {(options: Record<string, any>) => T} run
 */
function withEnvironment(given, env, run) {
  const options = { ...given };
  /** @type {Record<string, string>} the variable that an option is from */
  const from = {};
  for (const [variable, { option, read, needed }] of Object.entries(VARIABLES)) {
    const text = env[variable]?.trim();
    if (text === undefined || (text === '' && !needed)) continue;
    if (SERVICE_LINK.value.test(text) || options[option] !== undefined) continue;
    options[option] = read(text);
    from[option] = variable;
  }
  try {
    return run(options);
  } catch (/** @type {any} */ err) {
    const [option] = String(err.details?.option).split(/[.[]/);
    const variable = Object.hasOwn(from, option) ? from[option] : null;
    if (variable === null) throw err;
    const text = err.message
      .replace(/^seneca-gossip: /, '')
      .replace(/option '[^']*'/, `the environment variable ${variable}`);
    throw new GossipError(err.code, text, { ...err.details, variable });
  }
}

/**
 * Variables that look like ours and mean nothing, each with the one that was probably meant.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ name: string, near: string }[]}
 */
function strangeVariables(env) {
  const names = Object.keys(VARIABLES);
  const strange = Object.keys(env).filter((name) => {
    const ours = name.toUpperCase().startsWith(PREFIX) && !SERVICE_LINK.name.test(name);
    return ours && !names.includes(name);
  });
  return strange.map((name) => {
    const bare = names.map((known) => known.slice(PREFIX.length));
    const near = suggest(name.slice(PREFIX.length), bare);
    return {
      name,
      near: near ? `did you mean ${PREFIX}${near}?` : `known are ${names.join(', ')}`,
    };
  });
}

module.exports = { SETTABLE, VARIABLES, strangeVariables, withEnvironment };
