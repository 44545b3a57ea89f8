// Ranges of a recording of two tracks and many segments equal the source: before it is finished, when the places come
// from the index, and after, when they come from the manifest; and so does a recording that is played while it grows.
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { readCredential } from '../peer/client.mjs';
import { Connection } from '../peer/connection.mjs';
import { Player } from '../peer/player.mjs';
import { Recording } from '../peer/writer.mjs';
import { Store, missing, waitFor } from './harness.mjs';

const skip = missing();
const CHUNK = 16384;
const SEGMENT = 4 * 1024 * 1024;
const ALICE = 'https://clinic.example/mrn|alice';

/** `size` bytes that look random and are the same in every run. */
function bytes(seed, size) {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(size));
}

/** A function that gives whole numbers below a limit, the same in every run. */
function dice(seed) {
  const numbers = bytes(seed, 1 << 16);
  let at = 0;
  return (limit) => {
    at = (at + 6) % (numbers.length - 6);
    return numbers.readUIntBE(at, 6) % limit;
  };
}

// What is written between one sync and the next: each part ends a segment, and what is longer than a segment can be
// ends several.
const PARTS = [
  1, 100, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1, 3, 49152, SEGMENT - 1, SEGMENT,
  SEGMENT + 1, 2, 2 * SEGMENT + 5 * CHUNK, CHUNK, 77,
];
const BIG = bytes(1, PARTS.reduce((sum, part) => sum + part));
const SMALL = bytes(2, 10 * CHUNK + 9);
const STEP = 3 * CHUNK + 3;

let store;
let ingest;
let playback;
let id;

/** Runs `body(player, connection)` with a player of its own. */
async function playing(recordingId, body) {
  const connection = await Connection.open(readCredential(playback));
  try {
    return await body(await Player.open(connection, store.mint(ALICE, 'play'), recordingId), connection);
  } finally {
    await connection.close();
  }
}

/** Runs `body(recording)` with a connection of its own to a recording that is there. */
async function writing(recordingId, body) {
  const connection = await Connection.open(readCredential(ingest));
  try {
    return await body(new Recording(connection, store.mint(ALICE, 'record'), recordingId));
  } finally {
    await connection.close();
  }
}

/** A player's stream without the player's checks, for what a player would not ask. */
async function bare(connection, recordingId) {
  const stream = connection.stream();
  await stream.send('play.open', { grant: store.mint(ALICE, 'play'), recording: recordingId });
  const { entry } = await stream.next('play.opened');
  return { entry, stream };
}

/** Where each segment of a track begins, and where the last one ends. */
async function borders(track) {
  const connection = await Connection.open(readCredential(playback));
  const { stream } = await bare(connection, id);
  await stream.send('play.table', { track, from: 0, want: 0 });
  const { head, records } = await stream.next('play.table.reply');
  await connection.close();
  assert.equal(records.length, head.segments);
  return [...records.map(({ offset }) => offset), head.length];
}

/** Borders and their neighbours that lie within the track. */
const around = (points, length) => [...new Set(points.flatMap((at) => [at - 1, at, at + 1]))]
  .filter((at) => at >= 0 && at <= length);

/** 1,000 ranges: of every order of size, and many of them at a border. */
function randomRanges(seed, points, length) {
  const next = dice(seed);
  return Array.from({ length: 1000 }, (_, i) => {
    const size = 1 + next(2 ** (1 + next(20)));
    const near = points[next(points.length)] - next(size + 1);
    const from = Math.max(0, i % 3 === 0 ? near : next(length));
    return [from, Math.min(from + size, length)];
  }).filter(([from, to]) => from < to);
}

async function expectRange(player, track, source, from, to) {
  const got = await player.readAll(track, from, to);
  assert.ok(got.equals(source.subarray(from, to)), `track ${track}, ${from} to ${to}`);
}

