// A merge of several recordings is killed at its n-th call that changes a file or sends, for n up to the largest count
// seen: at every moment each recording is listed and played under exactly one of the two identities.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { refused } from '../scenario/harness.mjs';
import { LONG, FaultStore, generator, killAnywhere, missing } from './rig.mjs';

const POINTS = LONG ? Infinity : 24;
const A = 'https://clinic.example/mrn|registered-twice';
const B = 'https://clinic.example/mrn|registered';
const RECORDINGS = 3;

describe('a merge killed at any call', { skip: missing() }, () => {
  const random = generator(11);
  const media = new Map();
  const consultations = new Map();
  let whole;
  let most = 0;
  const seen = new Set();

  before(async () => {
    whole = await FaultStore.make();
    await whole.store.start();
    await whole.store.connected(whole.credential('ingest'), async (client) => {
      for (const [i, identity] of [A, A, A, B].entries()) {
        const tracks = [{ media: randomBytes(20_000 + i) }, { media: randomBytes(500), type: 'audio/webm' }];
        const consultation = `call-${i}`;
        const id = await whole.store.record(client, identity, { tracks, label: `call ${i}`, claims: { consultation } });
        media.set(id, tracks.map((track) => track.media));
        consultations.set(id, consultation);
      }
    });
    await whole.store.stop();
  });

  after(() => whole?.remove());

  /** Repeats the merge until nothing more moves; resolves to how many moved. */
  async function merge({ store }, credential) {
    return store.connected(credential, async (client) => {
      let moved = 0;
      for (;;) {
        const answer = await client.merge(store.mint(A, 'manage'), store.mint(B, 'manage'));
        moved += answer.recordings;
        if (!answer.more) {
          return moved;
        }
      }
    });
  }

  /** Each recording is in exactly one list, plays for that patient alone, and is what was recorded. */
  async function check(rig) {
    const { store } = rig;
    return store.connected(rig.credential('playback'), async (client) => {
      const lists = new Map();
      for (const identity of [A, B]) {
        const { recordings, withheld } = await client.list(store.mint(identity, 'list'));
        assert.equal(withheld, 0, identity);
        lists.set(identity, recordings.map(({ recording }) => recording));
      }
      const [ofA, ofB] = [lists.get(A), lists.get(B)];
      assert.deepEqual([...ofA, ...ofB].sort(), [...media.keys()].sort(), `${ofA} and ${ofB}`);
      for (const [id, tracks] of media) {
        const [own, other] = ofA.includes(id) ? [A, B] : [B, A];
        await assert.rejects(client.play(store.mint(other, 'play'), id), refused('not_found'), `${id} for ${other}`);
        const player = await client.play(store.mint(own, 'play'), id);
        for (const [i, bytes] of tracks.entries()) {
          await player.update(i + 1);
          assert.ok((await player.readAll(i + 1)).equals(bytes), `${id} track ${i + 1}`);
        }
        await player.close();
      }
      return ofB.length;
    });
  }

  /** The consultation is the patient's who has its recording: a call under it goes on for them alone. */
  async function checkTies(rig) {
    const { store } = rig;
    await store.connected(rig.credential('ingest'), async (client) => {
      const claims = { consultation: [...consultations.values()][0] };
      await assert.rejects(client.record(store.mint(A, 'record', { claims })), refused('conflict'));
      await client.record(store.mint(B, 'record', { claims }));
    });
  }

  async function attempt(at) {
    const rig = whole.copy();
    try {
      const hits = rig.control.hits;
      let outcome = null;
      if (await rig.start({ FAULT: 'kill', FAULT_AT: at })) {
        outcome = await merge(rig, rig.credential('operator')).catch((error) => error);
      }
      const hit = rig.control.hits > hits;
      most = Math.max(most, rig.control.counted);
      if (hit) {
        await rig.store.ended;
      } else {
        assert.equal(outcome, RECORDINGS, outcome?.stack);
        await rig.kill();
      }
      assert.ok(await rig.start(), 'it does not start again');
      seen.add(await check(rig));
      await merge(rig, rig.credential('operator'));
      assert.equal(await check(rig), media.size);
      await checkTies(rig);
      await rig.store.stop();
      return hit;
    } finally {
      await rig.remove();
    }
  }

  test('each recording is listed and plays under exactly one identity', async (t) => {
    await killAnywhere(t, { attempt, counted: () => most, points: POINTS, least: 0.5, random });
    t.diagnostic(`${[...seen].sort()} recordings were B's then`);
  });
});
