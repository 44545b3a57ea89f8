// A disk that fills up: recording stops at the reserve with `no_space`, everything else goes on, and when there is room
// again recording goes on as well, without a restart and without a byte lost.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { newRecordingId } from '../peer/writer.mjs';
import { Store, missing, refused, waitFor } from './harness.mjs';

const MIB = 1024 * 1024;
const ALICE = 'https://clinic.example/mrn|alice';
const SOURCE = createCipheriv('aes-128-ctr', Buffer.alloc(16, 4), Buffer.alloc(16)).update(Buffer.alloc(2 * MIB));

/** Whether this machine lets us make a small file system; else why not. */
function cannotMount() {
  if (process.getuid() !== 0) {
    return 'a small file system can be mounted by root alone';
  }
  const path = `${process.env.TMPDIR ?? '/tmp'}/sealreel-mount-${process.pid}`;
  mkdirSync(path);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', path], { stdio: 'ignore' });
    execFileSync('umount', [path]);
    return false;
  } catch {
    return 'tmpfs cannot be mounted here';
  } finally {
    rmSync(path, { recursive: true });
  }
}

/** Has the store's data files on a file system of 64 MiB, 16 of them the reserve; returns where it is mounted. */
function mountBlobs(store) {
  const mounted = store.path('blobs');
  renameSync(mounted, store.beside('blobs'));
  mkdirSync(mounted);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=0700', 'none', mounted]);
  cpSync(store.beside('blobs'), mounted, { recursive: true });
  store.set('store', 'reserve_min_mib', '16');
  store.set('store', 'reserve_percent', '0');
  return mounted;
}

describe('a full disk', { skip: missing() || cannotMount() }, () => {
  let store;
  let ingest;
  let playback;
  let mounted;

  before(async () => {
    store = await Store.make();
    mounted = mountBlobs(store);
    await store.start();
    ingest = await store.service('ingest');
    playback = await store.service('playback');
  });

  after(async () => {
    await store?.stop();
    if (mounted) {
      execFileSync('umount', [mounted]);
    }
    await store?.remove();
  });

  const filler = () => `${mounted}/filler`;

  /** Leaves `free` bytes on the disk. */
  function fill(free) {
    const { bavail, bsize } = statfsSync(mounted);
    writeFileSync(filler(), Buffer.alloc(bavail * bsize - free));
  }

  const play = (id) => store.connected(playback, async (client) => {
    const player = await client.play(store.mint(ALICE, 'play'), id);
    const { length } = await player.update(1);
    const got = await player.readAll(1);
    assert.ok(got.equals(SOURCE.subarray(0, length)));
    return length;
  });

  test('at the reserve recording stops, playing goes on, and nothing acknowledged is lost', async () => {
    await store.connected(ingest, async (client) => {
      const grant = store.mint(ALICE, 'record');
      const recording = await client.record(grant);
      const writer = await recording.track({ type: 'video/webm' });
      await writer.append(SOURCE.subarray(0, MIB));
      assert.equal(await writer.sync(), MIB);

      fill(15 * MIB);
      const failure = await waitFor(async () => {
        try {
          await writer.append(SOURCE.subarray(writer.offset, writer.offset + 1000));
          await writer.sync();
          return null;
        } catch (error) {
          return error;
        }
      });
      assert.ok(refused('no_space')(failure), String(failure));
      assert.match(failure.message, /reserve/);
      await assert.rejects(client.record(grant), (error) => refused('no_space')(error) && error.retryMs > 0);
      await assert.rejects(recording.resume(1), refused('no_space'));
      await assert.rejects(recording.track({ type: 'audio/webm' }), refused('no_space'));

      const durable = await play(recording.id);
      assert.ok(durable >= writer.durable && durable >= MIB);
      const health = await store.cli(['health'], { credential: store.operator });
      assert.notEqual(health.code, 0);
      assert.match(health.stdout.toString() + health.stderr, /reserve|space/);
      const byHand = await store.cli(['ingest', '--quiet', '-'], { credential: ingest, grant, stdin: 'media' });
      assert.notEqual(byHand.code, 0);
      assert.match(byHand.stderr, /^sealreel: [ -~]*(reserve|space)[ -~]*\n$/);

      rmSync(filler());
      const resumed = await waitFor(() => recording.resume(1).catch(() => null), { what: 'room' });
      assert.equal(resumed.offset, durable);
      await resumed.append(SOURCE.subarray(durable));
      assert.equal(await resumed.close(), SOURCE.length);
      await recording.finish();
      assert.equal(await play(recording.id), SOURCE.length);
    });
    assert.equal((await store.cli(['health'], { credential: store.operator })).code, 0);
  });

  test('a disk without one free byte is met the same way', async () => {
    await store.connected(ingest, async (client) => {
      const grant = store.mint(ALICE, 'record');
      const recording = await client.record(grant, { id: newRecordingId() });
      const writer = await recording.track({ type: 'video/webm' });
      fill(0);
      await assert.rejects(async () => {
        await writer.append(SOURCE);
        await writer.sync();
      }, refused('no_space'));
      assert.equal(await play(recording.id), writer.durable);
      rmSync(filler());
      const resumed = await waitFor(() => recording.resume(1).catch(() => null), { what: 'room' });
      await resumed.append(SOURCE.subarray(resumed.offset));
      await resumed.close();
      await recording.finish();
      assert.equal(await play(recording.id), SOURCE.length);
    });
  });
});

