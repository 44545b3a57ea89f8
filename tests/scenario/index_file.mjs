// The index as bytes on the disk, for scenarios in which it is wrong: rows under another tag, and flipped bits.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './harness.mjs';

// LMDB: pages of this size, whose header has flags and the end of the list of nodes, which follows it; and a header of
// 8 bytes before a node's key.
const PAGE = 4096;
const PAGE_FLAGS = 10;
const PAGE_LOWER = 12;
const PAGE_HEADER = 16;
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

/** True if a leaf page lists a node at this place: a page's free room may have bytes of nodes that were there. */
function isNode(file, node) {
  const page = node - (node % PAGE);
  const count = (file.readUInt16LE(page + PAGE_LOWER) - PAGE_HEADER) / 2;
  if ((file.readUInt16LE(page + PAGE_FLAGS) & LEAF) === 0) {
    return false;
  }
  const nodes = Array.from({ length: count }, (_, i) => page + file.readUInt16LE(page + PAGE_HEADER + 2 * i));
  return nodes.includes(node);
}

/** Where the values of this key stand in the index's file, in any table: [begin, size], stale pages included. */
function places(file, key) {
  const found = [];
  for (let at = file.indexOf(key); at >= 0; at = file.indexOf(key, at + 1)) {
    const node = at - NODE;
    if (isNode(file, node) && file.readUInt16LE(node + 6) === key.length) {
      found.push([at + key.length, file.readUInt32LE(node)]);
    }
  }
  return found;
}

/** A copy of the value of `size` bytes under this key, of which there may be others in other tables. */
export function value(store, key, size) {
  const file = readFileSync(store.path('index', 'data.mdb'));
  const found = places(file, key).find(([, length]) => length === size);
  assert.ok(found, 'the row is not in the index');
  return file.subarray(found[0], found[0] + size);
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
