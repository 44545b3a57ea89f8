// New data keys: a patient's media sealed anew, so that who once had a data key opens nothing that is there now; whatever
// is killed on the way, each recording plays whole and no file is left over.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { BIN, Store, missing, refused, run, waitFor } from './harness.mjs';
import { openKeyring, recordingKeys } from './keys.mjs';

const ALICE = 'https://clinic.example/mrn|alice';
const BOB = 'https://clinic.example/mrn|bob';
// Some of several segments, the last extent of the second one not full.
const LONG = randomBytes(9_000_000);
const SHORT = randomBytes(50_000);
const WITHHELD = 4;
const KILLS = process.env.SEALREEL_LONG ? 40 : 5;

describe('new data keys', { skip: missing(['sealreeld', 'sealreel']) }, () => {
  let store;
  let client;
  let ids;
  let bobs;

  const files = (id) => readdirSync(store.path('blobs'), { recursive: true }).filter((name) => name.includes(id)).sort();
  const keysOf = (id) => recordingKeys(store, openKeyring(store), ALICE, id, 'a label');
  const deep = (identity, ...args) => store.cli(['rotate', '--deep', identity, '--issuer-key', store.path('dev-issuer.jwk'),
    '--json', ...args], { credential: store.operator });
  const bytesOf = (id) => files(id).map((name) => readFileSync(store.path('blobs', name)));

  /** The recording is listed with its words, and every track plays. */
  const assertWhole = (id, tracks) => store.connected(client, async (peer) => {
    const { recordings, withheld } = await peer.list(store.mint(ALICE, 'list'));
    assert.equal(withheld, 0);
    const entry = recordings.find(({ recording }) => recording === id);
    assert.equal(entry.label, 'a label');
    assert.deepEqual(entry.tracks.map(({ type, label }) => [type, label]), tracks.map((_, at) => ['video/webm', `t${at}`]));
    const player = await peer.play(store.mint(ALICE, 'play'), id);
    for (const [at, bytes] of tracks.entries()) {
      await player.update(at + 1);
      assert.ok((await player.readAll(at + 1)).equals(bytes), `track ${at + 1}`);
    }
    await player.close();
  });
  const record = (identity, tracks, options = {}) => store.connected(client, (peer) => store.record(peer, identity, {
    tracks: tracks.map((media, at) => ({ media, label: `t${at}` })), label: 'a label', ...options,
  }));
  const scrubbed = async () => {
    await store.stop();
    const { code, stdout } = await run(join(BIN, 'sealreeld'), ['--scrub', store.directory]);
    await store.start();
    assert.equal(code, 0, stdout.toString());
  };
  const settled = (id, count) => waitFor(() => files(id).length === count, { what: 'the old files to go' });

  before(async () => {
    store = await Store.serve();
    client = await store.service('ingest,playback');
    ids = [await record(ALICE, [LONG, SHORT]), await record(ALICE, [SHORT])];
    bobs = await record(BOB, [SHORT]);
  });

  after(() => store?.remove());

  test('everything of it is under another key, in other files, and plays as before', async () => {
    await store.stop();
    const old = keysOf(ids[0]);
    const [before, others] = [bytesOf(ids[0]), bytesOf(bobs)];
    const names = files(ids[0]);
    await store.start();
    const { code, stdout, stderr } = await deep(ALICE);
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), {
      recordings: 2, bytes: LONG.length + 2 * SHORT.length, left: 0, after: ids[1], complete: true,
    });
    await settled(ids[0], 2);
    await assertWhole(ids[0], [LONG, SHORT]);
    await assertWhole(ids[1], [SHORT]);
    assert.ok(files(ids[0]).every((name) => !names.includes(name)));
    assert.deepEqual(bytesOf(bobs), others, 'nobody else is touched');
    await store.stop();
    const now = keysOf(ids[0]);
    for (const name of ['DEK', 'entry key', 'head key', 'manifest key', 'track key']) {
      assert.ok(!now[name].equals(old[name]), name);
    }
    assert.ok(now['patient key'].equals(old['patient key']));
    for (const bytes of bytesOf(ids[0])) {
      assert.ok(!before.some((one) => one.includes(bytes.subarray(1000, 1032))), 'no byte of ciphertext stays');
    }
    await store.start();
    await scrubbed();
  });

  test('a player of it is told; what is opened again plays', async () => {
    await store.connected(client, async (peer) => {
      const player = await peer.play(store.mint(ALICE, 'play'), ids[0]);
      await player.update(1);
      assert.equal((await deep(ALICE)).code, 0);
      await assert.rejects(player.readAll(1), refused('unavailable'));
    });
    await settled(ids[0], 2);
    await assertWhole(ids[0], [LONG, SHORT]);
  });

  test('it needs a grant to manage and the role; what is not finished is left', async () => {
    await record(ALICE, [SHORT], { finish: false });
    const { code, stdout } = await deep(ALICE);
    assert.equal(code, WITHHELD);
    assert.deepEqual([JSON.parse(stdout).recordings, JSON.parse(stdout).left], [2, 1]);
    await store.connected(client, async (peer) => {
      await assert.rejects(peer.deepen(store.mint(ALICE, 'manage')), refused('denied'));
    });
    await store.connected(store.operator, async (peer) => {
      await assert.rejects(peer.deepen(store.mint(ALICE, 'list play')), refused('denied'));
      await assert.rejects(peer.deepen(store.mint('https://clinic.example/mrn|nobody', 'manage')), refused('not_found'));
      const answer = await peer.deepen(store.mint(ALICE, 'manage'), ids[0]);
      assert.deepEqual([answer.recordings, answer.place, answer.more], [1, ids[1], true]);
    });
    for (const [args, text] of [[['--rate', '5'], /stands alone/], [['--after', 'x'], /not an id/]]) {
      const wrong = await deep(ALICE, ...args);
      assert.equal(wrong.code, 2);
      assert.match(wrong.stderr, text);
    }
  });

  test('one that is frozen stays as it is', async () => {
    await store.done(['freeze', '--recording', ids[1], '--reason', 'seen by a court'], { credential: store.operator });
    const names = files(ids[1]);
    const { code, stdout } = await deep(ALICE);
    assert.equal(code, WITHHELD);
    assert.deepEqual([JSON.parse(stdout).recordings, JSON.parse(stdout).left], [1, 2]);
    assert.deepEqual(files(ids[1]), names);
    await store.done(['thaw', '--recording', ids[1], '--reason', 'over'], { credential: store.operator });
    await settled(ids[0], 2);
  });

  test('killed anywhere it is whole, and its old files or its new ones are gone', async () => {
    for (let at = 0; at < KILLS; at++) {
      const going = store.connected(store.operator, (peer) => peer.deepen(store.mint(ALICE, 'manage')));
      const ended = going.catch(() => {});
      const from = files(ids[0]).length;
      await Promise.race([ended, waitFor(() => files(ids[0]).length > from)]);
      for (let turn = 0; turn < at; turn++) {
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
      await store.kill();
      await ended;
      await store.start();
      await settled(ids[0], 2);
      await assertWhole(ids[0], [LONG, SHORT]);
    }
    await scrubbed();
  });
});