describe('sealing anew on a full disk', { skip: missing() || cannotMount() }, () => {
  const TRACKS = 9;
  let store;
  let mounted;

  before(async () => {
    store = await Store.make();
    mounted = mountBlobs(store);
    await store.start();
  });

  after(async () => {
    await store?.stop();
    if (mounted) {
      execFileSync('umount', [mounted]);
    }
    await store?.remove();
  });

  test('is refused before it begins or in the middle, changes nothing, leaves nothing over, and goes through with room',
    async () => {
      const client = await store.service('ingest,playback');
      const id = await store.connected(client, (peer) => store.record(peer, ALICE, {
        tracks: Array.from({ length: TRACKS }, () => ({ media: SOURCE })),
      }));
      const files = () => readdirSync(mounted, { recursive: true }).filter((name) => name.includes(id)).sort();
      const deepen = () => store.connected(store.operator, (peer) => peer.deepen(store.mint(ALICE, 'manage')));
      const plays = () => store.connected(client, async (peer) => {
        const player = await peer.play(store.mint(ALICE, 'play'), id);
        for (let track = 1; track <= TRACKS; track++) {
          await player.update(track);
          assert.ok((await player.readAll(track)).equals(SOURCE), `track ${track}`);
        }
      });
      const before = files();
      // Below the reserve; above it, with less room than the media take. How much is free is asked now and then.
      for (const [free, atReserve] of [[15 * MIB, true], [16.5 * MIB, false]]) {
        const { bavail, bsize } = statfsSync(mounted);
        writeFileSync(`${mounted}/filler`, Buffer.alloc(bavail * bsize - free));
        await waitFor(async () => {
          const failure = await deepen().then(() => null, (error) => error);
          assert.ok(refused('no_space')(failure), String(failure));
          return /reserve/.test(failure.message) === atReserve;
        });
        await waitFor(() => files().length === before.length, { what: 'the unfinished files to go' });
        assert.deepEqual(files(), before);
        await plays();
        rmSync(`${mounted}/filler`);
      }
      const { recordings } = await waitFor(() => deepen().catch((error) => {
        assert.ok(refused('no_space')(error), String(error));
      }), { what: 'room' });
      assert.equal(recordings, 1);
      await waitFor(() => files().length === before.length, { what: 'the old files to go' });
      assert.ok(files().every((name) => !before.includes(name)));
      await plays();
    });
});

describe('a full disk of the account', { skip: missing() || cannotMount() }, () => {
  let store;
  let mounted;

  before(async () => {
    store = await Store.make();
    renameSync(store.path('audit'), store.beside('audit'));
    mkdirSync(store.path('audit'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m,mode=0700', 'none', store.path('audit')]);
    mounted = store.path('audit');
    cpSync(store.beside('audit'), mounted, { recursive: true });
    store.set('store', 'audit_reserve_mib', '1');
    await store.start();
  });

  after(async () => {
    await store?.stop();
    if (mounted) {
      execFileSync('umount', [mounted]);
    }
    await store?.remove();
  });

  test('nothing is given, what is being recorded goes on, a freeze works; and with room again all does', async () => {
    const ingest = await store.service('ingest');
    const playback = await store.service('playback');
    await store.connected(ingest, async (recorder) => {
      const recording = await recorder.record(store.mint(ALICE, 'record'), { id: newRecordingId() });
      const writer = await recording.track({ type: 'video/webm' });
      await writer.append(SOURCE.subarray(0, 10_000));
      await writer.sync();
      const { bavail, bsize } = statfsSync(mounted);
      writeFileSync(`${mounted}/filler`, Buffer.alloc(bavail * bsize));
      await store.connected(playback, async (client) => {
        // What was allocated ahead is used up first.
        const list = () => client.list(store.mint(ALICE, 'list'));
        await assert.rejects(async () => {
          for (let tried = 0; tried < 20_000; tried += 32) {
            await Promise.all(Array.from({ length: 32 }, list));
          }
        }, refused('no_space'));
        await assert.rejects(client.play(store.mint(ALICE, 'play'), recording.id), refused('no_space'));
        await writer.append(SOURCE.subarray(10_000));
        assert.equal(Number(await writer.sync()), SOURCE.length);
        await store.done(['freeze', '--all', '--reason', 'the disk is full'], { credential: store.operator });
        assert.match(await store.done(['freeze', '--list'], { credential: store.operator }), /the disk is full/);
        rmSync(`${mounted}/filler`);
        await assert.rejects(waitFor(() => list().catch((error) => {
          if (error.code !== 'no_space') {
            throw error;
          }
        }), { what: 'room' }), refused('frozen'));
        await store.done(['thaw', '--all', '--reason', 'there is room'], { credential: store.operator });
        assert.equal((await list()).recordings.length, 1);
      });
      await writer.close();
      await recording.finish();
    });
  });
});
