// The bytes of a connection, without a socket: preamble, handshake, frames and their rekeying. PROTOCOL.md section 1.
import { Initiator, keyPair } from './noise.mjs';
import { MAX_PLAIN, ProtocolError, encode } from './wire.mjs';

export const PREAMBLE = Buffer.from('sealreel\0\x01');
export const REPLY_SIZE = 48;
const REKEY_EVERY = 2n ** 20n;
const TAG = 16;
const LEAST = 13 + TAG;

export class Session {
  /** `e` is the ephemeral key pair, which only the document's example names. `rekeyEvery` is smaller in tests. */
  constructor(credential, { e, rekeyEvery = REKEY_EVERY } = {}) {
    this.rekeyEvery = rekeyEvery;
    this.handshake = new Initiator({
      prologue: Buffer.concat([PREAMBLE, credential.store]),
      s: keyPair(credential.secretKey),
      rs: credential.serverKey,
      psk: credential.psk,
      ...(e && { e }),
    });
  }

  /** What the client sends first. */
  hello() {
    return Buffer.concat([PREAMBLE, this.handshake.writeMessage1()]);
  }

  /** Takes the daemon's reply; throws where the pre-shared key or the daemon is another. */
  established(reply) {
    const { payload, send, receive, hash } = this.handshake.readMessage2(reply);
    if (payload.length !== 0) {
      throw new ProtocolError('the handshake has a payload');
    }
    Object.assign(this, { sending: send, receiving: receive, hash });
  }

  #rekeyIfDue(cipher) {
    if (cipher.n > 0n && cipher.n % this.rekeyEvery === 0n) {
      cipher.rekey();
    }
  }

  /** One message as a frame. */
  frame(name, stream, request, fields) {
    const plain = encode(name, stream, request, fields);
    if (plain.length > MAX_PLAIN) {
      throw new ProtocolError(`a message of ${plain.length} bytes`);
    }
    this.#rekeyIfDue(this.sending);
    const sealed = this.sending.encrypt(plain);
    const size = Buffer.alloc(2);
    size.writeUInt16BE(sealed.length);
    return Buffer.concat([size, sealed]);
  }

  /** How many bytes follow the two of a frame's size. */
  frameSize(two) {
    const size = two.readUInt16BE();
    if (size < LEAST) {
      throw new ProtocolError(`a frame of ${size} bytes`);
    }
    return size;
  }

  /** The plaintext of a frame, whose size has been taken off. */
  openFrame(sealed) {
    this.#rekeyIfDue(this.receiving);
    try {
      return this.receiving.decrypt(sealed);
    } catch {
      throw new ProtocolError('a frame does not open');
    }
  }
}
