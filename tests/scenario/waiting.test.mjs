// Lists and plays do not queue behind what waits for the index or is sealed: while no commit comes back, and while
// nothing of what is recorded can be written, whoever only reads is served. Nor do refusals behind the log.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { BIN_RELEASE, DEADLINE, Store, missing, refused, waitFor } from './harness.mjs';
import { startHeld } from './sync_waits.mjs';

const ALICE = 'https://clinic.example/mrn|alice';
const BOB = 'https://clinic.example/mrn|bob';
const MEDIA = Buffer.alloc(10_000, 9);
const OPENINGS = 12; // more than there are threads of both kinds
const NEWCOMERS = 3; // more than the pool has
const CALLS = 3; // the same
// More than is collected before it is sealed, and no more than is held before the session is read no further.
const CALL = Buffer.alloc(150_000, 7);

// The released programs: a sanitizer must be the first library that is loaded.
describe('while the index waits for its disk', { skip: missing(['sealreeld', 'sealreel'], BIN_RELEASE) }, () => {
  let store;
  let clinic;
  let disk;

  before(async () => {
    store = await Store.make({ bin: BIN_RELEASE });
    store.set('limits', 'pool_threads', '2');
    disk = await startHeld(store);
    clinic = await store.service('ingest,playback');
  });

  after(() => store?.remove());

  /** Runs `body` while no commit comes back, or what is said; throws if it is not over by the deadline. */
  async function withheld(body, part = 'data.mdb', call = 'sync') {
    disk.hold(part, call);
    const late = delay(DEADLINE, undefined, { ref: false }).then(() => assert.fail('nothing came'));
    late.catch(() => {}); // when all has come
    try {
      await Promise.race([body(), late]);
    } finally {
      disk.release();
    }
  }

  /** Gives what waits until so many requests have come since, those that ask for it left out. */
  async function counting() {
    const { requests } = await store.stats();
    let asked = 0;
    return (count) => waitFor(async () => {
      asked++;
      return (await store.stats()).requests >= requests + asked + count;
    });
  }

  /** Has `writer` open more recordings than there are threads; waits until all have been asked for. */
  async function openMany(writer) {
    const came = await counting();
    const many = { opened: 0 };
    many.all = Promise.all(Array.from({ length: OPENINGS }, async () => {
      await writer.record(store.mint(BOB, 'record'));
      many.opened++;
    }));
    many.all.catch(() => {}); // told by whoever waits for it
    await Promise.race([came(OPENINGS), many.all]);
    return many;
  }

  /** All of ALICE's recording `id`. */
  async function plays(reader, id) {
    const player = await reader.play(store.mint(ALICE, 'play'), id);
    await player.update(1);
    assert.deepEqual(await player.readAll(1), MEDIA);
  }

  /** ALICE's recording `id` is listed and played although nobody's opening comes back. */
  async function isRead(id, reader, writer) {
    let openings;
    await withheld(async () => {
      openings = await openMany(writer);
      assert.ok((await reader.list(store.mint(ALICE, 'list'))).recordings.some(({ recording }) => recording === id));
      await plays(reader, id);
      assert.equal(openings.opened, 0);
    });
    await openings.all;
  }

  test('whoever only reads is served', () => store.connected(clinic, (reader) => (
    store.connected(clinic, async (writer) => {
      const id = await store.record(writer, ALICE, { tracks: [{ media: MEDIA }] });
      await isRead(id, reader, writer);
    }))));

  test('whoever only reads is served by a daemon that has met nobody since its start', async () => {
    const id = await store.connected(clinic, (writer) => store.record(writer, ALICE, { tracks: [{ media: MEDIA }] }));
    await store.stop();
    disk = await startHeld(store);
    await store.connected(clinic, (reader) => store.connected(clinic, (writer) => isRead(id, reader, writer)));
  });

  test('whoever only reads is served beside those whom the account has to name first', () => (
    store.connected(clinic, (reader) => store.connected(clinic, async (others) => {
      const id = await store.record(others, ALICE, { tracks: [{ media: MEDIA }] });
      const { recordings: all } = await reader.list(store.mint(ALICE, 'list'));
      let lists;
      await withheld(async () => {
        let listed = 0;
        const came = await counting();
        lists = Promise.all(Array.from({ length: NEWCOMERS }, async (_, number) => {
          const claims = { act: { sub: `dr-new-${number}`, role: 'clinician' } };
          const { recordings } = await others.list(store.mint(ALICE, 'list', { claims }));
          listed++;
          return recordings.length;
        }));
        lists.catch(() => {}); // told below
        await came(NEWCOMERS);
        await plays(reader, id);
        assert.equal(listed, 0, 'somebody was given a list whom the account cannot name');
      });
      assert.deepEqual(await lists, Array(NEWCOMERS).fill(all.length));
    }))));

  test('whoever only reads is served while what is recorded cannot be written', () => (
    store.connected(clinic, (reader) => store.connected(clinic, async (caller) => {
      const id = await store.record(caller, ALICE, { tracks: [{ media: MEDIA }] });
      const writers = await Promise.all(Array.from({ length: CALLS }, async () => (
        (await caller.record(store.mint(BOB, 'record'))).track({ type: 'video/webm' }))));
      await withheld(async () => {
        await Promise.all(writers.map((writer) => writer.append(CALL)));
        await waitFor(() => disk.waits() >= 2, { what: 'as many seals as the pool has threads' });
        assert.ok((await reader.list(store.mint(ALICE, 'list'))).recordings.length > 0);
        await plays(reader, id);
        assert.deepEqual(writers.map((writer) => writer.durable), Array(CALLS).fill(0));
      }, 'blobs/', 'write');
      for (const writer of writers) {
        assert.equal(await writer.close(), CALL.length);
      }
    }))));

  // Or the clock would tell another patient's recording from one that never was.
  for (const [name, ask] of [
    ['info', (client, grant, id) => client.info(grant, id)],
    ['play.open', (client, grant, id) => client.play(grant, id)],
    ['play.start', (client, grant, id) => client.start(grant, id, { track: 1, from: 0, length: 1 })],
  ]) {
    test(`${name} is refused before the alarm about it is written`, () => store.connected(clinic, async (client) => {
      const id = await store.record(client, BOB, { tracks: [{ media: MEDIA }] });
      const from = store.log.length;
      await withheld(async () => {
        await assert.rejects(ask(client, store.mint(ALICE, 'list play'), id), refused('not_found'));
        await waitFor(() => disk.waits() > 0, { what: 'the line that waits' });
        assert.deepEqual(store.events('foreign', from), []);
      }, '', 'log');
      await store.logged('foreign', { from });
    }));
  }
});