/** The same ranges again for each of the two states of the recording. */
function rangesEqual(state, seed) {
  test(`${state}: 1,000 random ranges of both tracks`, async () => {
    const points = await borders(1);
    await playing(id, async (player) => {
      for (const track of [1, 2]) {
        assert.equal((await player.update(track)).state, state);
      }
      const ranges = randomRanges(seed, points, BIG.length);
      assert.ok(ranges.length > 900);
      for (const [from, to] of ranges) {
        await expectRange(player, 1, BIG, from, to);
      }
      for (const [from, to] of randomRanges(seed + 1, await borders(2), SMALL.length)) {
        await expectRange(player, 2, SMALL, from, to);
      }
    });
  });

  test(`${state}: every border of a segment, and a byte to either side`, async () => {
    for (const [track, source] of [[1, BIG], [2, SMALL]]) {
      const edges = around(await borders(track), source.length);
      await playing(id, async (player) => {
        await player.update(track);
        for (const at of edges) {
          await expectRange(player, track, source, at, at + 1);
          await expectRange(player, track, source, Math.max(at - 2, 0), at + 2);
          await expectRange(player, track, source, Math.max(at - CHUNK, 0), at);
          await expectRange(player, track, source, at, at + CHUNK);
        }
        await expectRange(player, track, source, 0, source.length);
      });
    }
  });

  test(`${state}: what lies past the end is cut off`, async () => {
    const { length } = SMALL;
    const connection = await Connection.open(readCredential(playback));
    const { stream } = await bare(connection, id);
    for (const [from, size, sent] of [
      [length, 1, 0], [length + 1, 2 ** 26, 0], [2 ** 40, 5, 0], [length - 1, 1, 1], [length - 1, 2, 1],
      [length - CHUNK, 2 ** 26, CHUNK], [0, 2 ** 26, length],
    ]) {
      await stream.send('play.read', { track: 2, from, length: size });
      let message;
      do {
        message = await stream.next('play.key', 'play.body', 'play.done');
      } while (message.name !== 'play.done');
      assert.deepEqual([message.from, message.length], [from, sent]);
    }
    await connection.close();
  });

  test(`${state}: the command line's ranges`, async () => {
    const next = dice(seed + 2);
    const credential = playback;
    const grant = store.mint(ALICE, 'play');
    const points = around(await borders(1), BIG.length - 1);
    const ranges = Array.from({ length: 24 }, (_, i) => {
      const from = i % 2 ? points[next(points.length)] : next(BIG.length);
      return [1, from, Math.min(from + next(3 * CHUNK), BIG.length - 1)];
    });
    ranges.push([2, 0, 0], [2, 0, SMALL.length - 1], [2, SMALL.length - 1, SMALL.length + 5], [2, CHUNK, CHUNK]);
    for (const [track, from, last] of ranges) {
      const { code, stdout, stderr } = await store.cli(['play', '--quiet', '--track', String(track), '--range',
        `${from}-${last}`, '-o', '-', id], { credential, grant });
      assert.deepEqual([code, stderr], [0, ''], `${from}-${last}`);
      assert.ok(stdout.equals((track === 1 ? BIG : SMALL).subarray(from, last + 1)), `${from}-${last}`);
    }
    const open = await store.cli(['play', '--quiet', '--range', `${BIG.length - 9}-`, '-o', '-', id],
      { credential, grant });
    assert.ok(open.stdout.equals(BIG.subarray(-9)));
  });
}

describe('ranges', { skip }, () => {
  before(async () => {
    // No segment ends by time while the first track is written: its borders are where the test puts them.
    store = await Store.serve({ options: [['store', 'max_delay_ms', '10000']] });
    ingest = await store.service('ingest');
    playback = await store.service('playback');
    await store.connected(ingest, async (client) => {
      const recording = await client.record(store.mint(ALICE, 'record'));
      id = recording.id;
      const writer = await recording.track({ type: 'video/webm' });
      let at = 0;
      for (const part of PARTS) {
        await writer.append(BIG.subarray(at, at + part), at);
        at += part;
        assert.equal(await writer.sync(), at);
      }
      await writer.close();
    });
    // The second track's segments end by time alone.
    await store.stop();
    store.set('store', 'max_delay_ms', '100');
    await store.start();
    await writing(id, async (same) => {
      const writer = await same.track({ type: 'audio/webm', start: 1500 });
      await playing(id, async (player) => {
        for (let at = 0; at < SMALL.length; at += STEP) {
          const end = Math.min(at + STEP, SMALL.length);
          await writer.append(SMALL.subarray(at, end));
          await waitFor(async () => (await player.update(2, { wait: true })).length === end);
        }
      });
      await writer.close();
    });
  }, { timeout: 120_000 });

  after(() => store?.remove());

  test('segments end where they were synced, by size, and by time', async () => {
    const synced = PARTS.reduce((ends, part) => [...ends, ends.at(-1) + part], [0]);
    const first = await borders(1);
    assert.deepEqual(synced.filter((at) => !first.includes(at)), []);
    const sizes = first.slice(1).map((at, i) => at - first[i]);
    assert.equal(Math.max(...sizes), SEGMENT);
    assert.equal(sizes.filter((size) => size === SEGMENT).length, 4);
    assert.equal(first.length, synced.length + 3);
    assert.ok((await borders(2)).length > 3);
  });

  rangesEqual('unfinished', 3);

  test('the recording is finished', async () => {
    await writing(id, async (recording) => assert.equal((await recording.finish()).tracks, 2));
  });

  rangesEqual('finished', 6);
});

