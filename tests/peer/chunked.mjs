// C2SP chunked-encryption, instantiation Cobblestone-256: HKDF-Expand-SHA-512 and AES-256-GCM over chunks of 16 KiB.
// Written from the specification alone (c2sp.org/chunked-encryption).
import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export const CHUNK = 16384;
export const TAG = 16;
export const SALT = 24;
export const COMMITMENT = 32;
export const HEADER = SALT + COMMITMENT;

const LABEL = Buffer.from('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0');
// The counter has 38 bits; every caller here stays far below, and a number beyond it is a mistake.
const MAX_CHUNKS = 2 ** 38;

/** HKDF-Expand of RFC 5869; `prk` is used as it is. The RFC's own vectors need SHA-256, everything else SHA-512. */
export function hkdfExpand(prk, info, length, hash = 'sha512') {
  const blocks = [];
  let made = 0;
  let last = Buffer.alloc(0);
  for (let i = 1; made < length; i++) {
    if (i > 255) {
      throw new RangeError('HKDF-Expand gives at most 255 blocks');
    }
    last = createHmac(hash, prk).update(last).update(info).update(Buffer.of(i)).digest();
    blocks.push(last);
    made += last.length;
  }
  return Buffer.concat(blocks).subarray(0, length);
}

/** HKDF-Extract of RFC 5869. */
export function hkdfExtract(salt, ikm, hash = 'sha512') {
  return createHmac(hash, salt).update(ikm).digest();
}

/** What one message's chunks are sealed with: { key, nonce, commitment }. */
export function deriveMessage(inputKey, salt, context) {
  if (inputKey.length !== 32 || salt.length !== SALT) {
    throw new RangeError('the input key has 32 bytes, the salt 24');
  }
  const okm = hkdfExpand(inputKey, Buffer.concat([LABEL, salt, context]), 32 + 12 + COMMITMENT);
  return { key: okm.subarray(0, 32), nonce: okm.subarray(32, 44), commitment: okm.subarray(44) };
}

/** The base nonce XORed with the chunk's number, which is a big-endian integer as wide as the nonce. */
function chunkNonce(baseNonce, number) {
  if (!Number.isSafeInteger(number) || number < 0 || number >= MAX_CHUNKS) {
    throw new RangeError(`no chunk has the number ${number}`);
  }
  const counter = Buffer.alloc(12);
  counter.writeBigUInt64BE(BigInt(number), 4);
  return counter.map((byte, i) => byte ^ baseNonce[i]);
}

export function sealChunk(keys, number, plain) {
  const cipher = createCipheriv('aes-256-gcm', keys.key, chunkNonce(keys.nonce, number));
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Throws when the chunk is not the one with this number under these keys; nothing is returned then. */
export function openChunk(keys, number, sealed) {
  if (sealed.length < TAG || sealed.length > CHUNK + TAG) {
    throw new Error(`chunk ${number}: ${sealed.length} bytes cannot be a chunk`);
  }
  const end = sealed.length - TAG;
  const decipher = createDecipheriv('aes-256-gcm', keys.key, chunkNonce(keys.nonce, number), { authTagLength: TAG });
  decipher.setAuthTag(sealed.subarray(end));
  const plain = decipher.update(sealed.subarray(0, end));
  try {
    return Buffer.concat([plain, decipher.final()]);
  } catch {
    plain.fill(0);
    throw new Error(`chunk ${number}: does not open`);
  }
}

/** The bytes of a sealed message without its header: every chunk has its tag, and there is always a short last one. */
export function sealedBody(plainLength) {
  return plainLength + (Math.floor(plainLength / CHUNK) + 1) * TAG;
}

/** Seals a whole message: salt || commitment || chunks. `salt` is random unless a vector names it. */
export function seal(inputKey, context, message, salt = randomBytes(SALT)) {
  const keys = deriveMessage(inputKey, salt, context);
  const parts = [salt, keys.commitment];
  const chunks = Math.floor(message.length / CHUNK) + 1;
  for (let i = 0; i < chunks; i++) {
    parts.push(sealChunk(keys, i, message.subarray(i * CHUNK, (i + 1) * CHUNK)));
  }
  return Buffer.concat(parts);
}

/** Opens a whole sealed message. The commitment is checked before any chunk. */
export function open(inputKey, context, sealed) {
  if (sealed.length < HEADER) {
    throw new Error('shorter than salt and commitment');
  }
  const keys = deriveMessage(inputKey, sealed.subarray(0, SALT), context);
  if (!timingSafeEqual(keys.commitment, sealed.subarray(SALT, HEADER))) {
    throw new Error('the commitment differs: another key, salt or context');
  }
  return openBody(keys, sealed.subarray(HEADER));
}

/** Opens all chunks of one message, header taken off. A last chunk that is missing or full means a cut message. */
export function openBody(keys, body) {
  const full = CHUNK + TAG;
  const rest = body.length % full;
  if (rest < TAG) {
    throw new Error('the message is cut: it does not end in a short chunk');
  }
  const parts = [];
  for (let i = 0; i * full < body.length; i++) {
    parts.push(openChunk(keys, i, body.subarray(i * full, (i + 1) * full)));
  }
  return Buffer.concat(parts);
}

/** Opens the bytes [from, to) of a sealed message without touching any chunk outside of them but the last. */
export function openRange(inputKey, context, sealed, from, to) {
  const keys = deriveMessage(inputKey, sealed.subarray(0, SALT), context);
  if (!timingSafeEqual(keys.commitment, sealed.subarray(SALT, HEADER))) {
    throw new Error('the commitment differs: another key, salt or context');
  }
  const body = sealed.subarray(HEADER);
  const full = CHUNK + TAG;
  const last = Math.floor(body.length / full);
  // The last chunk vouches for the length, which `to` is measured against.
  const total = last * CHUNK + openChunk(keys, last, body.subarray(last * full)).length;
  if (from < 0 || from > to || to > total) {
    throw new RangeError(`no bytes ${from} to ${to} in a message of ${total}`);
  }
  if (from === to) {
    return Buffer.alloc(0);
  }
  const first = Math.floor(from / CHUNK);
  const parts = [];
  for (let i = first; i * CHUNK < to; i++) {
    parts.push(openChunk(keys, i, body.subarray(i * full, (i + 1) * full)));
  }
  return Buffer.concat(parts).subarray(from - first * CHUNK, to - first * CHUNK);
}
