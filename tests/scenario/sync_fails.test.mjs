// A disk that cannot make bytes durable, or keeps others than it was given: nothing is acknowledged that no sync has
// vouched for, or that does not open as it lies there; the index says nothing of it, and the call goes on where it was
// durable.
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { BIN_RELEASE, Store, missing, refused } from './harness.mjs';
import { makePreload } from './preload.mjs';

const ALICE = 'https://clinic.example/mrn|alice';
const SOURCE = createCipheriv('aes-128-ctr', Buffer.alloc(16, 3), Buffer.alloc(16)).update(Buffer.alloc(60_000));
const FIRST = 20_000;
const SECOND = 40_000;

let store;
let clinic;
let sign;
let env;

/** The path of track 1's file of this number. */
const blobOf = (id, file) => store.path('blobs', (parseInt(id.slice(-4), 16) & 1023).toString(16).padStart(3, '0'),
  `${id}.1.${file}`);

/** All of track 1 as it is now. */
const played = (id) => store.connected(clinic, async (client) => {
  const player = await client.play(store.mint(ALICE, 'play'), id);
  await player.update(1);
  const bytes = await player.readAll(1);
  await player.close();
  return bytes;
});

/** Serves a store of its own with tools/`name`.c in front, which acts while the file `sign` is there. */
async function serve(name, variable) {
  store = await Store.make({ bin: BIN_RELEASE });
  sign = store.beside('sign');
  env = { LD_PRELOAD: await makePreload(store, name), [variable]: sign };
  await store.start({ env });
  clinic = await store.service('ingest,playback');
}

/** A recording of FIRST bytes, whose next ones meet the fault, which is over again. */
async function failing(client) {
  const recording = await client.record(store.mint(ALICE, 'record'));
  const writer = await recording.track({ type: 'video/webm' });
  await writer.append(SOURCE.subarray(0, FIRST));
  assert.equal(await writer.sync(), FIRST);
  writeFileSync(sign, '');
  await writer.append(SOURCE.subarray(FIRST, SECOND));
  await assert.rejects(writer.sync(), refused('io'));
  assert.equal(writer.durable, FIRST);
  rmSync(sign);
  return recording;
}

/** It goes on behind the FIRST bytes, up to its end. */
async function goesOn(recording) {
  const again = await recording.resume(1);
  assert.equal(again.durable, FIRST);
  await again.append(SOURCE.subarray(FIRST));
  assert.equal(await again.close(), SOURCE.length);
  await recording.finish();
}

// The released programs: a sanitizer must be the first library that is loaded.
describe('a sync that fails', { skip: missing(['sealreeld', 'sealreel'], BIN_RELEASE) }, () => {
  before(() => serve('sync_fails', 'SR_SYNC_FAILS'));

  after(() => store?.remove());

  test('is told, and what it was to make durable is neither acknowledged nor played', async () => {
    let recording;
    await store.connected(clinic, async (client) => {
      recording = await failing(client);
      assert.ok((await played(recording.id)).equals(SOURCE.subarray(0, FIRST)));
      await goesOn(recording);
    });
    // The kernel calls the lost pages clean: the first file is never written again.
    assert.ok(existsSync(blobOf(recording.id, 1)));
    assert.ok((await played(recording.id)).equals(SOURCE));
    await store.kill();
    await store.start({ env });
    assert.ok((await played(recording.id)).equals(SOURCE));
  });

  test('is followed by a look at the disk: what no longer stands of the acknowledged ends the stream with an alarm', async () => {
    await store.connected(clinic, async (client) => {
      const recording = await failing(client);
      const file = openSync(blobOf(recording.id, 0), 'r+');
      const byte = Buffer.alloc(1);
      readSync(file, byte, 0, 1, FIRST - 1);
      writeSync(file, Buffer.from([byte[0] ^ 1]), 0, 1, FIRST - 1);
      closeSync(file);
      const before = store.events('corrupt').length;
      await assert.rejects(recording.resume(1), refused('corrupt'));
      await assert.rejects(recording.finish(), refused('corrupt'));
      assert.equal(store.events('corrupt').length, before + 2);
      assert.ok(!existsSync(blobOf(recording.id, 1)), 'it went on behind bytes that the disk has lost');
    });
  });
});

describe('a file that keeps other bytes than were written', { skip: missing(['sealreeld', 'sealreel'], BIN_RELEASE) }, () => {
  before(() => serve('write_lies', 'SR_WRITE_LIES'));

  after(() => store?.remove());

  test('is noticed before anything of it is acknowledged, and the call goes on', () => (
    store.connected(clinic, async (client) => {
      const recording = await failing(client);
      await goesOn(recording);
      assert.ok((await played(recording.id)).equals(SOURCE));
    })));
});