describe('a recording played while it grows', { skip }, () => {
  const source = bytes(9, 6 * CHUNK * 16 + 5);

  before(async () => {
    store = await Store.serve({ options: [['store', 'max_delay_ms', '100']] });
    ingest = await store.service('ingest');
    playback = await store.service('playback');
  });

  after(() => store?.remove());

  /** Opens a recording with `first` bytes in its one track; leaves the track to `resume`. */
  async function begun(first) {
    return store.connected(ingest, async (client) => {
      const recording = await client.record(store.mint(ALICE, 'record'));
      const writer = await recording.track({ type: 'video/webm' });
      await writer.append(source.subarray(0, first));
      await writer.close();
      return recording.id;
    });
  }

  /** Writes [from, to) in uneven steps, each durable before the next: so the player meets many ends. */
  async function grow(recording, from, to) {
    const next = dice(10);
    const writer = await recording.resume(1);
    assert.equal(writer.offset, from);
    for (let at = from; at < to;) {
      const end = Math.min(to, at + 1 + next(5 * CHUNK));
      await writer.append(source.subarray(at, end));
      await writer.sync();
      at = end;
    }
    return writer.close();
  }

  const players = async () => (await store.stats()).players_now;

  test('the second client follows it to its end', async () => {
    const growing = await begun(CHUNK + 1);
    const got = [];
    const lengths = [];
    await playing(growing, async (player) => {
      const following = (async () => {
        let [at, known] = [0, null];
        do {
          known = await player.update(1, { wait: true });
          got.push(await player.readAll(1, at));
          lengths.push(at = known.length);
        } while (known.state === 'unfinished');
      })();
      await writing(growing, async (recording) => {
        await grow(recording, CHUNK + 1, source.length);
        await recording.finish();
      });
      await following;
    });
    assert.ok(Buffer.concat(got).equals(source));
    assert.ok(lengths.length > 3, `it was met at ${lengths.length} lengths only`);
  });

  test('the command line follows it, across a change of writers, until it is finished', async () => {
    const growing = await begun(3);
    const [credential, grant] = [playback, store.mint(ALICE, 'play')];
    const following = store.cli(['play', '--quiet', '--follow', growing, '-o', '-'], { credential, grant });
    await waitFor(async () => await players() === 1, { what: 'a player' });
    await writing(growing, (recording) => grow(recording, 3, source.length / 2 | 0));
    assert.equal(await players(), 1, 'it waits for more');
    await writing(growing, async (recording) => {
      await grow(recording, source.length / 2 | 0, source.length);
      await recording.finish();
    });
    const { code, stdout, stderr } = await following;
    assert.deepEqual([code, stderr], [0, '']);
    assert.ok(stdout.equals(source));
  });

  test('without --follow it plays what is durable, and ends', async () => {
    const growing = await begun(2 * CHUNK);
    const [credential, grant] = [playback, store.mint(ALICE, 'play')];
    const { code, stdout } = await store.cli(['play', '--quiet', growing, '-o', '-'], { credential, grant });
    assert.equal(code, 0);
    assert.ok(stdout.equals(source.subarray(0, 2 * CHUNK)));
  });
});
