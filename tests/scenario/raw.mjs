// A caller without manners: sends whatever bytes a test wants to, and tells what the daemon makes of them.
import { once } from 'node:events';
import net from 'node:net';
import { readCredential, socketOptions } from '../peer/credential.mjs';
import { REPLY_SIZE, Session } from '../peer/session.mjs';
import { decode, encode } from '../peer/wire.mjs';
import { DEADLINE } from './harness.mjs';

export class Raw {
  #socket;
  #received = Buffer.alloc(0);
  #over = false;
  #wake = () => {};
  #request = 0n;

  /** Connects to the daemon of a credential, whose path is given or which is parsed; says nothing yet. */
  static async connect(credential) {
    const raw = new Raw();
    raw.credential = typeof credential === 'string' ? readCredential(credential) : credential;
    raw.#socket = net.connect(socketOptions(raw.credential.address));
    await once(raw.#socket, 'connect');
    raw.#socket.setTimeout(DEADLINE, () => raw.#socket.destroy(new Error('the daemon says nothing')));
    raw.#socket.on('data', (data) => {
      raw.#received = Buffer.concat([raw.#received, data]);
      raw.#wake();
    });
    raw.#socket.on('error', () => {});
    raw.#socket.on('close', () => {
      raw.#over = true;
      raw.#wake();
    });
    return raw;
  }

  /** The same with the handshake done. */
  static async open(credential) {
    const raw = await Raw.connect(credential);
    raw.session = new Session(raw.credential);
    raw.send(raw.session.hello());
    raw.session.established(await raw.read(REPLY_SIZE));
    return raw;
  }

  send(...parts) {
    this.#socket.write(Buffer.concat(parts));
  }

  /** No more will be sent; what the daemon says can still be read. */
  end() {
    this.#socket.end();
  }

  /** Takes nothing of what the daemon sends, until resume(). */
  pause() {
    this.#socket.pause();
  }

  resume() {
    this.#socket.resume();
  }

  destroy() {
    this.#socket.destroy();
  }

  /** Exactly `size` bytes of the daemon's, or null where it has closed before. */
  async read(size) {
    while (this.#received.length < size && !this.#over) {
      await new Promise((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#received.length < size) {
      return null;
    }
    const taken = this.#received.subarray(0, size);
    this.#received = this.#received.subarray(size);
    return taken;
  }

  /** Any bytes at all as the plaintext of one frame. */
  frame(plain) {
    const sealed = this.session.sending.encrypt(plain);
    const size = Buffer.alloc(2);
    size.writeUInt16BE(sealed.length);
    return Buffer.concat([size, sealed]);
  }

  /** Sends a message as it should be; its request numbers count up from 1. */
  say(name, stream, fields) {
    this.send(this.frame(encode(name, stream, ++this.#request, fields)));
  }

  /** The daemon's next message, raw bytes of a body left out, or null where it has closed. */
  async next() {
    const size = await this.read(2);
    if (!size) {
      return null;
    }
    const message = decode(this.session.openFrame(await this.read(this.session.frameSize(size))));
    if (message.name === 'play.body') {
      await this.read(message.length);
    }
    return message;
  }

  /** All messages up to the end, which the daemon must make. */
  async rest() {
    const messages = [];
    for (let message = await this.next(); message; message = await this.next()) {
      messages.push(message);
    }
    return messages;
  }

  /** Waits for a message of this name, passing over others; throws where the daemon closes before. */
  async until(name) {
    for (;;) {
      const message = await this.next();
      if (!message || message.name === name) {
        if (!message) {
          throw new Error(`the daemon closed before ${name}`);
        }
        return message;
      }
    }
  }
}
