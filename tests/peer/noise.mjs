// Noise_IKpsk2_25519_AESGCM_SHA512, both sides, written from the Noise Protocol Framework, revision 34.
import {
  createCipheriv, createDecipheriv, createHash, createHmac, createPrivateKey, createPublicKey, diffieHellman,
  randomBytes,
} from 'node:crypto';

const NAME = 'Noise_IKpsk2_25519_AESGCM_SHA512';
const HASH = 64;
const DH = 32;
const TAG = 16;
/** The most bytes that a Noise message may have. */
export const MAX_MESSAGE = 65535;
const MAX_NONCE = 2n ** 64n - 1n;
const EMPTY = Buffer.alloc(0);

// What DER puts in front of 32 raw bytes of X25519: node's key objects take no raw ones.
const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const SPKI = Buffer.from('302a300506032b656e032100', 'hex');

/** A key pair from 32 raw private bytes, random if none are given: { secret, publicKey }, the latter 32 raw bytes. */
export function keyPair(raw = randomBytes(DH)) {
  const secret = createPrivateKey({ key: Buffer.concat([PKCS8, raw]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(secret).export({ format: 'der', type: 'spki' }).subarray(SPKI.length);
  return { secret, publicKey };
}

/** X25519. A result of zeros means a forged public key of low order, and fails. */
export function dh(pair, publicRaw) {
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI, publicRaw]), format: 'der', type: 'spki' });
  let shared;
  try {
    shared = diffieHellman({ privateKey: pair.secret, publicKey });
  } catch {
    throw new Error('the public key gives no shared secret');
  }
  if (shared.every((byte) => byte === 0)) {
    throw new Error('the public key gives no shared secret');
  }
  return shared;
}

const hash = (...parts) => parts.reduce((h, part) => h.update(part), createHash('sha512')).digest();
const hmac = (key, ...parts) => parts.reduce((h, part) => h.update(part), createHmac('sha512', key)).digest();

/** Noise's own HKDF: 2 or 3 outputs of HASHLEN bytes. */
function hkdf(chainingKey, input, outputs) {
  const temp = hmac(chainingKey, input);
  const out = [];
  for (let i = 1, last = EMPTY; i <= outputs; i++) {
    last = hmac(temp, last, Buffer.of(i));
    out.push(last);
  }
  return out;
}

/** One direction of a session, or the handshake's own cipher: a key and the number of the next message. */
export class CipherState {
  constructor(key) {
    this.key = key;
    this.n = 0n;
  }

  #nonce(n) {
    const nonce = Buffer.alloc(12);
    nonce.writeBigUInt64BE(n, 4);
    return nonce;
  }

  encrypt(plain, ad = EMPTY) {
    if (this.n === MAX_NONCE) {
      throw new Error('the nonces are used up');
    }
    const cipher = createCipheriv('aes-256-gcm', this.key, this.#nonce(this.n));
    cipher.setAAD(ad);
    const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    this.n++;
    return sealed;
  }

  decrypt(sealed, ad = EMPTY) {
    if (this.n === MAX_NONCE) {
      throw new Error('the nonces are used up');
    }
    if (sealed.length < TAG) {
      throw new Error('shorter than a tag');
    }
    const end = sealed.length - TAG;
    const decipher = createDecipheriv('aes-256-gcm', this.key, this.#nonce(this.n), { authTagLength: TAG });
    decipher.setAAD(ad);
    decipher.setAuthTag(sealed.subarray(end));
    const plain = Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()]);
    this.n++;
    return plain;
  }

  /** REKEY of section 4.2: the first 32 bytes of 32 zeros encrypted under the last nonce. The count goes on. */
  rekey() {
    const cipher = createCipheriv('aes-256-gcm', this.key, this.#nonce(MAX_NONCE));
    this.key = Buffer.concat([cipher.update(Buffer.alloc(32)), cipher.final()]);
  }
}

/** SymmetricState of section 5.2. */
class SymmetricState {
  constructor() {
    this.h = Buffer.concat([Buffer.from(NAME)], HASH);
    this.ck = this.h;
    this.cipher = null;
  }

