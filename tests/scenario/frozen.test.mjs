// Stores that were made by an earlier sealreel and frozen (tests/frozen) are served as they are: what is in them is
// listed and played byte for byte, what is unfinished is resumed and finished, and nothing in them changes its format.
import assert from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseCredential } from '../peer/client.mjs';
import { Connection } from '../peer/connection.mjs';
import { Recording } from '../peer/writer.mjs';
import { BIN, Store, missing, refused, run } from './harness.mjs';
import { tables } from './index_tables.mjs';

const skip = missing();
const FROZEN = fileURLToPath(new URL('../frozen/', import.meta.url));
const EXPECTED = JSON.parse(readFileSync(join(FROZEN, 'expected.json'), 'utf8'));
const FORMAT = 1;
const MAGIC = 'sealreel keyring';
// The tables whose values are rows that begin with their format.
const ROWS = ['patients', 'recordings', 'extents', 'control', 'people'];

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const hex = (id) => id.replaceAll('-', '');

/** The frozen media of this seed, as tests/frozen/make.sh makes it. */
function media(seed, size) {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(size));
}

/** A copy of a frozen store, which goes when the test ends. */
async function thaw(t, name) {
  const store = new Store();
  const root = mkdtempSync(join(tmpdir(), 'sealreel-'));
  Object.assign(store, { bin: BIN, id: EXPECTED[name].store, root, directory: join(root, 'store') });
  t.after(() => store.remove());
  const { code, stderr } = await run('tar', ['-xzpf', join(FROZEN, `${name}.tar.gz`), '--no-same-owner', '-C', root]);
  assert.equal(code, 0, stderr);
  return store;
}

/** The credential of a frozen service, whose own address is gone: for the second-language client. */
function credential(store, service) {
  return { ...parseCredential(readFileSync(store.beside(`${service}.cred`), 'utf8')), address: store.server };
}

/** Everything on disk that only the daemon writes: rows, keyring, blobs. */
function contents(store) {
  const blobs = readdirSync(store.path('blobs')).sort().flatMap((fan) => readdirSync(store.path('blobs', fan)).sort()
    .map((file) => [file, sha256(readFileSync(store.path('blobs', fan, file)))]));
  const keyring = readFileSync(store.path('keyring')).toString('hex');
  return { index: tables(store), keyring, blobs: Object.fromEntries(blobs) };
}

function assertFormat({ index, keyring }, store) {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(FORMAT);
  assert.deepEqual(index.meta, { [Buffer.from('store').toString('hex')]: number.toString('hex') + store.id });
  assert.ok(keyring.startsWith(Buffer.from(`${MAGIC}\0\x01`).toString('hex')), 'the keyring\'s format');
  const rows = ROWS.flatMap((table) => Object.values(index[table]));
  const other = rows.filter((row) => parseInt(row.slice(0, 2), 16) !== FORMAT);
  assert.deepEqual(other, []);
}

// Rows of the table CONTROL that a store of an earlier time gets when it is first served.
const ADDED = ['account', 'audit', 'epochs'].map((name) => Buffer.from(name).toString('hex'));

/** The same without the rows that were added, which must be there; and without the people who have acted since. */
function withoutAdded({ index, ...rest }, { index: { people: known } }) {
  const control = { ...index.control };
  const people = Object.fromEntries(Object.entries(index.people).filter(([tag]) => tag in known));
  for (const name of ADDED) {
    assert.ok(control[name], `${name} was not added`);
    delete control[name];
  }
  return { index: { ...index, control, people }, ...rest };
}

/** The rows of an index whose keys name the recording, and its blobs. */
function belongings({ index, blobs }, recording) {
  const rows = Object.entries(index).flatMap(([table, all]) => Object.entries(all)
    .filter(([key]) => key.includes(hex(recording))).map(([key, row]) => [table, key, row]));
  return { rows, blobs: Object.entries(blobs).filter(([file]) => file.startsWith(recording)) };
}

