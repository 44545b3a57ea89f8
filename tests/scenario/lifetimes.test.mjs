// How sessions, streams and the daemon itself end or change in the middle of work: what was acknowledged is there
// afterwards, what has no right to go on does not, and nothing grows without bound.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Client } from '../peer/client.mjs';
import { Refusal } from '../peer/connection.mjs';
import { Player } from '../peer/player.mjs';
import { BIN_RELEASE, DEADLINE, Store, missing, refused, waitFor } from './harness.mjs';
import { addIssuer, makeKeys, token } from './issuers.mjs';
import { Raw } from './raw.mjs';
import { ALICE, SOURCE, appendTo, begin, connecting, playedLength, seenBy } from './tracks.mjs';

const TYPE = { type: 'video/webm' };
const NONCE = Buffer.alloc(16, 6);
const timeout = 2 * DEADLINE;
const now = () => Math.floor(Date.now() / 1000);

/** Segments close soon, so that acknowledgements come soon, and little is on its way. */
const BRISK = [['store', 'max_delay_ms', '100'], ['limits', 'window_kib', '1024']];

/** SOURCE poured into a track as fast as the window lets it, until the stream ends or there is no more. */
class Pouring {
  /** What the daemon has acknowledged, every last message read. */
  acknowledged = 0;
  acknowledgements = 0;

  #ended = false;
  #wake = () => {};

