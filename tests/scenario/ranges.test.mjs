// Ranges of a recording of two tracks and many segments equal the source: before it is finished, when the places come
// from the index, and after, when they come from the manifest; and so does a recording that is played while it grows.
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { readCredential } from '../peer/client.mjs';
import { Connection } from '../peer/connection.mjs';
import { Player } from '../peer/player.mjs';
import { Recording } from '../peer/writer.mjs';
import { Store, missing, refused, waitFor } from './harness.mjs';
import { Raw } from './raw.mjs';

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

/** Runs `body(start)`: start(range) resolves to a player that asked for the range at once, and what it then got. */
async function starting(recordingId, body) {
  const connection = await Connection.open(readCredential(playback));
  const grant = store.mint(ALICE, 'play');
  try {
    return await body(async (range) => {
      const player = await Player.start(connection, grant, recordingId, range);
      return { player, got: await player.startedAll() };
    });
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

  test(`${state}: ranges asked for at once, random, at every border, and past the end`, async () => {
    for (const [track, source] of [[1, BIG], [2, SMALL]]) {
      const { length } = source;
      const points = await borders(track);
      const ranges = randomRanges(seed + track, points, length).filter((_, i) => i % 8 === 0);
      ranges.push(...around(points, length).map((at) => [at, at + 1]), [0, length], [0, 2 ** 26]);
      ranges.push([length - 1, length + 1], [length + 1, length + 2], [length + CHUNK, 2 ** 26],
        [2 ** 40, 2 ** 40 + 5]);
      await starting(id, async (start) => {
        for (const [from, to] of ranges) {
          const { player, got } = await start({ track, from, length: to - from });
          assert.ok(got.equals(source.subarray(from, to)), `track ${track}, ${from} to ${to}`);
          assert.deepEqual(await player.update(track), { length, state });
          await player.close();
        }
      });
    }
  });

  test(`${state}: who asked at once goes on like any player`, async () => {
    await starting(id, async (start) => {
      const { player } = await start({ track: 2, from: CHUNK, length: 1 });
      await player.update(1);
      await expectRange(player, 1, BIG, SEGMENT - 1, 2 * SEGMENT);
      await expectRange(player, 2, SMALL, 0, SMALL.length);
      assert.ok(await player.renew(store.mint(ALICE, 'play')) > 0);
    });
  });

  test(`${state}: a track that is not there leaves a player, which plays another`, async () => {
    await playing(id, async (_, connection) => {
      for (const track of [3, 65535]) {
        const player = await Player.start(connection, store.mint(ALICE, 'play'), id, { track, from: 1, length: 5 });
        await assert.rejects(player.startedAll(), (error) => refused('not_found')(error) && !error.ended);
        await player.update(2);
        await expectRange(player, 2, SMALL, 0, SMALL.length);
      }
    });
  });

  test(`${state}: what answers it comes in order and under its request, whatever else is asked meanwhile`, async () => {
    const grant = store.mint(ALICE, 'play');
    const all = ['play.opened', 'play.table.reply', 'play.key', 'play.body', 'play.done'];
    for (const [track, name, fields, answer] of [
      [1], [1, 'grant.renew', { grant }, 'grant.renewed'], [1, 'grant.renew', { grant: 'no' }, 'error'],
      [3, 'grant.renew', { grant: 'no' }, 'error'], [1, 'close', {}, 'closed'],
    ]) {
      const raw = await Raw.open(playback);
      raw.say('play.start', 1, { grant, recording: id, track, from: 0, length: 2 ** 26 });
      // By their requests, which Raw counts.
      const names = { 1: [(await raw.next()).name], 2: [] };
      if (name) {
        raw.say(name, 1, fields);
      }
      const over = () => ['play.done', 'error'].includes(names[1].at(-1)) || answer === 'closed';
      while (!over() || (name && names[2].length === 0)) {
        const message = await raw.next();
        names[message.request].push(message.name);
      }
      assert.deepEqual(names[2], name ? [answer] : []);
      const kinds = [...new Set(names[1])];
      const wanted = track === 3 ? ['play.opened', 'error'] : all;
      assert.deepEqual(kinds, answer === 'closed' ? wanted.slice(0, kinds.length) : wanted);
      raw.destroy();
    }
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

  test('what is asked for at once ends where the track did when it was opened', async () => {
    const growing = await begun(0);
    await starting(growing, async (start) => {
      for (const from of [0, 1, 2 ** 40]) {
        const { player, got } = await start({ track: 1, from });
        assert.equal(got.length, 0);
        assert.deepEqual(await player.update(1), { length: 0, state: 'unfinished' });
        await player.close();
      }
      let writes = true;
      const written = writing(growing, async (recording) => {
        await grow(recording, 0, source.length);
        await recording.finish();
      }).finally(() => {
        writes = false;
      });
      for (let from = 0; writes;) {
        const { player, got } = await start({ track: 1, from });
        const { length } = player.entry.tracks[0];
        assert.ok(got.equals(source.subarray(from, length)), `${from} to ${length}`);
        await player.close();
        from = length;
      }
      await written;
      const { player, got } = await start({ track: 1 });
      assert.ok(got.equals(source));
      assert.equal((await player.update(1)).state, 'finished');
    });
  });

  test('an empty track, finished', async () => {
    const empty = await begun(0);
    await writing(empty, (recording) => recording.finish());
    await starting(empty, async (start) => {
      for (const from of [0, 1]) {
        const { player, got } = await start({ track: 1, from });
        assert.equal(got.length, 0);
        assert.deepEqual(await player.update(1), { length: 0, state: 'finished' });
      }
    });
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
