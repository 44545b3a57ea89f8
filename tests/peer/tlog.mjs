// A verifier of transparency logs, written from the C2SP texts (signed-note, tlog-checkpoint, tlog-tiles, tlog-proof) and
// RFC 6962 and 9162, with nothing but Node's own cryptography.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What is no such text, or does not verify. */
export class TlogError extends Error {}

function must(holds, what) {
  if (!holds) {
    throw new TlogError(what);
  }
}

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

// --- RFC 6962, 2.1 ------------------------------------------------------------------------------------------------------

export const EMPTY = sha256();
export const leafHash = (entry) => sha256(Buffer.of(0), entry);
export const nodeHash = (left, right) => sha256(Buffer.of(1), left, right);

/** The root over leaf hashes: the largest power of two below their number goes left. */
export function rootOf(hashes) {
  if (hashes.length === 0) {
    return EMPTY;
  }
  if (hashes.length === 1) {
    return hashes[0];
  }
  let split = 1;
  while (2 * split < hashes.length) {
    split *= 2;
  }
  return nodeHash(rootOf(hashes.slice(0, split)), rootOf(hashes.slice(split)));
}

/** RFC 9162, 2.1.3.2: does `proof` lead from the leaf's hash, number `index` of `size`, to `root`? */
export function included(proof, leaf, index, size, root) {
  if (index >= size) {
    return false;
  }
  let [fn, sn, hash] = [index, size - 1, leaf];
  for (const part of proof) {
    if (sn === 0) {
      return false;
    }
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(part, hash);
      while (fn % 2 === 0 && fn !== 0) {
        [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
      }
    } else {
      hash = nodeHash(hash, part);
    }
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return sn === 0 && hash.equals(root);
}

/** RFC 9162, 2.1.4.2: are the `first` leaves under `oldRoot` where the `second` under `newRoot` begin? */
export function consistent(proof, first, oldRoot, second, newRoot) {
  if (first === second) {
    return proof.length === 0 && oldRoot.equals(newRoot);
  }
  if (first === 0) {
    return proof.length === 0 && oldRoot.equals(EMPTY);
  }
  if (first > second || proof.length === 0) {
    return false;
  }
  const path = Number.isInteger(Math.log2(first)) ? [oldRoot, ...proof] : proof;
  let [fn, sn] = [first - 1, second - 1];
  while (fn % 2 === 1) {
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  let [fr, sr] = [path[0], path[0]];
  for (const part of path.slice(1)) {
    if (sn === 0) {
      return false;
    }
    if (fn % 2 === 1 || fn === sn) {
      fr = nodeHash(part, fr);
      sr = nodeHash(part, sr);
      while (fn % 2 === 0 && fn !== 0) {
        [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
      }
    } else {
      sr = nodeHash(sr, part);
    }
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return sn === 0 && fr.equals(oldRoot) && sr.equals(newRoot);
}

// --- signed-note, tlog-checkpoint ----------------------------------------------------------------------------------------

function base64(text) {
  const bytes = Buffer.from(text, 'base64');
  must(bytes.toString('base64') === text, `${text} is not base 64`);
  return bytes;
}

const keyId = (name, publicKey) => sha256(name, Buffer.of(0x0a, 0x01), publicKey).subarray(0, 4);

/** { name, key, id } of a verifier key, NAME+ID+KEY. */
export function parseVerifier(text) {
  const [, name, id, encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/.exec(text.trim()) ?? [];
  must(name !== undefined, 'not a verifier key');
  const typed = base64(encoded);
  must(typed.length === 33 && typed[0] === 1, 'not a key of Ed25519');
  const key = typed.subarray(1);
  must(keyId(name, key).toString('hex') === id, 'the id of a verifier key is not its own');
  return { name, key, id: keyId(name, key) };
}

/** The text of a note that the key has signed. */
export function openNote(note, { key }, name) {
  must(!/[\x00-\x09\x0b-\x1f]/.test(note), 'a control character in a note');
  const split = note.lastIndexOf('\n\n');
  must(split > 0 && note.endsWith('\n'), 'a note without signatures');
  const [text, lines] = [note.slice(0, split + 1), note.slice(split + 2, -1).split('\n')];
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key]);
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  let signed = false;
  for (const line of lines) {
    const [, who, encoded] = /^\u2014 (\S+) (\S+)$/u.exec(line) ?? [];
    must(who !== undefined, 'a line that is no signature');
    const signature = base64(encoded);
    if (who !== name || !signature.subarray(0, 4).equals(keyId(name, key))) {
      continue;
    }
    must(verify(null, Buffer.from(text), publicKey, signature.subarray(4)), 'the signature does not verify');
    signed = true;
  }
  must(signed, 'not signed by the key');
  return text;
}

/** { origin, size, root } of a checkpoint that the verifier key's log has signed, or one that goes on for it (NAME/2 …). */
export function parseCheckpoint(note, verifier) {
  const claimed = note.slice(0, note.indexOf('\n'));
  must(claimed === verifier.name || new RegExp(`^${verifier.name}/[1-9][0-9]*$`).test(claimed), 'of another log');
  const [origin, size, root, ...rest] = openNote(note, verifier, claimed).split('\n');
  must(/^(0|[1-9][0-9]*)$/.test(size) && rest.at(-1) === '', 'not a checkpoint');
  const hash = base64(root);
  must(hash.length === 32, 'a root that is no hash');
  return { origin, size: Number(size), root: hash };
}

/** What a tlog-proof proves of `entry`: { index, checkpoint }. */
export function checkProof(text, entry, verifier) {
  const split = text.indexOf('\n\n');
  const [title, ...lines] = text.slice(0, split).split('\n');
  must(title === 'c2sp.org/tlog-proof@v1' && split > 0, 'not a tlog-proof');
  const [first, ...hashes] = lines[0]?.startsWith('extra ') ? lines.slice(1) : lines;
  const [, index] = /^index (0|[1-9][0-9]*)$/.exec(first ?? '') ?? [];
  must(index !== undefined, 'a proof without an index');
  const checkpoint = parseCheckpoint(text.slice(split + 2), verifier);
  must(included(hashes.map(base64), leafHash(entry), Number(index), checkpoint.size, checkpoint.root),
    'the proof does not lead to its checkpoint');
  return { index: Number(index), checkpoint };
}

// --- tlog-tiles ----------------------------------------------------------------------------------------------------------

/** tile/L/N[.p/W]; `level` may be 'entries'. */
export function tilePath(level, n, width = 256) {
  const groups = [];
  for (let rest = n; groups.length === 0 || rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift(`${groups.length > 0 ? 'x' : ''}${String(rest % 1000).padStart(3, '0')}`);
  }
  return `tile/${level}/${groups.join('/')}${width < 256 ? `.p/${width}` : ''}`;
}

/** The tiles that a tree of `size` has at a level: [number, width]. */
function tilesOf(size, level) {
  const hashes = Math.floor(size / 256 ** level);
  const full = Array.from({ length: Math.floor(hashes / 256) }, (_, n) => [n, 256]);
  return hashes % 256 > 0 ? [...full, [full.length, hashes % 256]] : full;
}

/** Every entry of the log in `directory`, from its bundles. */
export function entriesOf(directory, size) {
  const entries = [];
  for (const [n, width] of tilesOf(size, 0)) {
    const bundle = readFileSync(join(directory, tilePath('entries', n, width)));
    let at = 0;
    for (let count = 0; count < width; count++) {
      must(at + 2 <= bundle.length, 'a bundle is short');
      const length = bundle.readUInt16BE(at);
      must(at + 2 + length <= bundle.length, 'a bundle is short');
      entries.push(bundle.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
    must(at === bundle.length, 'a bundle is long');
  }
  return entries;
}

/** Verifies the tiled log in `directory`: checkpoint, every bundle, every tile. Gives { checkpoint, entries }. */
export function verifyLog(directory, verifier) {
  const checkpoint = parseCheckpoint(readFileSync(join(directory, 'checkpoint'), 'utf8'), verifier);
  const entries = entriesOf(directory, checkpoint.size);
  let hashes = entries.map(leafHash);
  must(rootOf(hashes).equals(checkpoint.root), 'the entries give another root');
  for (let level = 0; hashes.length > 0; level++) {
    for (const [n, width] of tilesOf(checkpoint.size, level)) {
      const tile = readFileSync(join(directory, tilePath(level, n, width)));
      must(tile.equals(Buffer.concat(hashes.slice(256 * n, 256 * n + width))), `${tilePath(level, n, width)} is another`);
    }
    // Only full tiles are hashed into the level above.
    hashes = Array.from({ length: Math.floor(hashes.length / 256) }, (_, n) => rootOf(hashes.slice(256 * n, 256 * n + 256)));
  }
  return { checkpoint, entries };
}
