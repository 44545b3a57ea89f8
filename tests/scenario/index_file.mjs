// The index as bytes on the disk, for scenarios in which it is wrong: rows under another tag, and flipped bits.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './harness.mjs';

// LMDB: pages of this size, flags at this place in their headers, and a header of 8 bytes before a node's key.
const PAGE = 4096;
const PAGE_FLAGS = 10;
const LEAF = 0x02;
const NODE = 8;

/** The key of a recording's row (track 0) or a track's under the hex tag: FORMAT.md section 3. */
export function rowKey(tag, recording, track = 0) {
  const number = Buffer.alloc(2);
  number.writeUInt16BE(track);
  return Buffer.concat([Buffer.from(tag, 'hex'), Buffer.from(recording.replaceAll('-', ''), 'hex'), number]);
}

/** Copies (with `move`: moves) all rows of `recording` under another patient's tag. The daemon must be stopped. */
export async function misfile(store, recording, tag, { move = false } = {}) {
  const args = [...(move ? ['--move'] : []), store.directory, recording, tag];
  const { code, stderr } = await run(join(store.bin, 'misfile'), args);
  assert.equal(code, 0, stderr);
}

/** Where the values of this key stand in the index's file: [begin, size], stale pages included. */
function places(file, key) {
  const found = [];
  for (let at = file.indexOf(key); at >= 0; at = file.indexOf(key, at + 1)) {
    const node = at - NODE;
    const flags = file.readUInt16LE(at - (at % PAGE) + PAGE_FLAGS);
    if ((flags & LEAF) !== 0 && file.readUInt16LE(node + 6) === key.length) {
      found.push([at + key.length, file.readUInt32LE(node)]);
    }
  }
  return found;
}

/** A copy of the value under this key, whichever page it is found in first. */
export function value(store, key) {
  const file = readFileSync(store.path('index', 'data.mdb'));
  const [[begin, size] = []] = places(file, key);
  assert.notEqual(begin, undefined, 'the row is not in the index');
  return file.subarray(begin, begin + size);
}

/**
 * Flips one bit of each of these rows: [key, place], where place is a fraction of the row's length from 0 up to 1. The
 * daemon must be stopped.
 */
export function flip(store, rows) {
  const path = store.path('index', 'data.mdb');
  const file = readFileSync(path);
  for (const [key, place] of rows) {
    const values = places(file, key);
    assert.notEqual(values.length, 0, 'the row is not in the index');
    for (const [begin, size] of values) {
      const bit = Math.floor(place * size * 8);
      file[begin + (bit >> 3)] ^= 1 << (bit & 7);
    }
  }
  writeFileSync(path, file);
}
