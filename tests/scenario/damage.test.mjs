// Blobs and rows that a disk has changed, cut or lost: no client is given a byte of what is damaged, everything else is
// served, and the alarm is raised.
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ProtocolError } from '../peer/wire.mjs';
import { BIN, Store, missing, refused, run } from './harness.mjs';

const CHUNK = 16384;
const TAG = 16;
const HEADER = 56;
const ALICE = 'https://clinic.example/mrn|alice';
const PARTS = [2 * CHUNK + 7232, CHUNK, 100];
const SOURCE = createCipheriv('aes-128-ctr', Buffer.alloc(16, 8), Buffer.alloc(16))
  .update(Buffer.alloc(PARTS.reduce((sum, part) => sum + part)));

// Where each segment begins in its file (FORMAT.md section 5), and last the manifest.
const BEGINS = PARTS.reduce((begins, part) => [...begins,
  begins.at(-1) + HEADER + part + TAG * (Math.floor(part / CHUNK) + 1)], [0]);
const [, SECOND, THIRD, MANIFEST] = BEGINS;

let store;
let playback;
let damaged; // finished
let whole; // finished, and never touched
let growing; // unfinished

async function record(client, finish) {
  const recording = await client.record(store.mint(ALICE, 'record'));
  const writer = await recording.track({ type: 'video/webm' });
  let at = 0;
  for (const part of PARTS) {
    await writer.append(SOURCE.subarray(at, at += part));
    await writer.sync();
  }
  await writer.close();
  if (finish) {
    await recording.finish();
  }
  return recording.id;
}

const blobOf = (id) => store.path('blobs', (parseInt(id.slice(-4), 16) & 1023).toString(16).padStart(3, '0'),
  `${id}.1.0`);

/** All of track 1 that the second client gives out, and why it stopped; `started`: asked for with the opening. */
async function play(id, started = false) {
  const got = [];
  let failure = null;
  try {
    await store.connected(playback, async (client) => {
      const grant = store.mint(ALICE, 'play');
      const player = await (started ? client.start(grant, id, { track: 1 }) : client.play(grant, id));
      if (!started) {
        await player.update(1);
      }
      for await (const part of started ? player.started() : player.read(1)) {
        got.push(part);
      }
    });
  } catch (error) {
    failure = error;
  }
  return { got: Buffer.concat(got), failure };
}

/** The same by the command line, which must agree. */
async function playByHand(id) {
  const options = { credential: playback, grant: store.mint(ALICE, 'play') };
  const piped = await store.cli(['play', '--quiet', id, '-o', '-'], options);
  const file = store.beside('out');
  rmSync(file, { force: true });
  const filed = await store.cli(['play', '--quiet', id, '-o', file], options);
  assert.equal(filed.code, piped.code);
  assert.equal(existsSync(file), filed.code === 0, 'a file appears only when it is whole');
  if (piped.code !== 0) {
    assert.match(piped.stderr, /^sealreel: [ -~]+\n$/);
  }
  return piped;
}

const CORRUPT = 'corrupt';
const BY_CLIENT = 'refused by the client';

/**
 * What must come of playing: null, an error's code, or BY_CLIENT, whose checks meet what the daemon does not look at;
 * and how many bytes come before. The command line may give out less, as it opens several chunks at a time.
 */
async function expectPlay(id, want, bytes) {
  const from = store.log.length;
  const { got, failure } = await play(id);
  assert.ok(got.equals(SOURCE.subarray(0, got.length)), 'what came is the source\'s');
  const atOnce = await play(id, true);
  assert.deepEqual([atOnce.got.length, String(atOnce.failure)], [got.length, String(failure)]);
  const byHand = await playByHand(id);
  assert.ok(byHand.stdout.equals(SOURCE.subarray(0, byHand.stdout.length)));
  if (want === null) {
    assert.equal(failure, null);
    assert.equal(byHand.code, 0, byHand.stderr);
    assert.equal(got.length, SOURCE.length);
    assert.equal(byHand.stdout.length, SOURCE.length);
    return;
  }
  assert.ok(want === BY_CLIENT ? failure instanceof ProtocolError : refused(want)(failure), String(failure));
  assert.equal(byHand.code, 1);
  if (want === CORRUPT) {
    assert.equal((await store.logged('corrupt', { from }))[0].level, 'alarm');
  }
  if (bytes !== undefined) {
    assert.equal(got.length, bytes);
    assert.ok(byHand.stdout.length <= bytes);
  }
}