describe('new data keys beside damage', { skip: missing(['sealreeld', 'sealreel', 'damage']) }, () => {
  // The first row of the first recording: nothing in it, and a word that it has gone elsewhere, which nothing proves.
  for (const [name, ...change] of [['is empty', 'set', ''], ['says that it is a tombstone', '1', '5']]) {
    test(`a row that ${name} is left, and the next one is taken`, async () => {
      const store = await Store.serve();
      try {
        const client = await store.service('ingest,playback');
        await store.connected(client, async (peer) => {
          await store.record(peer, ALICE, { tracks: [{ media: SHORT }] });
          await store.record(peer, ALICE, { tracks: [{ media: SHORT }] });
        });
        await store.stop();
        const { code, stderr } = await run(join(BIN, 'damage'), [store.directory, 'recordings', '0', ...change]);
        assert.equal(code, 0, stderr);
        await store.start();
        const answer = await store.cli(['rotate', '--deep', ALICE, '--issuer-key', store.path('dev-issuer.jwk'), '--json'],
          { credential: store.operator });
        assert.equal(answer.code, WITHHELD, answer.stderr);
        assert.deepEqual([JSON.parse(answer.stdout).recordings, JSON.parse(answer.stdout).left], [1, 1]);
      } finally {
        await store.remove();
      }
    });
  }
});
