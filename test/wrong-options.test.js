'use strict';

// What a user sees who got something wrong, on both versions of Seneca: every output here is that
// of a real process. (Each single option: test/options.test.js.)

const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const dgram = require('node:dgram');
const { once } = require('node:events');
const net = require('node:net');
const path = require('node:path');

const gossip = require('..');
const { freePort } = require('./support/ports');
const { killAll, program, service } = require('./support/processes');
const { rustService } = require('./support/rust');
const { VERSIONS } = require('./support/seneca');
const { until } = require('./support/until');

const ROOT = JSON.stringify(path.join(__dirname, '..'));

/** The program of a user. @param {string} version @param {string} options JavaScript */
function text(version, options) {
  const seneca = JSON.stringify(require.resolve(version));
  return `require(${seneca})({ log: 'fatal' }).use(require(${ROOT}), ${options})`;
}

/** Takes ports, as another program would. */
class Taken {
  constructor() {
    /** @type {any[]} */
    this.open = [];
  }

  /** @param {number} port */
  async tcp(port) {
    const server = net.createServer().listen(port, '127.0.0.1');
    this.open.push(server);
    await once(server, 'listening');
  }

  /** @param {number} port */
  async udp(port) {
    const socket = dgram.createSocket('udp4');
    this.open.push(socket);
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
  }

  free() {
    for (const one of this.open.splice(0)) one.close();
  }
}

