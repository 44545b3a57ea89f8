// Calls come before uploads: while the disk keeps a call waiting, an upload beside it stands back, and afterwards goes on.
import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BIN_RELEASE, Store, missing, run, waitFor } from './harness.mjs';

const ALICE = 'https://clinic.example/mrn|alice';
const MIB = 1 << 20;
const PIECE = Buffer.alloc(MIB, 7);
const CALL = Buffer.alloc(10_000, 9);

// The released programs: a sanitizer must be the first library that is loaded.
describe('an upload beside a call', { skip: missing(['sealreeld', 'sealreel'], BIN_RELEASE) }, () => {
  let store;
  let clinic;
  let sign;

  before(async () => {
    // Segments close after a second: what brings 4 MiB in less is an upload.
    store = await Store.make({ bin: BIN_RELEASE });
    store.set('store', 'max_delay_ms', '2000');
    const library = store.beside('sync_waits.so');
    const source = fileURLToPath(new URL('../tools/sync_waits.c', import.meta.url));
    const made = await run('gcc', ['-D_GNU_SOURCE', '-shared', '-fPIC', '-o', library, source]);
    assert.equal(made.code, 0, made.stderr);
    sign = store.beside('sync-waits');
    await store.start({ env: { LD_PRELOAD: library, SR_SYNC_WAITS: sign } });
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
      // Whole at once: the daemon looks at it all the time.
      writeFileSync(`${sign}.new`, call.recording.id);
      renameSync(`${sign}.new`, sign);
      await call.writer.append(CALL);
      const held = await waitFor(async () => {
        const found = await durableInASecond();
        return found < usual / 4 && found < 2 ? found : null;
      });
      t.diagnostic(`${usual.toFixed(1)} MiB/s, and ${held.toFixed(1)} MiB/s while the call waited`);
      assert.equal(call.writer.durable, 0);
      rmSync(sign);
      await waitFor(async () => await durableInASecond() > 8);
      over = true;
      await uploading;
      assert.equal(await call.writer.close(), CALL.length);
      assert.equal(await upload.writer.close(), upload.writer.offset);
    }))));
});
