// The audit log's entries as they lie in a store's record file, read without a daemon.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const FRONT = 64;
const HEAD = 10;

/** Every whole entry of the record file at `path`, parsed, in order: what a torn end leaves of one is not there. */
export function readEntries(path) {
  const bytes = readFileSync(path);
  const entries = [];
  for (let at = FRONT; at + HEAD <= bytes.length;) {
    const size = bytes.readUInt16BE(at);
    if (size === 0 || at + HEAD + size > bytes.length) {
      break;
    }
    entries.push(JSON.parse(bytes.subarray(at + HEAD, at + HEAD + size)));
    at += HEAD + size;
  }
  return entries;
}

/** Each entry of a stopped store's log names each recording, or track of one, once. */
export function assertNamedOnce(store) {
  for (const { seq, kind, operation, recordings = [] } of readEntries(store.path('audit', 'records'))) {
    const names = recordings.map(({ id, track }) => `${id} ${track ?? ''}`);
    assert.deepEqual(names, [...new Set(names)], `${kind} ${operation} ${seq}`);
  }
}
