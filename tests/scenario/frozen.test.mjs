// Stores that were made by an earlier sealreel and frozen (tests/frozen) are served as they are: what is in them is
// listed and played byte for byte, what is unfinished is resumed and finished, and nothing in them changes its format.
import assert from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseCredential } from '../peer/client.mjs';
import { Connection } from '../peer/connection.mjs';
import { Recording } from '../peer/writer.mjs';
import { BIN, Store, missing, refused, run } from './harness.mjs';
import { tables } from './index_tables.mjs';
import { restoreFrom } from './restoring.mjs';

const skip = missing();
const FROZEN = fileURLToPath(new URL('../frozen/', import.meta.url));
const EXPECTED = Object.assign({}, ...['v1.json', 'v2.json'].map((name) => JSON.parse(readFileSync(join(FROZEN, name), 'utf8'))));
const FORMAT = 1; // of a store, and of all rows but extents'
const EXTENTS = 2; // of extents' rows, as they are written today
const MAGIC = 'sealreel keyring';
// The tables whose values are rows that begin with that format.
const ROWS = ['patients', 'recordings', 'control', 'people'];

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

/** `extents` tells the formats that the rows of extents have. */
function assertFormat({ index, keyring }, store, extents) {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(FORMAT);
  assert.deepEqual(index.meta, { [Buffer.from('store').toString('hex')]: number.toString('hex') + store.id });
  assert.ok(keyring.startsWith(Buffer.from(`${MAGIC}\0\x01`).toString('hex')), 'the keyring\'s format');
  const formatOf = (row) => parseInt(row.slice(0, 2), 16);
  const rows = ROWS.flatMap((table) => Object.values(index[table]));
  assert.deepEqual(rows.filter((row) => formatOf(row) !== FORMAT), []);
  assert.deepEqual([...new Set(Object.values(index.extents).map(formatOf))].sort(), extents);
}

// Rows of the table CONTROL that a store of the first format gets when it is first served, and that change with use.
const ADDED = ['account', 'audit', 'epochs'].map((name) => Buffer.from(name).toString('hex'));

/** The same without those rows, and without the people who have acted since `before`. */
function lasting({ index, ...rest }, before) {
  const control = Object.fromEntries(Object.entries(index.control).filter(([name]) => !ADDED.includes(name)));
  const people = Object.fromEntries(Object.entries(index.people).filter(([tag]) => tag in before.index.people));
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

/** Gives the index file of a backup this format, as FORMAT.md has it: the two differ in what rows there may be. */
function setBackupFormat(dest, format) {
  const path = join(dest, readdirSync(dest).find((name) => name.startsWith('index-')));
  const bytes = readFileSync(path);
  bytes.writeUInt32BE(format, 16);
  const digest = createHash('sha256').update(bytes.subarray(0, -32)).digest();
  writeFileSync(path, Buffer.concat([bytes.subarray(0, -32), digest]));
}

describe('frozen stores', { skip }, () => {
  for (const [name, { recordings, extents }] of Object.entries(EXPECTED)) {
    test(`${name} is listed and played, and not one row of it changes`, async (t) => {
      const store = await thaw(t, name);
      const before = contents(store);
      assertFormat(before, store, [extents]);
      await store.start();
      for (const recording of recordings) {
        await see(store, recording);
        await know(store, recording);
      }
      await store.stop();
      const after = contents(store);
      ADDED.forEach((row) => assert.ok(after.index.control[row], `${row} was not added`));
      assert.deepEqual(lasting(after, before), lasting(before, before));
      assert.deepEqual(store.events('corrupt'), []);
    });
  }

  for (const name of Object.keys(EXPECTED).filter((name) => name.endsWith('keyfile'))) {
    test(`${name}: what was unfinished is resumed and finished, and the rest stays as it was`, async (t) => {
      const store = await thaw(t, name);
      const before = contents(store);
      const [finished, unfinished] = EXPECTED[name].recordings;
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
      assertFormat(after, store, [...new Set([EXPECTED[name].extents, EXTENTS])]);
      const kept = belongings(before, finished.id);
      // Its own row, its tracks' and its hint, at the least.
      assert.ok(kept.rows.length >= 2 + finished.tracks.length && kept.blobs.length === finished.tracks.length);
      assert.deepEqual(belongings(after, finished.id), kept);
      assert.notDeepEqual(belongings(after, unfinished.id), belongings(before, unfinished.id));
    });

    test(`${name}: its services, its patients' tags and its consultations bind as they did`, async (t) => {
      const store = await thaw(t, name);
      const [{ identity, consultation, id }, { identity: other }] = EXPECTED[name].recordings;
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

    test(`${name}: its checksums are those of what lies there, for a scrub and for a backup`, async (t) => {
      const store = await thaw(t, name);
      const [{ id }] = EXPECTED[name].recordings;
      const scrub = () => run(join(store.bin, 'sealreeld'), ['--scrub', store.directory]);
      const dest = store.beside('backup');
      const verify = () => store.cli(['backup', '--verify', dest], {});
      const clean = await scrub();
      assert.equal(clean.code, 0, clean.stdout + clean.stderr);
      await store.start();
      await store.done(['backup', dest], { credential: store.operator });
      await store.stop();
      assert.equal((await verify()).code, 0);
      for (const [directory, look] of [[store.path('blobs'), scrub], [join(dest, 'blobs'), verify]]) {
        const fan = readdirSync(directory).find((own) => readdirSync(join(directory, own)).includes(`${id}.1.0`));
        const file = join(directory, fan, `${id}.1.0`);
        const bytes = readFileSync(file);
        bytes[4321] ^= 1;
        writeFileSync(file, bytes);
        const { code, stdout } = await look();
        assert.equal(code, 1, stdout.toString());
        assert.match(stdout.toString(), new RegExp(`checksum.*${id}`));
        bytes[4321] ^= 1;
        writeFileSync(file, bytes);
        assert.equal((await look()).code, 0);
      }
    });

    test(`${name}: a backup of it is restored, in the format that its release wrote`, async (t) => {
      const store = await thaw(t, name);
      const dest = store.beside('backup');
      await store.start();
      await store.done(['backup', dest], { credential: store.operator });
      await store.stop();
      setBackupFormat(dest, EXPECTED[name].extents);
      const other = await restoreFrom(store, dest);
      t.after(() => other.remove());
      const scrubbed = await run(join(store.bin, 'sealreeld'), ['--scrub', other.directory]);
      assert.equal(scrubbed.code, 0, scrubbed.stdout + scrubbed.stderr);
      copyFileSync(store.beside('portal.cred'), other.beside('portal.cred'));
      await other.start();
      for (const recording of EXPECTED[name].recordings) {
        await see(other, recording);
      }
      await other.stop();
    });
  }
});