const flip = (at) => (path) => {
  const bytes = readFileSync(path);
  bytes[at < 0 ? bytes.length + at : at] ^= 0x10;
  writeFileSync(path, bytes);
};
const cut = (size) => (path) => writeFileSync(path, readFileSync(path).subarray(0, size));

// What is done to the blob of a finished recording; what playing it ends with; how much of it comes before.
const BLOBS = [
  ['the first salt, which the manifest has as well', flip(0), null],
  ['the first commitment, which the manifest has as well', flip(24), null],
  ['the first byte of the first chunk', flip(HEADER), BY_CLIENT, 0],
  ['the last byte of the first chunk\'s tag', flip(HEADER + CHUNK + TAG - 1), BY_CLIENT, 0],
  ['the first byte of the second chunk', flip(HEADER + CHUNK + TAG), BY_CLIENT, CHUNK],
  ['the last chunk of the first segment', flip(SECOND - TAG - 1), BY_CLIENT, 2 * CHUNK],
  ['the tag of that chunk', flip(SECOND - 1), BY_CLIENT, 2 * CHUNK],
  ['the second segment', flip(SECOND + HEADER + 9000), BY_CLIENT, PARTS[0]],
  ['the empty chunk that ends the second segment, which is never sent', flip(THIRD - 1), null],
  ['the third segment', flip(THIRD + HEADER + 99), BY_CLIENT, PARTS[0] + PARTS[1]],
  ['the manifest\'s salt', flip(MANIFEST), CORRUPT, 0],
  ['the manifest\'s commitment', flip(MANIFEST + 24), CORRUPT, 0],
  ['the manifest', flip(MANIFEST + HEADER), CORRUPT, 0],
  ['the manifest\'s last byte', flip(-1), CORRUPT, 0],
  ['bytes behind its end, which mean nothing', (path) => writeFileSync(path, 'more', { flag: 'a' }), null],
  ['a file cut in the manifest', cut(MANIFEST + 9), CORRUPT, 0],
  ['a file cut in a segment', cut(THIRD + 9), CORRUPT, 0],
  ['an empty file', cut(0), CORRUPT, 0],
  ['no file', (path) => rmSync(path), CORRUPT, 0],
  ['a directory in its place', (path) => {
    rmSync(path);
    mkdirSync(path);
  }, CORRUPT, 0],
  ['a symbolic link to it in its place', (path) => {
    copyFileSync(path, store.beside('aside'));
    rmSync(path);
    symlinkSync(store.beside('aside'), path);
  }, CORRUPT, 0],
];

const UNFINISHED = [
  ['its first chunk', flip(HEADER), BY_CLIENT, 0],
  ['its last segment', flip(THIRD + HEADER), BY_CLIENT, PARTS[0] + PARTS[1]],
  ['a file cut in its last segment', cut(THIRD + HEADER + 9), CORRUPT],
  ['an empty file', cut(0), CORRUPT, 0],
  ['no file', (path) => rmSync(path), CORRUPT, 0],
];

// Rows of the index in the order of their keys: those of `damaged`, `whole` and `growing` and their tracks.
// What is damaged; the arguments of `damage`; what playing it ends with; which are listed; how many are withheld.
const ALL = ['damaged', 'whole', 'growing'];
const OTHERS = ['whole', 'growing'];
const ROWS = [
  ['a recording\'s row, its format', ['recordings', '0', '0', '2'], CORRUPT, OTHERS, 1],
  ['a recording\'s row, its wrap', ['recordings', '0', '131', '1'], CORRUPT, OTHERS, 1],
  ['a recording\'s row, its epoch', ['recordings', '0', '30', '1'], CORRUPT, OTHERS, 1],
  ['a recording\'s row, its HMAC', ['recordings', '0', '-1', '0x80'], CORRUPT, OTHERS, 1],
  ['a track\'s row, its head', ['recordings', '1', '140', '1'], CORRUPT, OTHERS, 1],
  ['a track\'s row, its HMAC', ['recordings', '1', '-1', '1'], CORRUPT, OTHERS, 1],
  ['the patient\'s row', ['patients', '0', '30', '1'], CORRUPT, CORRUPT],
  ['no patient\'s row', ['patients', '0', 'drop'], 'not_found', [], 3],
  ['a recording\'s hint, which is only a hint', ['hints', '0', '5', '1'], null, ALL, 0],
  ['no hint', ['hints', '0', 'drop'], null, ALL, 0],
];