for (const version of VERSIONS) {
  describe(`wrong options, as their user sees them on ${version}`, function () {
    this.timeout(60_000);
    const taken = new Taken();
    afterEach(async () => {
      taken.free();
      await killAll();
    });

    /** What the program prints before anything else. @param {string} options */
    async function notice(options) {
      const run = program(process.execPath, ['-e', text(version, options)]);
      const line = await until(
        () =>
          run
            .output()
            .split('\n')
            .find((one) => /"notice"/.test(one)),
        {
          what: `an error about ${options}`,
        },
      );
      run.child.kill('SIGKILL');
      const said = JSON.parse(line);
      assert.equal(said.level_name, 'fatal');
      return said;
    }

    for (const [options, code, says] of /** @type {[string, string, string][]} */ ([
      [
        "{ seeds: ['localhost'] }",
        'gossip_option',
        "seneca-gossip: option 'seeds[0]' must be 'host:gossip_port', such as '127.0.0.1:4445' or" +
          " '[::1]:4445' (the gossip port of a node is its port + 1, unless it was told" +
          ' otherwise), not "localhost"',
      ],
      [
        '{ port: 70000 }',
        'gossip_option',
        "seneca-gossip: option 'port' must be a port from 0 to 65535, not 70000",
      ],
      [
        '{ meta: { when: { made: () => 1 } } }',
        'gossip_option',
        "seneca-gossip: option 'meta' must be an object that JSON can carry: meta.when.made is a" +
          ' function',
      ],
      [
        "{ host: '192.0.2.7', pin: 'a:1' }",
        'EADDRNOTAVAIL',
        "seneca-gossip: host '192.0.2.7' is not an address of this machine; option 'host' sets it",
      ],
      [
        "{ advertise: 'nonsense.invalid' }",
        'GOSSIP_BAD_ADVERTISE',
        "seneca-gossip: advertise 'nonsense.invalid' cannot be used: it cannot be resolved:",
      ],
    ])) {
      it(`${options}: says which option, and what is expected`, async () => {
        const said = await notice(options);
        assert.equal(said.notice.slice(0, says.length), says);
        assert.equal(said.code, code);
      });
    }

    it('an option that there is none: says which is meant', async () => {
      const said = await notice("{ seed: ['127.0.0.1:4445'] }");
      assert.match(said.notice, /^seneca-gossip: unknown option 'seed' \(did you mean 'seeds'\?\)/);
    });

    it('a port in use: says which, and which option sets it', async () => {
      const port = await freePort();
      await taken.tcp(port);
      const call = await notice(`{ port: ${port}, pin: 'a:1' }`);
      const inUse = 'is already in use on 127.0.0.1;';
      assert.equal(call.notice, `seneca-gossip: call port ${port} ${inUse} option 'port' sets it`);
      taken.free();
      for (const protocol of /** @type {const} */ (['udp', 'tcp'])) {
        const base = await freePort();
        await taken[protocol](base + 1);
        const which = `seneca-gossip: gossip port ${base + 1} (${protocol.toUpperCase()}) ${inUse}`;
        const beside = await notice(`{ port: ${base}, pin: 'a:1' }`);
        assert.equal(
          beside.notice,
          `${which} it is option 'port' + 1 unless option 'gossip.port' says otherwise`,
        );
        assert.equal(beside.code, 'GOSSIP_PORT_IN_USE');
        const own = await notice(`{ gossip: { port: ${base + 1} } }`);
        assert.equal(own.notice, `${which} option 'gossip.port' sets it`);
      }
    });

    it('on a terminal it is told in plain words as well', async function () {
      // `script` gives a program a terminal.
      if (spawnSync('script', ['-qec', 'true', '/dev/null']).status !== 0) {
        console.log('      skipped: no script(1) here');
        return this.skip();
      }
      const code = text(version, "{ seeds: ['localhost'] }").replaceAll("'", `'"'"'`);
      const command = `${process.execPath} -e '${code}'`;
      const child = spawn('script', ['-qec', command, '/dev/null'], { detached: true });
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (some) => {
        output += some;
      });
      try {
        const plain = /^seneca-gossip: option 'seeds\[0\]' must be .* not "localhost"\r?$/m;
        await until(() => plain.test(output), { what: 'a plain line' });
      } finally {
        process.kill(-(/** @type {number} */ (child.pid)), 'SIGKILL');
      }
    });

    it('in the form of the seed project it is thrown at once', () => {
      const seneca = require(version)({ log: 'silent' });
      assert.throws(() => gossip(seneca).start({ seeds: ['localhost'] }), {
        name: 'GossipError',
        code: 'gossip_option',
        message: /option 'seeds\[0\]' must be 'host:gossip_port'/,
      });
      return new Promise((resolve) => seneca.close(resolve));
    });

    it('set:meta refuses what cannot travel, and keeps what was', async () => {
      const node = await service({ version, options: { meta: { zone: 'a' }, signals: false } });
      const refused = async (/** @type {any} */ meta, /** @type {RegExp} */ says) => {
        const call = node.act({
          sys: 'gossip',
          set: 'meta',
          ...(meta === undefined ? {} : { meta }),
        });
        await assert.rejects(call, (/** @type {any} */ err) => {
          assert.match(err.message, says);
          assert.equal(err.code, 'gossip_option');
          return true;
        });
      };
      await refused(undefined, /option 'meta' must be an object, not undefined/);
      await refused('text', /option 'meta' must be an object, not "text"/);
      await refused([1], /option 'meta' must be an object/);
      await refused({ big: 'x'.repeat(70_000) }, /option 'meta' must be of at most 65536 bytes/);
      let deep = {};
      for (let n = 0; n < 150; n++) deep = { deep };
      await refused({ deep }, /nested more than 100 levels deep/);
      const { members } = await node.act('sys:gossip,get:members');
      assert.deepEqual(members[0].meta, { zone: 'a' });
      await node.act({ sys: 'gossip', set: 'meta', meta: { zone: 'b' } });
      assert.deepEqual((await node.act('sys:gossip,get:members')).members[0].meta, { zone: 'b' });
    });
  });
}

/** @param {() => any} run @returns {any} what it throws */
function catches(run) {
  try {
    run();
  } catch (err) {
    return err;
  }
  throw new Error('nothing was thrown');
}

