'use strict';

// A name server of SRV records, on UDP.

const dgram = require('node:dgram');

const SRV = 33;
const NO_SUCH_NAME = 3;

/** @param {string} name */
function labels(name) {
  const parts = name.split('.').map((part) => [part.length, ...Buffer.from(part)]);
  return Buffer.from([...parts.flat(), 0]);
}

/** @param {Buffer} question */
function nameOf(question) {
  const parts = [];
  let at = 12;
  for (let size = question[at]; size > 0; size = question[at]) {
    parts.push(question.toString('latin1', at + 1, at + 1 + size));
    at += 1 + size;
  }
  return { name: parts.join('.').toLowerCase(), end: at + 5 };
}

/** A server whose records a test changes while it runs. */
class NameServer {
  constructor() {
    /** @type {Map<string, { name: string, port: number }[]>} */
    this.records = new Map();
    /** How often it was asked. */
    this.asked = 0;
    /** Does it answer at all? */
    this.silent = false;
    this.socket = dgram.createSocket('udp4');
    this.socket.on('message', (question, from) => {
      this.asked += 1;
      if (!this.silent) this.socket.send(this._answer(question), from.port, from.address);
    });
  }

  /** @returns {Promise<string>} its address */
  start() {
    return new Promise((resolve) => {
      this.socket.bind(0, '127.0.0.1', () => {
        resolve(`127.0.0.1:${this.socket.address().port}`);
      });
    });
  }

  /** @param {Buffer} question */
  _answer(question) {
    const { name, end } = nameOf(question);
    const records = this.records.get(name);
    const head = Buffer.alloc(12);
    question.copy(head, 0, 0, 2);
    head.writeUInt16BE(0x8180 | (records ? 0 : NO_SUCH_NAME), 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records?.length ?? 0, 6);
    const answers = (records ?? []).map((record) => {
      const target = labels(record.name);
      const fixed = Buffer.alloc(18);
      fixed.writeUInt16BE(0xc00c, 0); // the name of the question
      fixed.writeUInt16BE(SRV, 2);
      fixed.writeUInt16BE(1, 4);
      fixed.writeUInt32BE(1, 6);
      fixed.writeUInt16BE(6 + target.length, 10);
      fixed.writeUInt16BE(record.port, 16);
      return Buffer.concat([fixed, target]);
    });
    return Buffer.concat([head, question.subarray(12, end), ...answers]);
  }

  close() {
    this.socket.close();
  }
}

module.exports = { NameServer };
