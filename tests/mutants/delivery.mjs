// Plays a recording from a daemon that may have been built to send wrong bytes, through the command line (that is, the
// client library) and through the second-language client.
//
//   delivery.mjs DIR prepare            makes a store in DIR, with the programs of SEALREEL_BIN
//   delivery.mjs DIR whole              every way of playing must give the source
//   delivery.mjs DIR refused [late]     every way must be refused, and the library hand out not one byte before it;
//                                       with "late" the fault shows later, and the source's first bytes may have come
//
// It exits 0 if so; otherwise a line says what was seen, and "delivered" stands in it if a byte was wrong.
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '../peer/connection.mjs';
import { readCredential } from '../peer/credential.mjs';
import { Player } from '../peer/player.mjs';
import { newRecordingId } from '../peer/writer.mjs';
import { BIN, Store, run } from '../scenario/harness.mjs';

const [root, task, ...options] = process.argv.slice(2);
const late = options.includes('late');

const CHUNK = 16384;
const ALICE = 'https://clinic.example/mrn|alice';
const BOB = 'https://clinic.example/mrn|bob';
// All tracks have segments of the same sizes, so that nothing but its bytes tells one from another.
const SEGMENTS = [2 * CHUNK + 5, 3 * CHUNK, 100, 2 * CHUNK + 5];
const SIZE = SEGMENTS.reduce((sum, size) => sum + size);

/** Bytes of their own for each track, the same in every run. */
function media(identity, track) {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, identity), Buffer.alloc(16, track));
  return cipher.update(Buffer.alloc(SIZE));
}

function storeIn(directory) {
  const store = new Store();
  return Object.assign(store, { bin: BIN, root: directory, directory: join(directory, 'store') });
}

async function recordTracks(store, client, identity) {
  const recording = await client.record(store.mint(identity, 'record'), { id: newRecordingId() });
  for (const track of [1, 2]) {
    const writer = await recording.track({ type: 'video/webm' });
    let at = 0;
    for (const size of SEGMENTS) {
      await writer.append(media(identity, track).subarray(at, at += size));
      await writer.sync();
    }
    await writer.close();
  }
  await recording.finish();
  return recording.id;
}

async function prepare() {
  const store = storeIn(root);
  const made = await run(join(BIN, 'sealreel'), ['init', store.directory]);
  assert.equal(made.code, 0, made.stderr);
  store.id = /^store ([0-9a-f]{32})$/m.exec(made.stdout)[1];
  await store.start();
  try {
    const clinic = await store.service('ingest,playback', 'clinic');
    const recordings = {};
    await store.connected(clinic, async (client) => {
      for (const identity of [BOB, ALICE]) {
        recordings[identity] = await recordTracks(store, client, identity);
      }
    });
    writeFileSync(join(root, 'prepared.json'), JSON.stringify({ id: store.id, recordings }));
  } finally {
    await store.stop();
  }
}

/** The library by way of the command line: { bytes, error }. `output`: a file, or "-". */
async function byCommandLine(store, played, output) {
  const result = await store.cli(['play', played.id, '-o', output], { credential: played.credential, grant: played.grant });
  const { code, stdout, stderr } = result;
  if (output === '-') {
    return { bytes: stdout, error: code === 0 ? null : stderr.trim() };
  }
  assert.equal(stdout.length, 0);
  assert.ok(!existsSync(`${output}.part`), 'a part of the file was left behind');
  return { bytes: existsSync(output) ? readFileSync(output) : Buffer.alloc(0), error: code === 0 ? null : stderr.trim() };
}

/** The second-language client: the same. */
async function byNode(store, played) {
  const parts = [];
  const connection = await Connection.open(readCredential(played.credential));
  try {
    const player = await Player.open(connection, played.grant, played.id);
    await player.update(1);
    for await (const part of player.read(1)) {
      parts.push(part);
    }
    return { bytes: Buffer.concat(parts), error: null };
  } catch (error) {
    return { bytes: Buffer.concat(parts), error: error.message };
  } finally {
    await connection.close().catch(() => {});
  }
}

/** Holds what came of one way of playing to the task. */
function judge(way, source, { bytes, error }) {
  const same = bytes.equals(source.subarray(0, bytes.length));
  assert.ok(same, `${way}: wrong bytes were delivered`);
  if (task === 'whole') {
    assert.ok(!error && bytes.length === source.length, `${way}: ${bytes.length} bytes: ${error}`);
    return;
  }
  assert.ok(error, `${way}: ${bytes.length} bytes were delivered, and nothing refused`);
  // The second-language client hands out chunk by chunk, and may meet the fault in the middle of a body.
  assert.ok(late || way === 'node' || bytes.length === 0, `${way}: ${bytes.length} bytes were delivered before it was refused: ${error}`);
  assert.ok(bytes.length < source.length || late, `${way}: all was delivered, and then refused: ${error}`);
  if (way !== 'node') {
    // The library's own words, not a refusal of the daemon's.
    const own = /^sealreel: corrupt: (what the store sent|the store's answer|the bytes on the connection) /;
    assert.match(error, own, `${way}: refused for another reason: ${error}`);
  }
  console.log(`${way}: ${bytes.length} bytes; ${error}`);
}

async function playAll() {
  const store = storeIn(root);
  const { id, recordings } = JSON.parse(readFileSync(join(root, 'prepared.json')));
  store.id = id;
  const credential = store.beside('clinic.cred');
  const of = (identity) => ({ id: recordings[identity], credential, grant: store.mint(identity, 'list play') });
  await store.start();
  try {
    // Bob first: some of the daemons mistake everybody's recording for the first that was played.
    await byCommandLine(store, of(BOB), '-');
    const source = media(ALICE, 1);
    const file = store.beside(`played-${process.pid}`);
    judge('pipe', source, await byCommandLine(store, of(ALICE), '-'));
    judge('file', source, await byCommandLine(store, of(ALICE), file));
    judge('node', source, await byNode(store, of(ALICE)));
    assert.ok(task === 'whole' || !existsSync(file), 'a file of a recording that was refused');
  } finally {
    await (store.child && store.kill());
  }
}

try {
  await (task === 'prepare' ? prepare() : playAll());
} catch (error) {
  console.log(error.message);
  process.exitCode = 1;
}
