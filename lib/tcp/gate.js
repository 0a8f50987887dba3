'use strict';
// @ts-check

/**
 * What stands before a call port with TLS: by its first byte a connection wants a handshake or speaks plainly. Who
 * speaks plainly is told, in its own protocol, what is wanted here.
 */

const tls = require('node:tls');

const { Word } = require('./terms');

/** First byte of a handshake of TLS. */
const HANDSHAKE = 0x16;
/** Connections that have not come through, at most. */
const MAX_WAITING = 256;
/** How long one that is refused may take to hear of it, ms. */
const LINGER = 1000;
/** How long a connection may say nothing, ms. */
const SILENT = 5000;

class Gate {
  /**
   * @param {import('../tls').Tls} options
   * @param {object} on
   * @param {(socket: import('node:tls').TLSSocket) => void} on.secure
   * @param {(socket: import('node:net').Socket) => void} on.plain
   * @param {(why: string, socket: import('node:net').Socket) => void} on.refused it is about to be closed
   */
  constructor(options, on) {
    this.on = on;
    /** @type {Map<string, import('node:net').Socket>} by its other end, oldest first */
    this.waiting = new Map();
    this.server = tls.createServer(options.server, (socket) => {
      this.waiting.delete(endOf(socket));
      // A session that is resumed is authorized without a certificate if it began without one.
      const shown = Object.keys(socket.getPeerCertificate()).length > 0;
      if ((shown && socket.authorized) || !options.server.requestCert) on.secure(socket);
      else this.reject(socket, shown);
    });
    this.server.on('tlsClientError', (err, socket) => {
      on.refused(err.message, socket);
      socket.destroy();
    });
  }

  /** @param {import('node:net').Socket} socket */
  accept(socket) {
    if (this.waiting.size >= MAX_WAITING) {
      const [[end, oldest]] = this.waiting;
      this.waiting.delete(end);
      this.on.refused('too many are between connection and handshake', oldest);
      oldest.destroy();
    }
    // Known now: a socket that has ended has no other end any more.
    const end = endOf(socket);
    this.waiting.set(end, socket);
    const timer = setTimeout(() => socket.destroy(), SILENT);
    const ignore = () => {};
    socket.on('error', ignore);
    socket.once('close', () => {
      clearTimeout(timer);
      this.waiting.delete(end);
    });
    socket.once('readable', () => {
      const chunk = socket.read();
      // The end, without a byte.
      if (chunk === null) {
        socket.destroy();
        return;
      }
      clearTimeout(timer);
      socket.unshift(chunk);
      if (chunk[0] === HANDSHAKE) {
        this.server.emit('connection', socket);
        return;
      }
      this.waiting.delete(end);
      socket.removeListener('error', ignore);
      this.on.plain(socket);
    });
  }

  /**
   * Nothing that it says is looked at.
   *
   * @param {import('node:tls').TLSSocket} socket
   * @param {boolean} shown has it shown a certificate?
   */
  reject(socket, shown) {
    const why = shown
      ? `its certificate is not accepted (${socket.authorizationError})`
      : 'it shows no certificate';
    this.on.refused(why, socket);
    socket.on('error', () => {});
    socket.resume().end(`${JSON.stringify({ kind: Word.NO, why })}\n`);
    setTimeout(() => socket.destroy(), LINGER).unref();
  }

  close() {
    for (const socket of this.waiting.values()) socket.destroy();
  }
}

/** @param {import('node:net').Socket} socket */
function endOf({ remoteAddress, remotePort }) {
  return `${remoteAddress} ${remotePort}`;
}

module.exports = { Gate };
