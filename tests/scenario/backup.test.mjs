// Backups: taken while calls are recorded, read back, restored elsewhere; cut off and gone on with; and damaged.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Store, media, missing, run, waitFor } from './harness.mjs';
import { restoreFrom } from './restoring.mjs';

const ALICE = 'https://clinic.example/mrn|alice';
const AUDIO = readFileSync(media('call-audio.webm'));
const VIDEO = readFileSync(media('call-video.webm'));

describe('a backup', { skip: missing() }, () => {
  let store;
  let credential;

  before(async () => {
    store = await Store.serve({ options: [['store', 'max_delay_ms', '100']] });
    credential = await store.service('ingest,playback');
  });

  after(() => store?.remove());

  const taken = async (dest, args = []) => JSON.parse((await store.done(['backup', '--rate', '0', '--json', ...args, dest],
    { credential: store.operator })).split('\n').at(-1));
  const verified = (dest) => store.cli(['backup', '--verify', dest]);
  const record = (client) => store.record(client, ALICE, { tracks: [{ media: AUDIO }, { media: VIDEO }] });

  test('of a store that records calls: restored elsewhere, its scrub is clean and all that was finished before plays', async () => {
    const finished = [];
    let over = false;
    const recording = Promise.all([1, 2, 3].map(() => store.connected(credential, async (client) => {
      while (!over) {
        finished.push(await record(client));
      }
    })));
    const dest = store.beside('busy');
    await waitFor(() => finished.length >= 6, { what: 'recordings' });
    const known = [...finished];
    const said = await taken(dest);
    over = true;
    await recording;
    assert.ok(finished.length > known.length, 'nothing was recorded meanwhile');
    assert.equal(said.damaged, 0);
    assert.ok(said.extents >= 2 * known.length);
    assert.equal((await verified(dest)).code, 0);

    const other = await restoreFrom(store, dest);
    try {
      const scrubbed = await run(join(store.bin, 'sealreeld'), ['--scrub', other.directory]);
      assert.equal(scrubbed.code, 0, scrubbed.stdout.toString());
      await other.start();
      const grant = other.mint(ALICE, 'list play');
      const listed = JSON.parse(await other.done(['list', '--json'], { credential, grant }));
      const ids = listed.recordings.map(({ id }) => id);
      assert.equal(listed.withheld ?? 0, 0);
      for (const id of known) {
        assert.ok(ids.includes(id), `${id} is not listed`);
        for (const [track, bytes] of [['1', AUDIO], ['2', VIDEO]]) {
          const played = await other.cli(['play', '--quiet', '--track', track, '-o', '-', id], { credential, grant });
          assert.equal(played.code, 0, played.stderr);
          assert.ok(played.stdout.equals(bytes), `${id}.${track} plays otherwise`);
        }
      }
    } finally {
      await other.remove();
    }
  });

  test('copies no data file twice', async () => {
    const dest = store.beside('again');
    const first = await taken(dest);
    assert.ok(first.copied_bytes > 0);
    assert.equal((await taken(dest)).copied_bytes, 0);
    await store.connected(credential, record);
    const third = await taken(dest);
    assert.ok(third.copied_bytes > AUDIO.length + VIDEO.length);
    assert.ok(third.copied_bytes < AUDIO.length + VIDEO.length + 20_000);
    assert.equal((await verified(dest)).code, 0);
  });

  test('that is cut off is run again', async () => {
    const dest = store.beside('cut');
    const child = spawn(join(store.bin, 'sealreel'), ['backup', '--rate', '20K', dest], {
      env: { ...process.env, SEALREEL_SERVER: store.server, SEALREEL_CREDENTIAL: store.operator }, stdio: 'ignore',
    });
    await waitFor(() => existsSync(join(dest, 'blobs')) && readdirSync(join(dest, 'blobs')).length > 0, { what: 'a file' });
    child.kill('SIGKILL');
    await once(child, 'close');
    assert.equal((await verified(dest)).code, 1, 'half a backup was taken for a whole one');
    // The daemon knows nothing of the end of its client: for a minute it is busy with that one.
    const busy = await store.cli(['backup', dest], { credential: store.operator });
    assert.equal(busy.code, 5, busy.stderr);
    await store.stop();
    await store.start();
    assert.equal((await taken(dest)).damaged, 0);
    assert.equal((await verified(dest)).code, 0);
  });

  test('has what is deleted while it is taken: nothing is removed until it ends', async () => {
    const own = await Store.serve({ options: [['store', 'undelete_window_s', '0']] });
    try {
      const client = await own.service('ingest,playback');
      const ids = [];
      for (let count = 0; count < 4; count++) {
        ids.push(await own.connected(client, (peer) => own.record(peer, ALICE, { tracks: [{ media: AUDIO }] })));
      }
      const dest = own.beside('deleting');
      const copied = () => (existsSync(join(dest, 'blobs')) ? readdirSync(join(dest, 'blobs')).length : 0);
      const running = own.cli(['backup', '--rate', '60K', '--json', dest], { credential: own.operator });
      await waitFor(() => copied() > 0, { what: 'a file' });
      await own.connected(client, (peer) => peer.delete(own.mint(ALICE, 'delete'), ids.at(-1)));
      assert.ok(copied() < ids.length, 'the last was copied before it was deleted');
      const { code, stdout } = await running;
      assert.equal(code, 0, stdout.toString());
      assert.equal((await verified(dest)).code, 0);
      const files = () => readdirSync(own.path('blobs'), { recursive: true }).filter((name) => name.length > 10);
      await waitFor(() => files().length === ids.length - 1, { what: 'its removal after the backup' });
    } finally {
      await own.remove();
    }
  });

  test('read back shows a flipped bit of every file, and a file that is missing or short', async () => {
    const dest = store.beside('damaged');
    await taken(dest);
    const index = readdirSync(dest).find((name) => name.startsWith('index-'));
    const fans = readdirSync(join(dest, 'blobs'));
    const fan = fans[0];
    const blob = join('blobs', fan, readdirSync(join(dest, 'blobs', fan))[0]);
    for (const name of [index, blob, join('audit', 'records')]) {
      const path = join(dest, name);
      const whole = readFileSync(path);
      for (const at of [0, Math.floor(whole.length / 3), Math.floor(whole.length / 2), whole.length - 1]) {
        const bytes = Buffer.from(whole);
        bytes[at] ^= 1 << at % 8;
        writeFileSync(path, bytes);
        assert.equal((await verified(dest)).code, 1, `${name} at ${at}`);
      }
      writeFileSync(path, whole.subarray(0, -1));
      assert.equal((await verified(dest)).code, 1, `${name} cut`);
      rmSync(path);
      assert.equal((await verified(dest)).code, 1, `${name} missing`);
      writeFileSync(path, whole);
      assert.equal((await verified(dest)).code, 0, name);
    }
  });

  test('is restored with a damaged data file, which is named, and not with a damaged index or log', async () => {
    const dest = store.beside('spoiled');
    await taken(dest);
    const index = readdirSync(dest).find((name) => name.startsWith('index-'));
    const [fan] = readdirSync(join(dest, 'blobs'));
    const [name] = readdirSync(join(dest, 'blobs', fan));
    const secrets = ['--keyring', store.path('keyring'), '--key-source', `file:${store.path('keyring.key')}`];
    for (const [path, said] of [[join('blobs', fan, name), new RegExp(`checksum blobs/${fan}/${name} offset 0`)],
      [index, /damaged/], [join('audit', 'records'), /damaged/]]) {
      const whole = readFileSync(join(dest, path));
      const bytes = Buffer.from(whole);
      bytes[Math.floor(bytes.length / 3)] ^= 4;
      writeFileSync(join(dest, path), bytes);
      const to = store.beside(`from-spoiled-${path.replaceAll('/', '-')}`);
      const { code, stdout, stderr } = await run(join(store.bin, 'sealreel'), ['restore', ...secrets, dest, to]);
      assert.notEqual(code, 0, path);
      assert.match(stdout + stderr, said, path);
      assert.equal(existsSync(join(to, 'sealreel.ini')), path.startsWith('blobs'), path);
      writeFileSync(join(dest, path), whole);
    }
  });

  test('holds nothing in the clear, and no keyring', async () => {
    const dest = store.beside('sealed');
    await taken(dest);
    const walk = (path) => (statSync(path).isDirectory() ? readdirSync(path).flatMap((name) => walk(join(path, name)))
      : [path]);
    for (const path of walk(dest)) {
      const bytes = readFileSync(path);
      assert.ok(!bytes.includes(ALICE), `${path} has an identity`);
      assert.ok(!bytes.includes(AUDIO.subarray(1000, 1032)), `${path} has media`);
      assert.ok(!bytes.includes(readFileSync(store.path('keyring')).subarray(100, 132)), `${path} has the keyring`);
    }
  });

  test('is for operators, and is not restored with another keyring or over something', async () => {
    const dest = store.beside('other');
    const refused = await store.cli(['backup', dest], { credential });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /denied/);
    await taken(dest);
    const stranger = await Store.make();
    try {
      const secrets = ['--keyring', stranger.path('keyring'), '--key-source', `file:${stranger.path('keyring.key')}`];
      const wrong = await run(join(store.bin, 'sealreel'), ['restore', ...secrets, dest, stranger.beside('new')]);
      assert.equal(wrong.code, 2);
      assert.match(wrong.stderr, /is of another store/);
      const over = await run(join(store.bin, 'sealreel'), ['restore', ...secrets, dest, stranger.directory]);
      assert.equal(over.code, 2);
      assert.match(over.stderr, /is there already/);
    } finally {
      await stranger.remove();
    }
  });
});