describe('wrong values for a Gossiper', () => {
  const { Gossiper } = gossip;
  /** @type {any[]} */
  const open = [];
  afterEach(() => Promise.all(open.splice(0).map((node) => node.stop())));

  const cyclic = /** @type {any} */ ({ list: [] });
  cyclic.list.push(cyclic);
  const deep = JSON.parse('['.repeat(5000) + ']'.repeat(5000));
  const throwing = {
    get trap() {
      throw new Error('no');
    },
  };
  /** @type {[string, any, RegExp][]} */
  const wrong = [
    ['a function', () => 1, /it is a function/],
    ['a function inside', { a: [0, { f() {} }] }, /it\.a\[1\]\.f is a function/],
    ['a BigInt', { n: 1n }, /it\.n is a bigint/],
    ['NaN', { n: Number.NaN }, /it\.n is NaN/],
    ['a Map', new Map(), /it is a Map/],
    ['a cycle', cyclic, /refers back to itself/],
    ['a tower', deep, /nested more than 100 levels/],
    ['a getter that throws', throwing, /cannot be read: no/],
    ['a toJSON that gives nothing', { toJSON() {} }, /gives no JSON/],
    ['too much', 'x'.repeat(70_000), /at most 65536 bytes as JSON; it has 70002/],
  ];
  for (const [what, value, says] of wrong) {
    it(`setLocalState refuses ${what} at once, before and after the start`, async () => {
      const node = new Gossiper({ port: 0 });
      open.push(node);
      const refused = () =>
        assert.throws(
          () => node.setLocalState('color', value),
          (/** @type {any} */ err) => {
            assert.match(err.message, /^seneca-gossip: the value of 'color' must be /);
            assert.match(err.message, says);
            assert.equal(err.code, 'gossip_value');
            return true;
          },
        );
      refused();
      await node.start();
      refused();
      assert.equal(node.getLocalState('color'), undefined);
      assert.deepEqual(node.peerKeys(node.name), []);
    });
  }

  it('an option that there is none, and keys that are none: say what there is', async () => {
    const { message } = /** @type {Error} */ (catches(() => new Gossiper({ port: 0, sedes: [] })));
    assert.match(
      message,
      /unknown option 'sedes' \(did you mean 'seeds'\?\); known are: .*cluster/,
    );
    assert.match(catches(() => new Gossiper({ advertise: 'a:1' })).message, /'advertise' must be/);
    const node = new Gossiper({ port: 0 });
    open.push(node);
    for (const key of ['', 5, 'x'.repeat(513)]) {
      assert.throws(() => node.setLocalState(/** @type {any} */ (key), 1), {
        code: 'gossip_value',
        message: /a key must be a string of 1 to 512 bytes/,
      });
    }
    await node.start();
    assert.deepEqual(node.peerKeys(/** @type {any} */ (undefined)), []);
    assert.equal(node.peerValue(/** @type {any} */ (null), 'k'), undefined);
  });

  it('a port in use, and a host that is none: says which option', async () => {
    const first = new Gossiper({ port: 0 });
    open.push(first);
    const { port } = await first.start();
    await assert.rejects(new Gossiper(port).start(), {
      code: 'GOSSIP_PORT_IN_USE',
      message: `seneca-gossip: gossip port ${port} (UDP) is already in use on 127.0.0.1; option 'port' sets it`,
    });
    await assert.rejects(new Gossiper({ host: '192.0.2.7' }).start(), {
      code: 'GOSSIP_BAD_HOST',
      message: /host '192\.0\.2\.7' is not an address of this machine.*; option 'host' sets it$/,
    });
  });
});

describe('wrong options of the Rust service', function () {
  this.timeout(600_000);
  const taken = new Taken();
  afterEach(async () => {
    taken.free();
    await killAll();
  });

  it('are told in a line, and it ends', async () => {
    const command = await rustService();
    const base = await freePort();
    await taken.udp(base + 1);
    const cases = /** @type {[string[], RegExp][]} */ ([
      [['--port', '70000'], /--port must be a number that fits it, not '70000'/],
      [['--seeds', 'localhost'], /seed 'localhost' must be host:port .*: the port is missing/],
      [['--nonsense'], /--nonsense/],
      [['--host', '192.0.2.7'], /call port 0 cannot be opened on 192\.0\.2\.7/],
      [
        ['--port', `${base}`],
        new RegExp(`gossip port ${base + 1} \\(UDP\\) is already in use .* the call port \\+ 1`),
      ],
    ]);
    for (const [args, says] of cases) {
      const run = program(command, args);
      const { code } = await run.ended;
      assert.ok(code > 0, args.join(' '));
      assert.match(run.output(), says);
      assert.doesNotMatch(run.output(), /panicked/);
    }
  });
});
