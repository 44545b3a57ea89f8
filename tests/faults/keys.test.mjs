// The daemon is killed at its n-th call that changes a file or sends, while a recording is sealed anew under another data
// key and an epoch is retired: started again, everything plays, the epoch's key is there exactly while the epoch is, and
// no file is left over.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Client } from '../peer/client.mjs';
import { run, waitFor } from '../scenario/harness.mjs';
import { epochKeys } from '../scenario/keys.mjs';
import { LONG, FaultStore, generator, killAnywhere, missing } from './rig.mjs';

const POINTS = LONG ? Infinity : 20;
const ALICE = 'https://clinic.example/mrn|alice';
const MEDIA = randomBytes(90_000);

describe('killed while keys change', { skip: missing() }, () => {
  const random = generator(17);
  let whole;
  let rotator;
  let id;
  let most = 0;

  const as = async (rig, credential, body) => {
    const client = await Client.connect(credential);
    try {
      return await body(client);
    } finally {
      await client.close().catch(() => {});
    }
  };
  const operate = (rig, body) => as(rig, rig.credential('operator'), body);

  before(async () => {
    whole = await FaultStore.make();
    await whole.start();
    rotator = await whole.store.service('rotate');
    id = await as(whole, whole.credential('ingest'), (client) =>
      whole.store.record(client, ALICE, { tracks: [{ media: MEDIA }, { media: MEDIA }] }));
    await operate(whole, (client) => client.newEpoch());
    await as(whole, rotator, (client) => client.rotate({ first: 1, last: 1, limit: 1000 }));
    await whole.store.stop();
  });

  after(() => whole?.remove());

  const filesOf = (rig) => readdirSync(rig.store.path('blobs'), { recursive: true }).filter((name) => name.length > 10);

  /** New data keys, then the end of epoch 1; says what was answered. */
  const work = (rig, said) => operate(rig, async (client) => {
    said.deepened = (await client.deepen(rig.store.mint(ALICE, 'manage'))).recordings === 1;
    said.retired = (await client.retireEpoch(1)).number === 1;
  });

  async function check(rig, said) {
    await as(rig, rig.credential('playback'), async (client) => {
      const player = await client.play(rig.store.mint(ALICE, 'play'), id);
      for (const track of [1, 2]) {
        await player.update(track);
        assert.ok((await player.readAll(track)).equals(MEDIA), `track ${track}`);
      }
      await player.close();
    });
    // A start goes on with what it finds closing.
    const state = await operate(rig, (client) => waitFor(async () => {
      const { epochs } = await client.epochs();
      const found = epochs.find((epoch) => epoch.number === 1).state;
      return found !== 'closing' && found;
    }, { what: 'the end of the retirement' }));
    assert.ok(state === 'retired' || !said.retired, `it is ${state} after the answer`);
    assert.equal('1' in epochKeys(rig.store), state !== 'retired', `the key of an epoch that is ${state}`);
    await waitFor(() => filesOf(rig).length === 2, { what: 'a file for each track' });
    return state;
  }

  async function attempt(at) {
    const rig = whole.copy();
    const said = {};
    try {
      if (await rig.start({ FAULT: 'kill', FAULT_AT: at })) {
        await work(rig, said).catch(() => {});
      }
      await (rig.control.hits > 0 ? rig.store.ended : rig.kill());
      most = Math.max(most, rig.control.counted);
      const hit = rig.control.hits > 0;
      assert.ok(hit || (said.deepened && said.retired), 'not a fault, and not done');
      assert.ok(await rig.start(), 'it does not start again');
      if (await check(rig, said) !== 'retired') {
        await operate(rig, (client) => client.retireEpoch(1));
        assert.equal(await check(rig, { retired: true }), 'retired');
      }
      await rig.store.stop();
      const scrubbed = await run(join(rig.store.bin, 'sealreeld'), ['--scrub', rig.store.directory]);
      assert.equal(scrubbed.code, 0, scrubbed.stdout.toString());
      return hit;
    } finally {
      await rig.remove();
    }
  }

  test('everything plays, and a key is there exactly while its epoch is', async (t) => {
    await killAnywhere(t, { attempt, counted: () => most, points: POINTS, least: 0.7, random });
  });
});
