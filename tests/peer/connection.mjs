// One connection over a socket: the handshake, then messages to whom they are for. PROTOCOL.md sections 1 and 3.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { socketOptions } from './credential.mjs';
import { REPLY_SIZE, Session } from './session.mjs';
import { ProtocolError, decode } from './wire.mjs';

/** What the daemon said no with: its code by name, as in PROTOCOL.md section 2. */
export class Refusal extends Error {
  constructor({ code, text, ended = true, retryMs = 0 }) {
    super(`${code}: ${text}`);
    Object.assign(this, { code, ended, retryMs });
  }
}

/** The end of a connection that nobody announced. */
export class Cut extends Error {}

/** Bytes of a socket, so many at a time. */
class Bytes {
  constructor(socket) {
    this.parts = [];
    this.size = 0;
    this.source = socket[Symbol.asyncIterator]();
  }

  /** Exactly `size` bytes. Null if the peer ended right before them and `orEnd` is set, else its end is a Cut. */
  async read(size, orEnd = false) {
    while (this.size < size) {
      const { value, done } = await this.source.next().catch(() => ({ done: true }));
      if (done) {
        if (orEnd && this.size === 0) {
          return null;
        }
        throw new Cut('the daemon closed the connection');
      }
      this.parts.push(value);
      this.size += value.length;
    }
    const all = this.parts.length === 1 ? this.parts[0] : Buffer.concat(this.parts);
    this.parts = all.length > size ? [all.subarray(size)] : [];
    this.size = all.length - size;
    return all.subarray(0, size);
  }
}

/** Messages for one reader, in order. After the end, every take throws why. */
class Inbox {
  constructor() {
    this.waiting = [];
    this.messages = [];
    this.failure = null;
  }

  put(message) {
    const waiter = this.waiting.shift();
    if (waiter) {
      waiter.resolve(message);
    } else {
      this.messages.push(message);
    }
  }

  end(failure) {
    this.failure ??= failure;
    for (const waiter of this.waiting.splice(0)) {
      waiter.reject(this.failure);
    }
  }

  take() {
    if (this.messages.length > 0) {
      return Promise.resolve(this.messages.shift());
    }
    if (this.failure) {
      return Promise.reject(this.failure);
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
    });
  }
}

const randomRequest = () => randomBytes(8).readBigUInt64BE();

export class Connection {
  #session;
  #socket;
  #bytes;
  #inboxes = new Map();
  #alone = new Map();
  #nextStream = 1;
  #failure = null;
  #leaving = false;

  /** Connects and shakes hands as the service of `credential`. */
  static async open(credential, options) {
    const connection = new Connection();
    connection.#session = new Session(credential, options);
    const socket = net.connect(socketOptions(credential.address));
    connection.#socket = socket;
    await once(socket, 'connect');
    // From here on a failing socket shows when it is read.
    socket.on('error', () => {});
    connection.#bytes = new Bytes(socket);
    try {
      socket.write(connection.#session.hello());
      connection.#session.established(await connection.#bytes.read(REPLY_SIZE));
    } catch (error) {
      socket.destroy();
      throw error;
    }
    connection.over = connection.#receive();
    return connection;
  }

  /** Reads until the end. Resolves to what ended the connection: a Refusal for a goodbye, else another error. */
  async #receive() {
    let why;
    try {
      for (;;) {
        const size = await this.#bytes.read(2, true);
        if (!size) {
          // One goodbye is enough: the daemon does not answer ours with its own.
          throw this.#leaving ? new Refusal({ code: 'ok', text: 'we said goodbye' })
            : new Cut('the daemon closed the connection without a goodbye');
        }
        const sealed = await this.#bytes.read(this.#session.frameSize(size));
        const message = decode(this.#session.openFrame(sealed));
        if (message.name === 'goodbye') {
          throw new Refusal(message);
        }
        await this.#deliver(message);
      }
    } catch (error) {
      why = error;
    }
    this.fail(why);
    return this.#failure;
  }

  async #deliver(message) {
    if (message.name === 'ping') {
      // Nothing follows our goodbye.
      await (this.#leaving || this.send('pong', 0, message.request));
      return;
    }
    const inbox = message.stream === 0 ? this.#alone.get(message.request) : this.#inboxes.get(message.stream);
    if (!inbox) {
      throw new ProtocolError(`${message.name} answers nothing that was asked`);
    }
    if (message.stream === 0) {
      this.#alone.delete(message.request);
    }
    if (message.name === 'play.body') {
      message.raw = await this.#bytes.read(message.length);
    }
    inbox.put(message);
  }

  /** Ends the connection here and now; whoever waits for a message gets `error`. */
  fail(error) {
    this.#failure ??= error;
    this.#socket.destroy();
    for (const inbox of [...this.#inboxes.values(), ...this.#alone.values()]) {
      inbox.end(this.#failure);
    }
  }

  /** Sends one message; resolves when the socket has room for more. Returns nothing: replies come to inboxes. */
  async send(name, stream, request, fields) {
    if (this.#failure || this.#leaving) {
      throw this.#failure ?? new Error('the connection is over');
    }
    if (!this.#socket.write(this.#session.frame(name, stream, request, fields))) {
      const settled = new AbortController();
      const { signal } = settled;
      await Promise.race(['drain', 'close'].map((event) => once(this.#socket, event, { signal })));
      // Whichever did not come is no longer listened for.
      settled.abort();
    }
  }

  /** A request that stands alone: resolves to its reply, which must be `replyName`, or rejects with a Refusal. */
  async request(name, fields, replyName) {
    const number = randomRequest();
    const inbox = new Inbox();
    this.#alone.set(number, inbox);
    await this.send(name, 0, number, fields);
    return this.expect(await inbox.take(), [replyName]);
  }

  /** The message, if it is one of these; a Refusal is thrown for an error, and anything else ends the connection. */
  expect(message, names) {
    if (message.name === 'error') {
      throw new Refusal(message);
    }
    if (!names.includes(message.name)) {
      const error = new ProtocolError(`${message.name} may not come now`);
      this.fail(error);
      throw error;
    }
    return message;
  }

  /** A stream of its own, opened with the first message sent on it. */
  stream() {
    const number = this.#nextStream++;
    const inbox = new Inbox();
    this.#inboxes.set(number, inbox);
    return {
      send: (name, fields, request = randomRequest()) => this.send(name, number, request, fields),
      next: async (...names) => this.expect(await inbox.take(), names),
    };
  }

  /** Says goodbye and waits for the daemon to close. Resolves to what ended it: a Refusal of code ok if all is well. */
  async close() {
    if (!this.#failure) {
      const said = this.send('goodbye', 0, 0n, { code: 'ok', text: '' });
      this.#leaving = true;
      await said;
      this.#socket.end();
    }
    return this.over;
  }
}
