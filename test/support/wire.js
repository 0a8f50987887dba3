'use strict';

// The wire of the gossip port, written anew from its description (src/wire): so that tests can
// send well-formed lies. An encoder for everything, a decoder for what a liar has to answer.

const KEY = Buffer.from('seneca-gossip/1\0', 'latin1');
const MASK = 0xffff_ffff_ffff_ffffn;
const VERSION = 1;
const KINDS = { ping: 1, ack: 2, rumor: 3, gossip: 4, sync: 5 };
const STAGES = { ask: 0, answer: 1, finish: 2 };
const MAX_DATAGRAM = 1200;

/** @param {bigint} x @param {bigint} n */
const rotl = (x, n) => ((x << n) | (x >> (64n - n))) & MASK;

/**
 * SipHash-2-4 under the protocol's key.
 *
 * @param {string | Buffer} data
 * @returns {bigint}
 */
function hash(data) {
  const bytes = Buffer.from(data);
  const k0 = KEY.readBigUInt64LE(0);
  const k1 = KEY.readBigUInt64LE(8);
  let v0 = k0 ^ 0x736f6d6570736575n;
  let v1 = k1 ^ 0x646f72616e646f6dn;
  let v2 = k0 ^ 0x6c7967656e657261n;
  let v3 = k1 ^ 0x7465646279746573n;
  const round = () => {
    v0 = (v0 + v1) & MASK;
    v1 = rotl(v1, 13n) ^ v0;
    v0 = rotl(v0, 32n);
    v2 = (v2 + v3) & MASK;
    v3 = rotl(v3, 16n) ^ v2;
    v0 = (v0 + v3) & MASK;
    v3 = rotl(v3, 21n) ^ v0;
    v2 = (v2 + v1) & MASK;
    v1 = rotl(v1, 17n) ^ v2;
    v2 = rotl(v2, 32n);
  };
  const padded = Buffer.alloc((bytes.length >> 3) * 8 + 8);
  bytes.copy(padded);
  padded[padded.length - 1] = bytes.length & 0xff;
  for (let at = 0; at < padded.length; at += 8) {
    const m = padded.readBigUInt64LE(at);
    v3 ^= m;
    round();
    round();
    v0 ^= m;
  }
  v2 ^= 0xffn;
  for (let i = 0; i < 4; i++) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

/** The id of a member. @param {string | bigint} name */
const idOf = (name) => (typeof name === 'bigint' ? name : hash(name));

/** @param {bigint} v */
function u64(v) {
  const b = Buffer.alloc(8);
  b.writeBigUInt64LE(v & MASK);
  return b;
}

/** A LEB128 number. @param {number | bigint} v */
function varint(v) {
  let rest = BigInt(v);
  const bytes = [];
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return Buffer.from(bytes);
}

/** A length and that many bytes. @param {string | Buffer} s */
function text(s) {
  const bytes = Buffer.from(s);
  return Buffer.concat([varint(bytes.length), bytes]);
}

/**
 * @typedef {object} From
 * @property {string | bigint} from
 * @property {string | bigint} [cluster] `default`
 */

/** @param {keyof KINDS} kind @param {From} from */
function head(kind, { from, cluster = 'default' }) {
  const first = Buffer.from([VERSION, KINDS[kind]]);
  return Buffer.concat([first, u64(idOf(cluster)), u64(idOf(from))]);
}

/** @param {{ generation: number | bigint, incarnation: number | bigint } | null | undefined} a */
function accusation(a) {
  if (!a) return Buffer.from([0]);
  return Buffer.concat([Buffer.from([1]), varint(a.generation), varint(a.incarnation)]);
}

/** @param {From & { nonce?: bigint, to: string | bigint, accuse?: any }} m */
function ping(m) {
  return Buffer.concat([
    head('ping', m),
    u64(m.nonce ?? 1n),
    u64(idOf(m.to)),
    accusation(m.accuse),
  ]);
}

/** @param {From & { nonce: bigint, generation: number | bigint, incarnation?: number, accuse?: any }} m */
function ack(m) {
  return Buffer.concat([
    head('ack', m),
    u64(m.nonce),
    varint(m.generation),
    varint(m.incarnation ?? 0),
    accusation(m.accuse),
  ]);
}

/** @param {From & { subject: string | bigint, generation: number | bigint }} m */
function rumor(m) {
  return Buffer.concat([head('rumor', m), u64(idOf(m.subject)), varint(m.generation)]);
}

/**
 * @typedef {object} Digest
 * @property {string | bigint} id
 * @property {number | bigint} generation
 * @property {number | bigint} version
 */

/** @param {Digest[]} list */
function digests(list) {
  const each = list.map((d) => [u64(idOf(d.id)), varint(d.generation), varint(d.version)]);
  return Buffer.concat([varint(list.length), ...each.flat()]);
}

/**
 * @typedef {object} Delta
 * @property {string} name of the owner
 * @property {bigint} [id] if it is not to be the name's
 * @property {number | bigint} generation
 * @property {number | bigint} [from] 0
 * @property {number | bigint} [horizon] 0
 * @property {[key: string, value: string | Buffer | null, version?: number | bigint][]} [entries] null: removed
 * @property {number | bigint} [upto] the version of the last entry
 */

/** @param {Delta} d */
function delta(d) {
  const from = BigInt(d.from ?? 0);
  const parts = [u64(d.id ?? hash(d.name)), varint(d.generation), varint(from)];
  if (from === 0n) parts.push(text(d.name), varint(d.horizon ?? 0));
  let last = from;
  for (const [key, value, version] of d.entries ?? []) {
    const at = version === undefined ? last + 1n : BigInt(version);
    parts.push(text(key), varint(at - last));
    if (value === null) parts.push(varint(0));
    else {
      const bytes = Buffer.from(value);
      parts.push(varint(bytes.length + 1), bytes);
    }
    last = at;
  }
  parts.push(varint(0), varint(d.upto ?? last));
  return Buffer.concat(parts);
}

/**
 * What a node would say of itself: its address first.
 *
 * @param {string} name
 * @param {number | bigint} generation
 * @param {string} address
 * @param {[string, string | Buffer | null][]} [more]
 * @returns {Delta}
 */
function claim(name, generation, address, more = []) {
  return { name, generation, entries: [['@addr', address], ...more] };
}

/**
 * @param {From & { step?: number, byStream?: boolean, root?: bigint, buckets?: number[],
 *   digests?: Digest[], deltas?: Delta[] }} m
 */
function gossip(m) {
  const flags = (m.step ?? 1) | (m.buckets ? 8 : 0) | (m.byStream ? 16 : 0);
  const buckets = Buffer.alloc(m.buckets ? 4 * m.buckets.length : 0);
  m.buckets?.forEach((b, at) => {
    buckets.writeUInt32LE(b, 4 * at);
  });
  return Buffer.concat([
    head('gossip', m),
    Buffer.from([flags]),
    u64(m.root ?? 1n),
    buckets,
    digests(m.digests ?? []),
    ...(m.deltas ?? []).map(delta),
  ]);
}

/**
 * @param {From & { stage: keyof STAGES, last?: boolean, digests?: Digest[], deltas?: Delta[] }} m
 */
function sync(m) {
  const flags = STAGES[m.stage] | (m.last === false ? 0 : 0x80);
  return Buffer.concat([
    head('sync', m),
    Buffer.from([flags]),
    digests(m.digests ?? []),
    ...(m.deltas ?? []).map(delta),
  ]);
}

/** With its length, as it goes over TCP. @param {Buffer} bytes */
function frame(bytes) {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/**
 * The deltas in as few datagrams as they fit into.
 *
 * @param {From} from
 * @param {Delta[]} deltas
 */
function datagrams(from, deltas) {
  const fixed = gossip(from).length;
  /** @type {Delta[][]} */
  const groups = [[]];
  let size = fixed;
  for (const one of deltas) {
    const more = delta(one).length;
    if (size + more > MAX_DATAGRAM) {
      groups.push([]);
      size = fixed;
    }
    groups[groups.length - 1].push(one);
    size += more;
  }
  return groups.map((group) => gossip({ ...from, deltas: group }));
}

/** Reads numbers one after the other. */
class Reader {
  /** @param {Buffer} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  u8() {
    return this.bytes.readUInt8(this.at++);
  }

  u64() {
    this.at += 8;
    return this.bytes.readBigUInt64LE(this.at - 8);
  }

  varint() {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
}

/**
 * What a datagram or frame says, as far as a liar wants to know.
 *
 * @param {Buffer} bytes
 */
function decode(bytes) {
  const r = new Reader(bytes);
  const version = r.u8();
  const number = r.u8();
  const kind = Object.entries(KINDS).find(([, n]) => n === number)?.[0] ?? null;
  /** @type {Record<string, any>} */
  const m = { version, kind, cluster: r.u64(), from: r.u64() };
  if (kind === 'ping') Object.assign(m, { nonce: r.u64(), to: r.u64(), accused: r.u8() === 1 });
  if (kind === 'ack') {
    Object.assign(m, { nonce: r.u64(), generation: r.varint(), incarnation: r.varint() });
  }
  if (kind === 'gossip') {
    const flags = r.u8();
    Object.assign(m, { step: flags & 7, byStream: (flags & 16) !== 0, root: r.u64() });
    if (flags & 8) r.at += 256;
    m.digests = digestsOf(r);
  }
  if (kind === 'sync') {
    const flags = r.u8();
    Object.assign(m, { stage: flags & 0x7f, last: (flags & 0x80) !== 0, digests: digestsOf(r) });
  }
  return m;
}

/** @param {Reader} r */
function digestsOf(r) {
  const list = [];
  for (let left = r.varint(); left > 0n; left--) {
    list.push({ id: r.u64(), generation: r.varint(), version: r.varint() });
  }
  return list;
}

module.exports = {
  MAX_DATAGRAM,
  ack,
  claim,
  datagrams,
  decode,
  delta,
  frame,
  gossip,
  hash,
  ping,
  rumor,
  sync,
  varint,
};
