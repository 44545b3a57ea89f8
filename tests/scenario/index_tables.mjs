// The index read from its file alone, row by row: LMDB's tree of pages walked from the newest of its two meta pages.
// For stores that no daemon has open.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const PAGE = 4096;
const MAGIC = 0xbeefc0de;
// A page's header, then what it is; a node's header, then its key and value.
const HEADER = 16;
const FLAGS = 10;
const LOWER = 12;
const BRANCH = 0x01;
const LEAF = 0x02;
const NODE = 8;
const BIG = 0x01;
const TABLE = 0x02;
// Within a meta page's body: the main table's root, and the transaction's number. Within a table's record: its root.
const MAIN_ROOT = 24 + 48 + 40;
const TRANSACTION = 24 + 2 * 48 + 8;
const TABLE_ROOT = 40;
const NONE = 2n ** 64n - 1n;

function newestMeta(file) {
  const metas = [0, 1].map((number) => file.subarray(number * PAGE + HEADER, (number + 1) * PAGE));
  metas.forEach((meta) => assert.equal(meta.readUInt32LE(0), MAGIC, 'not an index of LMDB'));
  metas.sort((a, b) => Number(b.readBigUInt64LE(TRANSACTION) - a.readBigUInt64LE(TRANSACTION)));
  return metas[0];
}

/** Yields [key, value, flags] of every leaf below the page `root`, in order. */
function* leaves(file, root) {
  if (root === NONE) {
    return;
  }
  const page = file.subarray(Number(root) * PAGE, (Number(root) + 1) * PAGE);
  const kind = page.readUInt16LE(FLAGS) & (BRANCH | LEAF);
  const count = (page.readUInt16LE(LOWER) - HEADER) / 2;
  for (let i = 0; i < count; i++) {
    const node = page.subarray(page.readUInt16LE(HEADER + 2 * i));
    const word = node.readUInt32LE(0);
    const flags = node.readUInt16LE(4);
    const size = node.readUInt16LE(6);
    if (kind === BRANCH) {
      yield* leaves(file, BigInt(word) + BigInt(flags) * 2n ** 32n);
      continue;
    }
    assert.equal(kind, LEAF, 'neither a branch nor a leaf');
    const rest = node.subarray(NODE + size);
    const begin = (flags & BIG) === 0 ? null : Number(rest.readBigUInt64LE(0)) * PAGE + HEADER;
    const value = begin === null ? rest.subarray(0, word) : file.subarray(begin, begin + word);
    yield [node.subarray(NODE, NODE + size), value, flags];
  }
}

/** The store's index: { table: { key in hex: value in hex } }. */
export function tables(store) {
  const file = readFileSync(store.path('index', 'data.mdb'));
  const found = {};
  for (const [name, record, flags] of leaves(file, newestMeta(file).readBigUInt64LE(MAIN_ROOT))) {
    assert.ok((flags & TABLE) !== 0, 'a row outside of any table');
    const rows = [...leaves(file, record.readBigUInt64LE(TABLE_ROOT))];
    found[name] = Object.fromEntries(rows.map(([key, value]) => [key.toString('hex'), value.toString('hex')]));
  }
  return found;
}