  constructor(stream, { durable, window }) {
    this.sent = this.acknowledged = durable;
    // Neither is an error here: the stream is meant to end.
    const listening = this.#listen(stream).catch(() => {
      this.#ended = true;
      this.#wake();
    });
    this.over = Promise.all([listening, this.#pour(stream, window).catch(() => {})]);
  }

  static async begin(store, connection, { id }) {
    const stream = connection.stream();
    await stream.send('record.track', {
      grant: store.mint(ALICE, 'record'), recording: id, nonce: NONCE, track: 1, start: 0, label: '', ...TYPE,
    });
    return new Pouring(stream, await stream.next('record.ready'));
  }

  async #listen(stream) {
    for (;;) {
      this.acknowledged = (await stream.next('record.ack')).durable;
      this.acknowledgements++;
      this.#wake();
    }
  }

  async #pour(stream, window) {
    while (!this.#ended && this.sent < SOURCE.length) {
      const end = Math.min(this.sent + 30_000, this.acknowledged + window, SOURCE.length);
      if (end === this.sent) {
        await new Promise((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const media = SOURCE.subarray(this.sent, end);
      await stream.send('record.append', { offset: this.sent, mediaTime: null, media });
      this.sent = end;
      await new Promise(setImmediate);
    }
  }
}

/** What of the daemon's memory is its own, in KiB. */
const ownMemory = (pid) => Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

/** Every line that the daemon of a store wrote is one of its log: no sanitizer had anything to say. */
const assertClean = (store) => assert.deepEqual(store.log.filter((line) => !line.startsWith('time=')), []);

describe('sessions and streams that end', { skip: missing(), timeout }, () => {
  let store;
  let ingest;
  let playback;

  before(async () => {
    store = await Store.serve({ options: [...BRISK, ['grants', 'skew_s', '0']] });
    ingest = await store.service('ingest');
    playback = await store.service('playback');
  });

  after(() => store?.remove());

  test('a service that is removed loses its sessions, the half-confirmed ones too', async () => {
    const leaving = await store.service('ingest,playback', 'leaving');
    // The handshake is done, but no frame has shown yet that the caller has the service's key.
    const half = await Raw.open(leaving);
    const idle = await Raw.open(leaving);
    idle.say('ping', 0, {});
    assert.equal((await idle.next()).name, 'pong');
    await connecting(leaving, 1, async (connection) => {
      const recording = await begin(store, connection);
      const writer = await recording.track(TYPE);
      await appendTo(writer, 1000);
      await writer.sync();
      await appendTo(writer, 1500);
      await Player.open(connection, store.mint(ALICE, 'play'), recording.id);
      await store.connected(store.operator, (client) => client.removeService('leaving'));

      half.say('ping', 0, {});
      assert.equal(await half.next(), null, 'the half-confirmed session is answered');
      assert.ok((await idle.rest()).every(({ name }) => name === 'goodbye'));
      const why = await connection.over;
      assert.ok(!(why instanceof Refusal) || why.code !== 'ok', String(why));
      await assert.rejects(Client.connect(leaving));
      // A writer stays until what the daemon had received is durable.
      await waitFor(async () => {
        const { players_now: players, writers_now: writers } = await store.stats();
        return players + writers === 0;
      }, { what: 'the end of the removed service\'s streams' });
      // The others notice nothing, and take the recording up where it is durable.
      await connecting(ingest, 1, async (other) => {
        const resumed = await seenBy(store, other, recording).resume(1);
        assert.ok(resumed.durable >= 1000);
        await appendTo(resumed, 2000);
        await resumed.close();
      });
      assert.equal(await playedLength(store, recording), 2000);
    });
  });

  test('a player that only stands there is ended with its grant, and its connection stands', async () => {
    const recording = await connecting(ingest, 1, async (connection) => {
      const opened = await begin(store, connection);
      await (await opened.track(TYPE)).close();
      return opened;
    });
    await connecting(playback, 1, async (connection) => {
      const { players_now: already } = await store.stats();
      const stream = connection.stream();
      const grant = store.mint(ALICE, 'play', { claims: { exp: now() + 3 } });
      await stream.send('play.open', { grant, recording: recording.id });
      await stream.next('play.opened');
      assert.equal((await store.stats()).players_now, already + 1);
      const error = await stream.next('nothing').catch((reason) => reason);
      assert.ok(refused('expired')(error) && error.ended, String(error));
      assert.equal((await store.stats()).players_now, already);
      await Player.open(connection, store.mint(ALICE, 'play'), recording.id);
    });
  });

  test('a track whose file is not there, and never had a byte, is finished like any other', async () => {
    const recording = await connecting(ingest, 1, async (connection) => {
      const opened = await begin(store, connection);
      await (await opened.track(TYPE)).close();
      const writer = await opened.track(TYPE);
      await appendTo(writer, 100);
      await writer.close();
      return opened;
    });
    await store.stop();
    // As after a crash between the row and its file.
    const [file, ...others] = readdirSync(store.path('blobs'), { recursive: true })
      .filter((name) => name.endsWith(`${recording.id}.1.0`));
    assert.deepEqual([typeof file, others], ['string', []]);
    unlinkSync(store.path('blobs', file));
    await store.start();
    await connecting(ingest, 1, async (connection) => {
      assert.equal((await seenBy(store, connection, recording).finish()).tracks, 2);
    });
    assert.equal(await playedLength(store, recording, 1), 0);
    assert.equal(await playedLength(store, recording, 2), 100);
  });
});

describe('who sends and never reads', { skip: missing(undefined, BIN_RELEASE), timeout }, () => {
  const REQUESTS = 20_000;
  let store;

  before(async () => {
    store = await Store.serve({ bin: BIN_RELEASE });
  });

  after(() => store?.remove());

  /** Waits until the daemon takes nothing more from anybody but who asks here. */
  const idle = () => store.connected(store.operator, async (client) => {
    const received = async () => (await client.stats()).bytes_received;
    const first = await received();
    const own = await received() - first;
    let [last, still] = [first, 0];
    await waitFor(async () => {
      const next = await received();
      still = next - last <= own ? still + 1 : 0;
      last = next;
      return still === 20;
    }, { what: 'that the daemon stops reading' });
  });

  test('costs the daemon little, and goes on when it reads', async () => {
    const raw = await Raw.open(await store.service('audit'));
    raw.say('ping', 0, {});
    assert.equal((await raw.next()).name, 'pong');
    const was = ownMemory(store.pid);
    raw.pause();
    for (let i = 0; i < REQUESTS; i++) {
      raw.say('stats', 0, {});
    }
    await idle();
    const grown = ownMemory(store.pid) - was;
    // The answers of all of them would be more than 20 MiB.
    assert.ok(grown < 8 * 1024, `${grown} KiB for who reads nothing`);
    raw.resume();
    for (let i = 0; i < REQUESTS; i++) {
      assert.equal((await raw.next()).name, 'stats.reply');
    }
    raw.destroy();
  });
});

describe('a daemon that ends in the midst of work', { skip: missing(), timeout }, () => {
  let store;
  let ingest;
  let playback;

  before(async () => {
    store = await Store.serve({ options: BRISK });
    ingest = await store.service('ingest');
    playback = await store.service('playback');
  });

  after(() => store?.remove());

  /** Reads a recording again and again until the connection ends. */
  async function playOn(connection, { id }) {
    const player = await Player.open(connection, store.mint(ALICE, 'play'), id);
    await player.update(1);
    for (;;) {
      await player.readAll(1);
    }
  }

  /** The durable length that a resume finds; the track is left as it is. */
  const durableNow = (recording) => connecting(ingest, 1, async (connection) => (
    await seenBy(store, connection, recording).resume(1)).durable);

  test('SIGTERM: it ends well, and everything acknowledged plays afterwards', async () => {
    const finished = await connecting(ingest, 1, async (connection) => {
      const opened = await begin(store, connection);
      const writer = await opened.track(TYPE);
      await appendTo(writer, 2_000_000);
      await writer.close();
      await opened.finish();
      return opened;
    });
    for (let round = 0; round < 6; round++) {
      await connecting(ingest, 6, (...writing) => connecting(playback, 2, async (...playing) => {
        const [connections, successors] = [writing.slice(0, 3), writing.slice(3)];
        const recordings = await Promise.all(connections.map((connection) => begin(store, connection)));
        const pourings = await Promise.all(recordings.map((recording, i) =>
          Pouring.begin(store, connections[i], recording)));
        const played = Promise.allSettled(playing.map((connection) => playOn(connection, finished)));
        await waitFor(() => pourings.every(({ acknowledgements }) => acknowledgements > 0));
        // Others want the same tracks when the signal comes: not yet read, or waiting for the writers to end.
        const resumed = Promise.allSettled(successors.map((connection, i) =>
          seenBy(store, connection, recordings[i]).resume(1)));
        for (let i = 0; i < 4 * round; i++) {
          await successors[0].request('ping', {}, 'pong');
        }
        const stopped = store.stop();
        await Promise.all([stopped, played, resumed, ...pourings.map(({ over }) => over)]);
        await store.start();
        for (const [i, { acknowledged }] of pourings.entries()) {
          assert.ok(acknowledged > 0);
          const durable = await durableNow(recordings[i]);
          assert.ok(durable >= acknowledged, `${durable} of ${acknowledged} acknowledged`);
          assert.equal(await playedLength(store, recordings[i]), durable);
        }
      }));
    }
    assertClean(store);
  });

  test('SIGKILL: everything acknowledged plays afterwards, and the call goes on', async () => {
    const recording = await connecting(ingest, 1, (connection) => begin(store, connection));
    let acknowledged = 0;
    for (let round = 0; round < 12; round++) {
      await connecting(ingest, 1, async (connection) => {
        const pouring = await Pouring.begin(store, connection, recording);
        assert.ok(pouring.acknowledged >= acknowledged, `${pouring.acknowledged} of ${acknowledged} acknowledged`);
        const begun = pouring.sent;
        // Each time at another place: before the first acknowledgement, right after one, and with more or less behind.
        await waitFor(() => pouring.acknowledgements >= round % 3 && pouring.sent - begun >= round * 20_000);
        await store.kill();
        await pouring.over;
        ({ acknowledged } = pouring);
      });
      await store.start();
      assert.ok(await playedLength(store, recording) >= acknowledged);
    }
    assert.ok(acknowledged > 0);
    // The same in mid-finish.
    for (let round = 0; round < 3; round++) {
      await connecting(ingest, 1, async (connection) => {
        const answer = seenBy(store, connection, recording).finish().catch((error) => error);
        await Promise.all([answer, store.kill()]);
      });
      await store.start();
      assert.ok(await playedLength(store, recording) >= acknowledged);
    }
    await connecting(ingest, 1, (connection) => seenBy(store, connection, recording).finish());
    assert.ok(await playedLength(store, recording) >= acknowledged);
    assertClean(store);
  });
});

describe('SIGHUP', { skip: missing(), timeout }, () => {
  const ISS = 'https://id.example';
  const [older, newer] = [makeKeys(), makeKeys()];
  let store;
  let ingest;
  let playback;

  const grantBy = (keys, scope) => token(keys, { alg: 'EdDSA', typ: 'sealreel-grant+jwt', kid: 'ed' }, {
    iss: ISS, sub: ALICE, aud: store.id, iat: now(), exp: now() + 300, jti: `${Math.random()}`, scope,
    act: { sub: 'dr-scenario', role: 'clinician' },
  });

  const opens = (connection, keys, { id }) => Player.open(connection, grantBy(keys, 'play'), id);

  async function reload(event) {
    const from = store.log.length;
    store.child.kill('SIGHUP');
    return store.logged(event, { from });
  }

  before(async () => {
    store = await Store.make();
    addIssuer(store, 'clinic', ISS, [older.ed.jwk]);
    await store.start();
    ingest = await store.service('ingest');
    playback = await store.service('playback');
  });

  after(() => store?.remove());

  test('issuers are read again, and streams with grants of before go on', () => connecting(ingest, 1, (writing) =>
    connecting(playback, 1, async (playing) => {
      const recording = await begin(store, writing);
      const writer = await seenBy(store, writing, recording).track(TYPE);
      await appendTo(writer, 500);
      await writer.sync();
      const player = await opens(playing, older, recording);
      await player.update(1);
      await assert.rejects(opens(playing, newer, recording), refused('unauthenticated'));

      // The issuer's key is followed by another, and the development issuer's by one it cannot use.
      addIssuer(store, 'clinic', ISS, [newer.ed.jwk]);
      store.set('issuer dev', 'jwks', 'issuers/clinic.jwks');
      await reload('reloaded');

      await assert.rejects(opens(playing, older, recording), refused('unauthenticated'));
      await assert.rejects(begin(store, writing), refused('unauthenticated'));
      await opens(playing, newer, recording);
      await appendTo(writer, 900);
      assert.equal(await writer.close(), 900);
      assert.ok((await player.readAll(1)).equals(SOURCE.subarray(0, 500)));
      // The old key renews nothing, the new one does: issuer, patient and actor are the same.
      await assert.rejects(player.renew(grantBy(older, 'play')), refused('unauthenticated'));
      await player.renew(grantBy(newer, 'play'));
      await player.update(1, { wait: true });
      assert.ok((await player.readAll(1)).equals(SOURCE.subarray(0, 900)));
    })));

  test('a file that is wrong is one line in the log, and the settings stay', () => connecting(playback, 1,
    async (connection) => {
      const good = readFileSync(store.path('sealreel.ini'));
      for (const wrong of ['[store]\nno such line\n', `${good}[issuer other]\niss = x\njwks = issuers/absent.jwks\n`,
        `${good}[limits]\nwindow_kib = 5\n`]) {
        writeFileSync(store.path('sealreel.ini'), wrong);
        const from = store.log.length;
        const [{ level, ...event }] = await reload('reload_failed');
        assert.equal(level, 'error');
        assert.match(JSON.stringify(event), /sealreel\.ini|absent/);
        // Nobody knows the recording, but the grant is believed.
        await assert.rejects(opens(connection, newer, { id: '01890000-0000-7000-8000-000000000000' }),
          refused('not_found'));
        await assert.rejects(opens(connection, older, { id: '01890000-0000-7000-8000-000000000000' }),
          refused('unauthenticated'));
        const own = store.lines(from).filter(({ event: name }) => /reload/.test(name));
        assert.equal(own.length, 1);
      }
      writeFileSync(store.path('sealreel.ini'), good);
      await reload('reloaded');
    }));
});
