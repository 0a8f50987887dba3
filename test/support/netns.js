'use strict';

// Hosts on one machine: network namespaces on a bridge that has a namespace of its
// own, so that nothing of the machine's network is touched. Needs root and iproute2.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

/** @param {string[]} args */
const ip = (...args) => run('ip', args);

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} [input]
 */
function run(command, args, input) {
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8', input });
  if (status !== 0) {
    throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
  }
}

/**
 * Sets rules of nftables in a namespace.
 *
 * @param {string} name
 * @param {string[]} lines
 */
function nft(name, lines) {
  run('ip', ['netns', 'exec', name, 'nft', '-f', '-'], `${lines.join('\n')}\n`);
}

/** What loses packets in a bridge, without a rule yet. */
const LOSS = [
  'add table bridge loss',
  'delete table bridge loss',
  'add table bridge loss',
  'add chain bridge loss pass { type filter hook forward priority 0; }',
];

/**
 * What makes a router of a host: others see its own address on what it passes on, and reach the host behind it by
 * the ports that are mapped.
 *
 * @param {string} inner address of the host behind
 * @param {Record<number, number>} ports
 */
const translation = (inner, ports) => [
  'add table ip nat',
  'add chain ip nat out { type nat hook postrouting priority srcnat; }',
  'add rule ip nat out oifname "eth0" masquerade',
  'add chain ip nat in { type nat hook prerouting priority dstnat; }',
  ...Object.entries(ports).map(
    ([from, to]) =>
      `add rule ip nat in iifname "eth0" meta l4proto { tcp, udp } th dport ${from} dnat to ${inner}:${to}`,
  ),
];

/**
 * Why there can be no namespaces here, or none with such rules of nftables; `null` when there can.
 *
 * @param {string[]} [rules]
 * @returns {string | null}
 */
function whyNot(rules) {
  const name = `sg${process.pid}t`;
  try {
    ip('netns', 'add', name);
    ip('-n', name, 'link', 'set', 'lo', 'up');
    if (rules) nft(name, rules);
    return null;
  } catch (/** @type {any} */ err) {
    return err.message;
  } finally {
    spawnSync('ip', ['netns', 'del', name]);
  }
}

/** Why packets cannot be lost on purpose here; `null` when they can. Needs nftables. */
const whyNoLoss = () => whyNot(LOSS);

/** Why no host can be put behind a router here; `null` when one can. Needs nftables. */
const whyNoRouter = () => whyNot(translation('10.88.0.2', { 14444: 4444 }));

/**
 * In a `before`: skips all that follows when there is a reason, and says it.
 *
 * @param {Mocha.Context} context
 * @param {string | null} reason as of `whyNot`
 */
function skipIf(context, reason) {
  if (reason === null) return;
  process.stdout.write(`      skipped, there can be no such hosts here: ${reason}\n`);
  context.skip();
}

/** Hosts that reach each other, until they are cut off. */
class Hosts {
  /** @param {number} count */
  constructor(count) {
    this.hub = `sg${process.pid}hub`;
    /** @type {string[]} names of the namespaces */
    this.names = [];
    /** @type {string[]} names of those behind a router */
    this.hidden = [];
    /** Does the switch lose packets? */
    this.lossy = false;
    // Also when the tests end in an unusual way.
    process.once('exit', () => this.remove());
    try {
      ip('netns', 'add', this.hub);
      ip('-n', this.hub, 'link', 'add', 'br0', 'type', 'bridge');
      ip('-n', this.hub, 'link', 'set', 'br0', 'up');
      for (let i = 0; i < count; i++) this._add(i);
    } catch (err) {
      this.remove();
      throw err;
    }
  }

  /** @param {number} i */
  _add(i) {
    const name = `sg${process.pid}h${i}`;
    ip('netns', 'add', name);
    this.names.push(name);
    ip('-n', this.hub, 'link', 'add', `v${i}`, 'type', 'veth', 'peer', 'eth0', 'netns', name);
    ip('-n', this.hub, 'link', 'set', `v${i}`, 'master', 'br0', 'up');
    ip('-n', name, 'addr', 'add', `${this.address(i)}/24`, 'dev', 'eth0');
    ip('-n', name, 'link', 'set', 'eth0', 'up');
    ip('-n', name, 'link', 'set', 'lo', 'up');
  }

  /** @param {number} i */
  address(i) {
    return `10.77.0.${i + 1}`;
  }

  /**
   * Words that start a program on a host.
   *
   * @param {number} i
   */
  on(i) {
    return ['ip', 'netns', 'exec', this.names[i]];
  }