  mixHash(data) {
    this.h = hash(this.h, data);
  }

  mixKey(input) {
    const [ck, key] = hkdf(this.ck, input, 2);
    this.ck = ck;
    this.cipher = new CipherState(key.subarray(0, 32));
  }

  mixKeyAndHash(input) {
    const [ck, h, key] = hkdf(this.ck, input, 3);
    this.ck = ck;
    this.mixHash(h);
    this.cipher = new CipherState(key.subarray(0, 32));
  }

  encryptAndHash(plain) {
    const sealed = this.cipher ? this.cipher.encrypt(plain, this.h) : plain;
    this.mixHash(sealed);
    return sealed;
  }

  decryptAndHash(sealed) {
    const plain = this.cipher ? this.cipher.decrypt(sealed, this.h) : sealed;
    this.mixHash(sealed);
    return plain;
  }

  split() {
    return hkdf(this.ck, EMPTY, 2).map((key) => new CipherState(key.subarray(0, 32)));
  }
}

/** Bytes taken from the front, one field after the other. */
function taker(bytes) {
  return (length) => {
    if (bytes.length < length) {
      throw new Error('the handshake message is short');
    }
    const taken = bytes.subarray(0, length);
    bytes = bytes.subarray(length);
    return taken;
  };
}

/**
 * The side that opens the connection. `s` is its own key pair, `rs` the server's raw public key, `psk` 32 bytes; `e` is
 * named by vectors alone.
 */
export class Initiator {
  constructor({ prologue, s, rs, psk, e = keyPair() }) {
    Object.assign(this, { s, rs, psk, e, state: new SymmetricState() });
    this.state.mixHash(prologue);
    this.state.mixHash(rs);
  }

  /** -> e, es, s, ss */
  writeMessage1(payload = EMPTY) {
    const { state } = this;
    state.mixHash(this.e.publicKey);
    // A handshake with a pre-shared key mixes the ephemeral key into the chain as well.
    state.mixKey(this.e.publicKey);
    state.mixKey(dh(this.e, this.rs));
    const s = state.encryptAndHash(this.s.publicKey);
    state.mixKey(dh(this.s, this.rs));
    return Buffer.concat([this.e.publicKey, s, state.encryptAndHash(payload)]);
  }

  /** <- e, ee, se, psk. Returns { payload, send, receive, hash }. */
  readMessage2(message) {
    const { state } = this;
    const re = taker(message)(DH);
    state.mixHash(re);
    state.mixKey(re);
    state.mixKey(dh(this.e, re));
    state.mixKey(dh(this.s, re));
    state.mixKeyAndHash(this.psk);
    const payload = state.decryptAndHash(message.subarray(DH));
    const [send, receive] = state.split();
    return { payload, send, receive, hash: state.h };
  }
}

/** The side that answers, which the tests need to show that the vector holds from both ends. */
export class Responder {
  constructor({ prologue, s, e = keyPair() }) {
    Object.assign(this, { s, e, state: new SymmetricState() });
    this.state.mixHash(prologue);
    this.state.mixHash(s.publicKey);
  }

  /** Returns { payload, rs }: with the initiator's public key the pre-shared key is chosen. */
  readMessage1(message) {
    const { state } = this;
    const take = taker(message);
    this.re = take(DH);
    state.mixHash(this.re);
    state.mixKey(this.re);
    state.mixKey(dh(this.s, this.re));
    this.rs = state.decryptAndHash(take(DH + TAG));
    state.mixKey(dh(this.s, this.rs));
    return { payload: state.decryptAndHash(message.subarray(DH + DH + TAG)), rs: this.rs };
  }

  /** Returns { message, send, receive, hash }. */
  writeMessage2(psk, payload = EMPTY) {
    const { state } = this;
    state.mixHash(this.e.publicKey);
    state.mixKey(this.e.publicKey);
    state.mixKey(dh(this.e, this.re));
    state.mixKey(dh(this.e, this.rs));
    state.mixKeyAndHash(psk);
    const message = Buffer.concat([this.e.publicKey, state.encryptAndHash(payload)]);
    const [receive, send] = state.split();
    return { message, send, receive, hash: state.h };
  }
}
