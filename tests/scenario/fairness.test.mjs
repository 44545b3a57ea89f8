// Calls come before uploads: while the disk keeps a call waiting, an upload beside it stands back, and afterwards goes on.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { BIN_RELEASE, Store, missing, waitFor } from './harness.mjs';
import { startHeld } from './sync_waits.mjs';

const ALICE = 'https://clinic.example/mrn|alice';
const MIB = 1 << 20;
const PIECE = Buffer.alloc(MIB, 7);
const CALL = Buffer.alloc(10_000, 9);

// The released programs: a sanitizer must be the first library that is loaded.
describe('an upload beside a call', { skip: missing(['sealreeld', 'sealreel'], BIN_RELEASE) }, () => {
  let store;
  let clinic;
  let disk;

  before(async () => {
    // Segments close after a second: what brings 4 MiB in less is an upload.
    store = await Store.make({ bin: BIN_RELEASE });
    store.set('store', 'max_delay_ms', '2000');
    disk = await startHeld(store);
    clinic = await store.service('ingest,playback');
  });

  after(() => store?.remove());

  /** How many MiB became durable within a second. */
  async function durableInASecond() {
    const { bytes_durable: from } = await store.stats();
    await delay(1000);
    return ((await store.stats()).bytes_durable - from) / MIB;
  }

  const begin = async (client) => {
    const recording = await client.record(store.mint(ALICE, 'record'));
    return { recording, writer: await recording.track({ type: 'video/webm' }) };
  };

  test('stands back while the call waits, and loses nothing', (t) => store.connected(clinic, (caller) => (
    store.connected(clinic, async (uploader) => {
      const call = await begin(caller);
      const upload = await begin(uploader);
      let over = false;
      const uploading = (async () => {
        while (!over) {
          await upload.writer.append(PIECE);
        }
      })();
      uploading.catch(() => {}); // told below
      const usual = await waitFor(async () => {
        const found = await durableInASecond();
        return found > 8 ? found : null;
      });
      disk.hold(call.recording.id);
      await call.writer.append(CALL);
      const held = await waitFor(async () => {
        const found = await durableInASecond();
        return found < usual / 4 && found < 2 ? found : null;
      });
      t.diagnostic(`${usual.toFixed(1)} MiB/s, and ${held.toFixed(1)} MiB/s while the call waited`);
      assert.equal(call.writer.durable, 0);
      disk.release();
      await waitFor(async () => await durableInASecond() > 8);
      over = true;
      await uploading;
      assert.equal(await call.writer.close(), CALL.length);
      assert.equal(await upload.writer.close(), upload.writer.offset);
    }))));
});