/** Lists and plays every track of a frozen recording by the command line. */
async function see(store, { id, identity, state, label, tracks }) {
  const options = { credential: store.beside('portal.cred'), grant: store.mint(identity, 'list play') };
  const { recordings, withheld } = JSON.parse(await store.done(['list', '--json'], options));
  assert.equal(withheld, 0);
  assert.deepEqual(recordings.map((recording) => recording.id), [id]);
  assert.deepEqual([recordings[0].state, recordings[0].label], [state, label]);
  assert.equal(recordings[0].tracks.length, tracks.length);
  for (const [i, { track, seed, length, sha256: hash }] of tracks.entries()) {
    const { code, stdout, stderr } = await store.cli(['play', id, '--track', `${track}`, '-o', '-'], options);
    assert.equal(code, 0, stderr);
    assert.equal(sha256(stdout), hash, `track ${track}`);
    assert.ok(stdout.equals(media(seed, length)), `track ${track}`);
    assert.equal(recordings[0].tracks[i].track, track);
  }
}

/** The entry as the second-language client reads it, against what was said when it was recorded. */
async function know(store, { id, identity, state, label, tracks }) {
  await store.connected(credential(store, 'portal'), async (client) => {
    const { recordings: [entry] } = await client.list(store.mint(identity, 'list'));
    assert.deepEqual([entry.recording, entry.state, entry.label], [id, state, label]);
    const known = entry.tracks.map((track) => ({
      track: track.track, type: track.type, label: track.label, start_ms: track.start, segments: track.segments,
      length: track.length,
    }));
    assert.deepEqual(known, tracks.map(({ seed, sha256: hash, ...rest }) => rest));
  });
}

describe('frozen stores', { skip }, () => {
  for (const [name, { recordings }] of Object.entries(EXPECTED)) {
    test(`${name} is listed and played, and not one row of it changes`, async (t) => {
      const store = await thaw(t, name);
      const before = contents(store);
      assertFormat(before, store);
      await store.start();
      for (const recording of recordings) {
        await see(store, recording);
        await know(store, recording);
      }
      await store.stop();
      assert.deepEqual(withoutAdded(contents(store), before), before);
      assert.deepEqual(store.events('corrupt'), []);
    });
  }

  test('what was unfinished is resumed and finished, and the rest stays as it was', async (t) => {
    const store = await thaw(t, 'v1-keyfile');
    const before = contents(store);
    const [finished, unfinished] = EXPECTED['v1-keyfile'].recordings;
    const [{ track, seed, length }] = unfinished.tracks;
    const whole = media(seed, length + 70_000);
    await store.start();
    const connection = await Connection.open(credential(store, 'studio'));
    const recording = new Recording(connection, store.mint(unfinished.identity, 'record'), unfinished.id);
    const writer = await recording.resume(track);
    assert.equal(writer.durable, length);
    await writer.append(whole.subarray(length));
    assert.equal(await writer.close(), whole.length);
    await recording.finish();
    await connection.close();
    const tracks = [{ ...unfinished.tracks[0], length: whole.length, sha256: sha256(whole) }];
    await see(store, { ...unfinished, state: 'finished', tracks });
    await see(store, finished);
    await store.stop();
    const after = contents(store);
    assertFormat(after, store);
    const kept = belongings(before, finished.id);
    // Its own row, its tracks' and its hint, at the least.
    assert.ok(kept.rows.length >= 2 + finished.tracks.length && kept.blobs.length === finished.tracks.length);
    assert.deepEqual(belongings(after, finished.id), kept);
    assert.notDeepEqual(belongings(after, unfinished.id), belongings(before, unfinished.id));
  });

  test('its services, its patients\' tags and its consultations bind as they did', async (t) => {
    const store = await thaw(t, 'v1-keyfile');
    const [{ identity, consultation, id }, { identity: other }] = EXPECTED['v1-keyfile'].recordings;
    await store.start();
    await store.connected(credential(store, 'studio'), async (client) => {
      const claims = { consultation };
      await assert.rejects(client.record(store.mint(other, 'record', { claims })), refused('conflict'));
      await client.record(store.mint(identity, 'record', { claims }));
    });
    await store.connected(credential(store, 'portal'), async (client) => {
      const grant = store.mint(identity, 'list play');
      assert.deepEqual(await client.check(grant, [id]), [true]);
      assert.equal((await client.list(grant)).recordings.length, 2);
      await assert.rejects(client.play(store.mint(other, 'play'), id), refused('not_found'));
      await assert.rejects(client.record(grant), refused('denied'));
    });
    await store.stop();
  });
});