  /**
   * What names mean on all hosts from now on, in place of the machine's own `/etc/hosts`.
   * Before the first program is started on one of them, since that is when the file gets its place.
   *
   * @param {Record<string, number[]>} names hosts by name
   */
  resolve(names) {
    const lines = Object.entries(names).flatMap(([name, hosts]) =>
      hosts.map((host) => `${this.address(host)} ${name}\n`),
    );
    for (const name of this.names) {
      const dir = path.join('/etc/netns', name);
      fs.mkdirSync(dir, { recursive: true });
      // In place: another file would not be seen where this one is mounted.
      fs.writeFileSync(path.join(dir, 'hosts'), `127.0.0.1 localhost\n${lines.join('')}`);
    }
  }

  /**
   * Takes the cable of a host out of the switch, or puts it back: the host sees nothing but that
   * nobody answers any more.
   *
   * @param {number} i
   * @param {boolean} linked
   */
  bridge(i, linked) {
    const master = linked ? ['master', 'br0'] : ['nomaster'];
    ip('-n', this.hub, 'link', 'set', `v${i}`, ...master);
  }

  /**
   * Takes the link of a host down, or up again.
   *
   * @param {number} i
   * @param {boolean} linked
   */
  link(i, linked) {
    ip('-n', this.hub, 'link', 'set', `v${i}`, linked ? 'up' : 'down');
  }

  /**
   * Loses packets in the switch from now on, instead of what was lost before.
   *
   * @param {{ from: number, to?: number, percent?: number }[]} losses to one host, or to all; 100 percent is a cut
   */
  lose(losses) {
    const rules = losses.map(({ from, to, percent = 100 }) => {
      const ports = `iifname "v${from}"${to === undefined ? '' : ` oifname "v${to}"`}`;
      const some = percent < 100 ? ` numgen random mod 100 < ${percent}` : '';
      return `add rule bridge loss pass ${ports}${some} drop`;
    });
    nft(this.hub, [...LOSS, ...rules]);
    this.lossy = true;
  }

  /**
   * Lets programs on a host speak from addresses that are not its own. It hears nothing of what is sent there, and does
   * not claim them towards the others.
   *
   * @param {number} i
   * @param {string[]} addresses
   */
  forge(i, addresses) {
    for (const name of ['arp_ignore', 'arp_announce']) {
      const file = `/proc/sys/net/ipv4/conf/all/${name}`;
      run('ip', ['netns', 'exec', this.names[i], 'sh', '-c', `echo 2 > ${file}`]);
    }
    for (const address of addresses) ip('-n', this.names[i], 'addr', 'add', address, 'dev', 'lo');
  }

  /**
   * Has a host look for the addresses of another network on this one.
   *
   * @param {number} i
   * @param {string} network
   */
  route(i, network) {
    ip('-n', this.names[i], 'route', 'add', network, 'dev', 'eth0');
  }

  /**
   * Makes a router of a host, with a new host behind it that has a private address. No other host knows a way to that
   * address; they reach it by the mapped ports of the router, TCP and UDP alike.
   *
   * @param {number} i the router
   * @param {Record<number, number>} ports those of the router, and where behind it each leads to
   */
  behind(i, ports) {
    const router = this.names[i];
    const name = `sg${process.pid}b${i}`;
    const [gateway, address] = [1, 2].map((last) => `10.88.${i}.${last}`);
    ip('netns', 'add', name);
    this.hidden.push(name);
    ip('-n', router, 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'eth0', 'netns', name);
    ip('-n', router, 'addr', 'add', `${gateway}/24`, 'dev', 'eth1');
    ip('-n', router, 'link', 'set', 'eth1', 'up');
    ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    ip('-n', name, 'link', 'set', 'eth0', 'up');
    ip('-n', name, 'link', 'set', 'lo', 'up');
    ip('-n', name, 'route', 'add', 'default', 'via', gateway);
    nft(router, translation(address, ports));
    ip('netns', 'exec', router, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
    return { address, on: ['ip', 'netns', 'exec', name] };
  }

  /** Every host as at first: a test that fails while one is cut off must not fail the next. */
  restore() {
    if (this.lossy) this.lose([]);
    this.lossy = false;
    for (const i of this.names.keys()) {
      this.link(i, true);
      this.bridge(i, true);
    }
  }

  remove() {
    for (const name of [...this.hidden, ...this.names, this.hub]) {
      spawnSync('ip', ['netns', 'del', name]);
    }
    for (const name of this.names) {
      fs.rmSync(path.join('/etc/netns', name), { recursive: true, force: true });
    }
    this.names = [];
    this.hidden = [];
  }
}

module.exports = { Hosts, skipIf, whyNoLoss, whyNoRouter, whyNot };
