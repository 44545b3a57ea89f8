// A finish looks at the end of every segment before it closes a recording for good: what a disk has changed or cut is
// found while the one who recorded it is still there, and the recording stays open for a repair. What the daemon has written
// itself it reads again only if somebody has changed the file since.
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { newRecordingId } from '../peer/writer.mjs';
import { Store, missing, refused } from './harness.mjs';

const CHUNK = 16384;
const TAG = 16;
const MIB = 1 << 20;
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

const blobOf = (recording) => store.path('blobs',
  (parseInt(recording.slice(-4), 16) & 1023).toString(16).padStart(3, '0'), `${recording}.1.0`);

/** Another's write into a file, at a time of its own, however slowly the file system's clock goes. */
function write(path, bytes) {
  const changed = () => statSync(path, { bigint: true }).ctimeNs;
  const before = changed();
  do {
    writeFileSync(path, bytes);
  } while (changed() === before);
}

const open = (client, id = newRecordingId()) =>
  client.record(store.mint(ALICE, 'record'), { id, nonce: Buffer.alloc(16, 1) });

async function put(writer, from) {
  let at = 0;
  for (const part of PARTS) {
    await writer.append(from.subarray(at, at += part));
    await writer.sync();
  }
  await writer.close();
}

/** A recording whose track has PARTS; its id. */
const recorded = () => store.connected(clinic, async (client) => {
  const recording = await open(client);
  await put(await recording.track({ type: 'video/webm' }), SOURCE);
  assert.equal(readFileSync(blobOf(recording.id)).length, ENDS[2]);
  return recording.id;
});

/** Finishes the recording with a connection of its own. */
const finish = (id) => store.connected(clinic, async (client) => (await open(client, id)).finish());

async function isRefused(id) {
  const from = store.log.length;
  await assert.rejects(finish(id), refused('corrupt'));
  const [event] = await store.logged('corrupt', { from });
  assert.equal(event.level, 'alarm');
}

/** All of it plays, and it is finished. */
const plays = (id, source) => store.connected(clinic, async (client) => {
  const player = await client.play(store.mint(ALICE, 'play'), id);
  const { state } = await player.update(1);
  assert.equal(state, 'finished');
  assert.ok((await player.readAll(1)).equals(source));
  await player.close();
});

describe('finishing', { skip: missing() }, () => {
  before(async () => {
    store = await Store.serve();
    clinic = await store.service('ingest,playback');
  });

  after(() => store?.remove());

  for (const [what, damage] of DAMAGES) {
    test(`is refused over ${what}`, async () => {
      const id = await recorded();
      const whole = readFileSync(blobOf(id));
      write(blobOf(id), damage(whole));
      // The first finds that the file has been changed; the second has not written it and knows nothing of it.
      await isRefused(id);
      await isRefused(id);
      write(blobOf(id), whole);
      await finish(id);
      await plays(id, SOURCE);
    });
  }

  test('is refused over what was damaged while no daemon ran', async () => {
    const id = await recorded();
    const whole = readFileSync(blobOf(id));
    await store.stop();
    write(blobOf(id), DAMAGES[0][1](whole));
    await store.start();
    await isRefused(id);
    write(blobOf(id), whole);
    await finish(id);
    await plays(id, SOURCE);
  });

  test('is refused over what another daemon had recorded, though this one went on with it', async () => {
    // More than an extent: what lies in an earlier one than the last is not looked at before a track is gone on with.
    const more = Buffer.alloc(5 * MIB, 'more');
    const id = await recorded();
    await store.connected(clinic, async (client) => {
      const writer = await (await open(client, id)).resume(1);
      await writer.append(more);
      await writer.close();
    });
    const whole = readFileSync(blobOf(id));
    await store.stop();
    write(blobOf(id), DAMAGES[0][1](whole));
    await store.start();
    await store.connected(clinic, async (client) => put(await (await open(client, id)).resume(1), SOURCE));
    await isRefused(id);
    write(blobOf(id), Buffer.concat([whole, readFileSync(blobOf(id)).subarray(whole.length)]));
    await finish(id);
    await plays(id, Buffer.concat([SOURCE, more, SOURCE]));
  });

  test('goes on with what another daemon had recorded only if its end is what was committed', async () => {
    const id = await recorded();
    const whole = readFileSync(blobOf(id));
    const goOn = () => store.connected(clinic, async (client) => put(await (await open(client, id)).resume(1), SOURCE));
    await store.stop();
    // Not at the end of a segment, so that nothing else would find it.
    write(blobOf(id), flipped(ENDS[0] - CHUNK)(whole));
    await store.start();
    const from = store.log.length;
    await assert.rejects(goOn(), refused('corrupt'));
    assert.equal((await store.logged('corrupt', { from }))[0].level, 'alarm');
    write(blobOf(id), whole);
    await goOn();
    await finish(id);
    await plays(id, Buffer.concat([SOURCE, SOURCE]));
  });
});
