// The daemon is killed at its n-th call that changes a file or sends, while a recording is deleted for good and a patient
// is erased: started again, each is wholly there or wholly gone, what was answered holds, and no file is left over.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Client } from '../peer/client.mjs';
import { run, waitFor } from '../scenario/harness.mjs';
import { LONG, FaultStore, generator, killAnywhere, missing } from './rig.mjs';

const POINTS = LONG ? Infinity : 40;
const ALICE = 'https://clinic.example/mrn|alice';
const BOB = 'https://clinic.example/mrn|bob';
const MEDIA = Buffer.alloc(90_000, 3);

describe('killed while recordings go', { skip: missing() }, () => {
  const random = generator(11);
  let whole;
  let deleted;
  let most = 0;

  const as = async (rig, name, body) => {
    const client = await Client.connect(rig.credential(name));
    try {
      return await body(client);
    } finally {
      await client.close().catch(() => {});
    }
  };

  before(async () => {
    whole = await FaultStore.make();
    whole.store.set('store', 'undelete_window_s', '0');
    await whole.start();
    const ids = [];
    // One of each is unfinished: its segments have rows of their own.
    for (const [identity, finish] of [[ALICE, true], [ALICE, false], [BOB, false], [BOB, true]]) {
      ids.push(await as(whole, 'ingest', (client) =>
        whole.store.record(client, identity, { tracks: [{ media: MEDIA }], finish })));
    }
    [, , deleted] = ids;
    await whole.store.stop();
  });

  after(() => whole?.remove());

  const filesOf = (rig) => readdirSync(rig.store.path('blobs'), { recursive: true }).filter((name) => name.length > 10);

  /** Deletes one of Bob's and erases Alice, until it is done or the daemon is gone; says what was answered. */
  async function work(rig, said) {
    await as(rig, 'operator', async (client) => {
      await client.delete(rig.store.mint(BOB, 'delete'), deleted);
      said.deleted = true;
      await client.erase(ALICE);
      said.erased = true;
      await waitFor(async () => !rig.runs || (filesOf(rig).length === 1
        && (await client.erase(ALICE, { look: true })).waiting === 0));
    });
  }

  /** How many of a patient's recordings are listed, each of which plays. */
  const count = (rig, identity) => as(rig, 'playback', async (client) => {
    const { recordings, withheld } = await client.list(rig.store.mint(identity, 'list'));
    assert.equal(withheld, 0);
    for (const { recording } of recordings) {
      const player = await client.play(rig.store.mint(identity, 'play'), recording);
      await player.update(1);
      assert.ok((await player.readAll(1)).equals(MEDIA));
    }
    return recordings.length;
  });

  /** Nothing is found, also in the middle of a removal. */
  async function scrubbed(rig) {
    const { code, stdout } = await run(join(rig.store.bin, 'sealreeld'), ['--scrub', rig.store.directory]);
    assert.equal(code, 0, stdout.toString());
  }

  async function attempt(at) {
    const rig = whole.copy();
    const said = {};
    try {
      if (await rig.start({ FAULT: 'kill', FAULT_AT: at })) {
        await work(rig, said).catch(() => {});
      }
      await (rig.control.hits > 0 ? rig.store.ended : rig.kill());
      await scrubbed(rig);
      most = Math.max(most, rig.control.counted);
      assert.ok(await rig.start(), 'it does not start again');
      const [alice, bob] = [await count(rig, ALICE), await count(rig, BOB)];
      assert.ok(alice === 0 || (alice === 2 && !said.erased), `${alice} of Alice's, ${JSON.stringify(said)}`);
      assert.ok(bob === 1 || (bob === 2 && !said.deleted), `${bob} of Bob's, ${JSON.stringify(said)}`);
      await waitFor(() => filesOf(rig).length === alice + bob, { what: 'as many files as recordings' });
      await rig.store.stop();
      await scrubbed(rig);
      return rig.control.hits > 0;
    } finally {
      await rig.remove();
    }
  }

  test('each is wholly there or wholly gone', async (t) => {
    await killAnywhere(t, { attempt, counted: () => most, points: POINTS, least: 0.7, random });
  });
});