// The same for the places of the unfinished recording's segments.
const PLACES = [
  ['a segment\'s number', ['segments', '1', '3', '4'], CORRUPT],
  ['a segment\'s offset', ['segments', '1', '11', '4'], CORRUPT],
  ['a segment\'s length', ['segments', '1', '15', '4'], CORRUPT],
  ['a segment\'s salt', ['segments', '1', '24', '4'], BY_CLIENT],
  ['a segment\'s commitment', ['segments', '1', '48', '4'], BY_CLIENT],
  ['a segment\'s position', ['segments', '1', '89', '1'], BY_CLIENT],
  ['no place of a segment', ['segments', '1', 'drop'], CORRUPT],
];

describe('damage', { skip: missing(['sealreeld', 'sealreel', 'damage']) }, () => {
  before(async () => {
    store = await Store.serve({ options: [['store', 'max_delay_ms', '10000']] });
    playback = await store.service('playback');
    await store.connected(await store.service('ingest'), async (client) => {
      damaged = await record(client, true);
      whole = await record(client, true);
      growing = await record(client, false);
    });
  });

  after(() => store?.remove());

  /** Every row leaves the daemon up, and the others' recordings whole. */
  async function others() {
    assert.equal((await store.cli(['health'], { credential: store.operator })).code, 0);
    const { got, failure } = await play(whole);
    assert.equal(failure, null);
    assert.ok(got.equals(SOURCE));
  }

  for (const [of, table, id] of [['a finished recording', BLOBS, () => damaged],
    ['an unfinished recording', UNFINISHED, () => growing]]) {
    for (const [what, spoil, want, bytes] of table) {
      test(`the blob of ${of}: ${what}`, async () => {
        const path = blobOf(id());
        const sound = readFileSync(path);
        try {
          spoil(path);
          await expectPlay(id(), want, bytes);
          await others();
        } finally {
          rmSync(path, { recursive: true, force: true });
          writeFileSync(path, sound, { mode: 0o600 });
        }
        await expectPlay(id(), null);
      });
    }
  }

  /** Runs `body` on an index with this damage, and puts the index back. */
  async function withDamage(args, body) {
    const kept = store.beside('data.mdb');
    await store.stop();
    copyFileSync(store.path('index', 'data.mdb'), kept);
    try {
      const { code, stderr } = await run(join(BIN, 'damage'), [store.directory, ...args]);
      assert.equal(code, 0, stderr);
      await store.start();
      await body();
    } finally {
      await store.stop();
      copyFileSync(kept, store.path('index', 'data.mdb'));
      await store.start();
    }
  }

  async function expectList(names, withheld) {
    const ids = { damaged, whole, growing };
    const listing = () => store.connected(playback, (client) => client.list(store.mint(ALICE, 'list')));
    if (names === CORRUPT) {
      await assert.rejects(listing, refused(CORRUPT));
      return;
    }
    const list = await listing();
    assert.deepEqual(list.recordings.map(({ recording }) => recording), names.map((name) => ids[name]));
    assert.equal(list.withheld, withheld);
  }

  for (const [what, args, want, names, withheld] of ROWS) {
    test(`${what}: playing, listing`, () => withDamage(args, async () => {
      await expectPlay(damaged, want);
      await expectList(names, withheld);
      if (names.includes('whole')) {
        await others();
      }
    }));
  }

  for (const [what, args, want] of PLACES) {
    test(`${what}: playing`, () => withDamage(args, async () => {
      await expectPlay(growing, want);
      await others();
    }));
  }

  test('with all that put right, everything is there', async () => {
    await expectList(ALL, 0);
    for (const id of [damaged, whole, growing]) {
      await expectPlay(id, null);
    }
  });
});
