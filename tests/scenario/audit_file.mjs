// The audit log's record file taken apart and put together again, as somebody with the disk and a knowledge of its
// format, but without the signing key, could do it.
import { readFileSync, writeFileSync } from 'node:fs';

const FRONT = 64;
const HEAD = 10;
const MASK = 2n ** 64n - 1n;

const rotated = (x, by) => ((x << by) | (x >> (64n - by))) & MASK;

/** SipHash-2-4, as published: the check in a record's head. */
function sipHash(key, data) {
  const [k0, k1] = [key.readBigUInt64LE(0), key.readBigUInt64LE(8)];
  let [v0, v1, v2, v3] = [k0 ^ 0x736f6d6570736575n, k1 ^ 0x646f72616e646f6dn, k0 ^ 0x6c7967656e657261n, k1 ^ 0x7465646279746573n];
  const round = () => {
    v0 = (v0 + v1) & MASK; v1 = rotated(v1, 13n) ^ v0; v0 = rotated(v0, 32n);
    v2 = (v2 + v3) & MASK; v3 = rotated(v3, 16n) ^ v2;
    v0 = (v0 + v3) & MASK; v3 = rotated(v3, 21n) ^ v0;
    v2 = (v2 + v1) & MASK; v1 = rotated(v1, 17n) ^ v2; v2 = rotated(v2, 32n);
  };
  const padded = Buffer.alloc(8 * (Math.floor(data.length / 8) + 1));
  data.copy(padded);
  padded[padded.length - 1] = data.length & 0xff;
  for (let at = 0; at < padded.length; at += 8) {
    const word = padded.readBigUInt64LE(at);
    v3 ^= word;
    round(); round();
    v0 ^= word;
  }
  v2 ^= 0xffn;
  round(); round(); round(); round();
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(v0 ^ v1 ^ v2 ^ v3);
  return out;
}

function check(number, json) {
  const key = Buffer.alloc(16);
  key.write('sealreel');
  key.writeBigUInt64BE(BigInt(number), 8);
  return sipHash(key, json);
}

/** Every entry's bytes, and whether all checks are as this file makes them. */
export function readRecords(path) {
  const bytes = readFileSync(path);
  const entries = [];
  let sound = true;
  for (let at = FRONT; at + HEAD <= bytes.length && bytes.readUInt16BE(at) > 0;) {
    const size = bytes.readUInt16BE(at);
    const json = bytes.subarray(at + HEAD, at + HEAD + size);
    sound &&= bytes.subarray(at + 2, at + HEAD).equals(check(entries.length, json));
    entries.push(Buffer.from(json));
    at += HEAD + size;
  }
  return { entries, sound };
}

/** Writes a record file of these entries, each with its right head, and as long as it was. */
export function writeRecords(path, entries) {
  const before = readFileSync(path);
  const parts = [before.subarray(0, FRONT)];
  entries.forEach((json, number) => {
    const size = Buffer.alloc(2);
    size.writeUInt16BE(json.length);
    parts.push(size, check(number, json), json);
  });
  const made = Buffer.concat(parts);
  writeFileSync(path, Buffer.concat([made, Buffer.alloc(Math.max(before.length, made.length) - made.length)]));
}

/** The entry as it would say of itself that it is this number. */
export const renumbered = (json, number) => Buffer.from(json.toString().replace(/^\{"number":\d+/, `{"number":${number}`));
