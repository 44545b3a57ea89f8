// A finish looks at the end of every segment before it closes a recording for good: what a disk has changed or cut is
// found while the one who recorded it is still there, and the recording stays open for a repair.
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Store, missing, refused } from './harness.mjs';

const CHUNK = 16384;
const TAG = 16;
const HEADER = 56;
const ALICE = 'https://clinic.example/mrn|alice';
const PARTS = [CHUNK + 100, CHUNK, 77];
const SOURCE = createCipheriv('aes-128-ctr', Buffer.alloc(16, 9), Buffer.alloc(16))
  .update(Buffer.alloc(PARTS.reduce((sum, part) => sum + part)));

// Where each segment ends in its file (FORMAT.md section 5).
const ENDS = PARTS.reduce((ends, part) => [...ends,
  (ends.at(-1) ?? 0) + HEADER + part + TAG * (Math.floor(part / CHUNK) + 1)], []);

const flipped = (at) => (blob) => {
  const changed = Buffer.from(blob);
  changed[at] ^= 1;
  return changed;
};

const DAMAGES = [
  ['the last tag of the first segment', flipped(ENDS[0] - 1)],
  ['the last chunk of the first segment', flipped(ENDS[0] - TAG - 100)],
  // A segment of whole chunks ends with an empty one, of which there is nothing but the tag.
  ['the empty last chunk of the second', flipped(ENDS[1] - TAG)],
  ['the last byte of all', flipped(ENDS[2] - 1)],
  ['a file that is a byte short', (blob) => blob.subarray(0, blob.length - 1)],
  ['a file without its last segment', (blob) => blob.subarray(0, ENDS[1])],
];

let store;
let clinic;
let id;

const blobOf = (recording) => store.path('blobs',
  (parseInt(recording.slice(-4), 16) & 1023).toString(16).padStart(3, '0'), `${recording}.1.0`);

/** Finishes the recording with a connection of its own. */
const finish = () => store.connected(clinic, async (client) => {
  const recording = await client.record(store.mint(ALICE, 'record'), { id, nonce: Buffer.alloc(16, 1) });
  await recording.finish();
});

describe('finishing', { skip: missing() }, () => {
  before(async () => {
    store = await Store.serve();
    clinic = await store.service('ingest,playback');
    await store.connected(clinic, async (client) => {
      const recording = await client.record(store.mint(ALICE, 'record'), { nonce: Buffer.alloc(16, 1) });
      id = recording.id;
      const writer = await recording.track({ type: 'video/webm' });
      let at = 0;
      for (const part of PARTS) {
        await writer.append(SOURCE.subarray(at, at += part));
        await writer.sync();
      }
      await writer.close();
    });
    assert.equal(readFileSync(blobOf(id)).length, ENDS[2]);
  });

  after(() => store?.remove());

  for (const [what, damage] of DAMAGES) {
    test(`is refused over ${what}`, async () => {
      const whole = readFileSync(blobOf(id));
      const from = store.log.length;
      writeFileSync(blobOf(id), damage(whole));
      try {
        await assert.rejects(finish(), refused('corrupt'));
      } finally {
        writeFileSync(blobOf(id), whole);
      }
      const [event] = await store.logged('corrupt', { from });
      assert.equal(event.level, 'alarm');
    });
  }

  test('goes through once that is put right, and all of it plays', async () => {
    await finish();
    await store.connected(clinic, async (client) => {
      const player = await client.play(store.mint(ALICE, 'play'), id);
      const { state } = await player.update(1);
      assert.equal(state, 'finished');
      assert.ok((await player.readAll(1)).equals(SOURCE));
      await player.close();
    });
  });
});
