// Several at once on one recording, one track or one stream: who wins, what the others are told, and that nothing
// acknowledged is lost whoever does.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { Player } from '../peer/player.mjs';
import { encode } from '../peer/wire.mjs';
import { DEADLINE, Store, missing, refused, waitFor } from './harness.mjs';
import { Raw } from './raw.mjs';
import { ALICE, BOB, SOURCE, appendTo, begin, connecting, outcomes, playedLength, seenBy } from './tracks.mjs';

const TYPE = { type: 'video/webm' };
const NONCE = Buffer.alloc(16, 5);
const STREAM = 1;

let store;
let ingest;
let playback;

const inRounds = async (count, body) => {
  for (let round = 0; round < count; round++) {
    await body(round);
  }
};

/** For what is retried until the daemon is done with what is in its way. */
const patiently = (work) => waitFor(() => work().catch((error) => {
  if (!refused('busy')(error)) {
    throw error;
  }
  assert.ok(error.retryMs > 0, 'busy, but nobody says for how long');
  return null;
}), { what: 'the end of busy' });

const assertAll = (errors, code) => errors.forEach((error) => assert.ok(refused(code)(error), String(error)));

describe('several at once', { skip: missing(), timeout: 2 * DEADLINE }, () => {
  let from;

  before(async () => {
    store = await Store.serve();
    ingest = await store.service('ingest');
    playback = await store.service('playback');
  });

  after(() => store?.remove());

  beforeEach(() => {
    from = store.log.length;
  });

  // Whatever the test was about: the daemon found nothing broken and no connection out of step.
  afterEach(() => {
    for (const event of ['corrupt', 'out_of_state', 'fatal']) {
      assert.deepEqual(store.events(event, from), []);
    }
  });

  describe('resuming', () => {
    test('of resumes at once the newest alone stands, and nothing acknowledged is lost', () => inRounds(8, () =>
      connecting(ingest, 4, async (first, ...others) => {
        const recording = await begin(store, first);
        const older = await recording.track(TYPE);
        await appendTo(older, 1000);
        await older.sync();
        await appendTo(older, 1500); // perhaps lost: nobody said that it is durable
        const { won, lost } = await outcomes(others.map((other) => seenBy(store, other, recording).resume(1)));
        assertAll(lost, 'conflict');
        const newest = Math.max(...won.map(({ generation }) => generation));
        assert.equal(newest, older.generation + others.length, 'the newest was refused');
        const { won: [survivor, ...more], lost: ended } = await outcomes([older, ...won].map(async (writer) => {
          await appendTo(writer, 2000);
          await writer.sync();
          return writer;
        }));
        assertAll(ended, 'conflict');
        assert.deepEqual(more, []);
        assert.equal(survivor?.generation, newest);
        await survivor.close();
        await seenBy(store, others[0], recording).finish();
        assert.equal(await playedLength(store, recording), 2000);
      })));

    test('a track is resumed that had not a single segment yet', () => inRounds(3, async () => {
      const recording = await connecting(ingest, 1, async (connection) => {
        const opened = await begin(store, connection);
        await opened.track(TYPE);
        return opened;
      });
      await connecting(ingest, 1, async (connection) => {
        const again = seenBy(store, connection, recording);
        const writer = await again.resume(1);
        assert.deepEqual([writer.track, writer.durable], [1, 0]);
        await appendTo(writer, 700);
        await writer.close();
        await again.finish();
      });
      assert.equal(await playedLength(store, recording), 700);
    }));

    test('the same record.track finds the same track, from where it is durable', () => connecting(ingest, 2,
      async (one, two) => {
        const recording = await begin(store, one);
        const wanted = { ...TYPE, nonce: NONCE };
        const first = await recording.track(wanted);
        const second = await seenBy(store, two, recording).track(wanted);
        assert.deepEqual([second.track, second.durable, second.generation], [1, 0, first.generation + 1]);
        await assert.rejects(first.sync(), refused('conflict'));
        await appendTo(second, 300);
        await second.close();
        const third = await recording.track(wanted);
        assert.deepEqual([third.track, third.durable], [1, 300]);
        await appendTo(third, 400);
        await third.close();
        assert.equal(await playedLength(store, recording), 400);
        // A nonce stands for one track, and a track for one nonce.
        await assert.rejects(recording.track({ ...wanted, track: 2 }), refused('conflict'));
        await assert.rejects(recording.track({ ...TYPE, track: 1 }), refused('conflict'));
        assert.equal((await recording.track(TYPE)).track, 2);
      }));

    test('the same record.track from several at once makes one track', () => inRounds(5, () => connecting(ingest, 4,
      async (...all) => {
        const recording = await begin(store, all[0]);
        const { won, lost } = await outcomes(all.map((connection) => seenBy(store, connection, recording)
          .track({ ...TYPE, nonce: NONCE })));
        assertAll(lost, 'conflict');
        assert.deepEqual([...new Set(won.map(({ track }) => track))], [1]);
        const survivor = won.find(({ generation }) => generation === all.length);
        assert.ok(survivor, 'the newest was refused');
        await appendTo(survivor, 50);
        await survivor.close();
        await recording.finish();
        assert.equal((await seenBy(store, all[1], recording).finish()).tracks, 1);
        assert.equal(await playedLength(store, recording), 50);
      })));
  });

  test('after track 65535 the daemon numbers from the lowest that is free', () => connecting(ingest, 1,
    async (connection) => {
      const recording = await begin(store, connection);
      for (const [asked, given] of [[65535, 65535], [0, 1], [3, 3], [0, 2], [0, 4], [65534, 65534], [0, 5]]) {
        const writer = await recording.track({ ...TYPE, track: asked });
        assert.equal(writer.track, given, `asked for ${asked}`);
        await appendTo(writer, given % 1000);
        await writer.close();
      }
      assert.equal((await recording.finish()).tracks, 7);
      assert.equal(await playedLength(store, recording, 65535), 535);
      assert.equal(await playedLength(store, recording, 1), 1);
    }));

  describe('finishing', () => {
    /** A recording of one closed track with so many segments, so that finishing it takes a while. */
    const ofSegments = async (connection, count) => {
      const recording = await begin(store, connection);
      const writer = await recording.track(TYPE);
      for (let i = 1; i <= count; i++) {
        await appendTo(writer, i * 40);
        await writer.sync();
      }
      await writer.close();
      return recording;
    };

    test('several finishes at once give one answer, and the recording plays', () => inRounds(2, () => connecting(
      ingest, 4, async (...all) => {
        const recording = await ofSegments(all[0], 150);
        const finish = (connection) => seenBy(store, connection, recording).finish();
        const { won, lost } = await outcomes([...all, ...all].map(finish));
        assertAll(lost, 'busy');
        lost.forEach(({ retryMs }) => assert.ok(retryMs > 0));
        assert.ok(won.length > 0, 'nobody finished');
        const [{ finished }] = won;
        for (const answer of [...won, ...await Promise.all(all.map((one) => patiently(() => finish(one))))]) {
          assert.deepEqual([answer.finished, answer.tracks], [finished, 1]);
        }
        assert.equal(await playedLength(store, recording), 150 * 40);
      })));

    test('a recording that somebody writes is busy, and its writer does not notice', () => connecting(ingest, 2,
      async (one, two) => {
        const recording = await begin(store, one);
        const writers = [await recording.track(TYPE), await recording.track(TYPE)];
        await appendTo(writers[0], 900);
        for (const writer of writers) {
          const error = await seenBy(store, two, recording).finish().catch((reason) => reason);
          assert.ok(refused('busy')(error), String(error));
          assert.ok(error.retryMs > 0);
          await appendTo(writer, 1000);
          await writer.close();
        }
        await seenBy(store, two, recording).finish();
        assert.equal(await playedLength(store, recording, 1), 1000);
        assert.equal(await playedLength(store, recording, 2), 1000);
      }));

    test('of a finish and a resume at once exactly one goes through', () => inRounds(8, (round) => connecting(ingest, 2,
      async (one, two) => {
        const recording = await ofSegments(one, 20);
        const calls = {
          finish: () => recording.finish(),
          resume: () => seenBy(store, two, recording).resume(1),
        };
        // They go out in the same turn, by turns in either order.
        const order = round % 2 ? ['finish', 'resume'] : ['resume', 'finish'];
        const settled = Object.fromEntries(await Promise.all(order.map((name) => calls[name]()
          .then((value) => [name, { value }], (error) => [name, { error }]))));
        const { finish, resume } = settled;
        assert.equal(Boolean(finish.value), Boolean(resume.error), `${finish.error}; ${resume.error}`);
        if (finish.value) {
          assertAll([resume.error], 'conflict');
        } else {
          assertAll([finish.error], 'busy');
          await appendTo(resume.value, 5000);
          await resume.value.close();
          await patiently(() => recording.finish());
        }
        assert.equal(await playedLength(store, recording), finish.value ? 800 : 5000);
        await assert.rejects(seenBy(store, two, recording).resume(1), refused('conflict'));
      })));
  });

  describe('renewing', () => {
    let unfinished;
    let finished;

    before(() => connecting(ingest, 1, async (connection) => {
      [unfinished, finished] = [await begin(store, connection), await begin(store, connection)];
      for (const recording of [unfinished, finished]) {
        const writer = await recording.track(TYPE);
        await appendTo(writer, 6_000_000);
        await writer.close();
      }
      await finished.finish();
    }));

    /** Sends these messages of STREAM in one piece; they are requests 1000, 1001, … */
    const together = (raw, ...messages) => raw.send(...messages.map(([name, fields], i) => raw.frame(
      encode(name, STREAM, BigInt(1000 + i), fields))));

    const renewal = (identity, scope) => ['grant.renew', { grant: store.mint(identity, scope) }];

    /** A caller with a writer of a new track, or with a player, on STREAM. */
    async function streaming(kind, recording = unfinished) {
      const raw = await Raw.open(kind === 'writer' ? ingest : playback);
      if (kind === 'writer') {
        const { id } = await connecting(ingest, 1, (connection) => begin(store, connection));
        raw.say('record.track', STREAM, {
          grant: store.mint(ALICE, 'record'), recording: id, nonce: NONCE, track: 0, start: 0, label: '', ...TYPE,
        });
        await raw.until('record.ready');
      } else {
        raw.say('play.open', STREAM, { grant: store.mint(ALICE, 'play'), recording: recording.id });
        await raw.until('play.opened');
      }
      return raw;
    }

    /** All messages up to the one that `last` is true of. */
    async function collect(raw, last) {
      const messages = [];
      do {
        messages.push(await raw.next());
        assert.ok(messages.at(-1), 'the daemon closed the connection');
      } while (!last(messages));
      return messages;
    }

    const whole = { track: 1, from: 0, length: 6_000_000 };
    const underWay = [
      ['a table is awaited', () => unfinished, async (raw) => {
        // At the end of an unfinished track the answer waits for more.
        raw.say('play.table', STREAM, { track: 1, from: 0, want: 0 });
        const { head } = await raw.until('play.table.reply');
        return [['play.table', { track: 1, from: head.segments, want: 1 }], 'play.table.reply'];
      }],
      ['a read is under way', () => finished, async () => [['play.read', whole], 'play.done']],
    ];
    const renewals = [
      ['accepted', ALICE, ({ name }) => assert.equal(name, 'grant.renewed')],
      ['refused', BOB, ({ name, code, ended }) => assert.deepEqual([name, code, ended], ['error', 'denied', false])],
    ];
    for (const [what, recording, ask] of underWay) {
      for (const [how, identity, check] of renewals) {
        test(`while ${what}, a renewal is ${how}, and the stream goes on`, async () => {
          const raw = await streaming('player', recording());
          const [question, answer] = await ask(raw);
          together(raw, question, renewal(identity, 'play'));
          const isRenewal = ({ request }) => request === 1001n;
          const messages = await collect(raw, (all) => all.some(isRenewal) &&
            all.some(({ name, request }) => name === answer && request === 1000n));
          check(messages.find(isRenewal));
          assert.equal(messages.filter(isRenewal).length, 1);
          assert.ok(messages.every((one) => isRenewal(one) || one.name !== 'error'));
          raw.say('play.read', STREAM, { ...whole, length: 9 });
          assert.equal((await raw.until('play.done')).length, 9);
          raw.destroy();
        });
      }
    }

    for (const [kind, scope] of [['writer', 'record'], ['player', 'play']]) {
      test(`of two renewals of a ${kind} at once the second is busy`, async () => {
        const raw = await streaming(kind);
        together(raw, renewal(ALICE, scope), renewal(ALICE, scope));
        const answers = await collect(raw, (all) => all.length === 2);
        answers.sort((a, b) => Number(a.request - b.request));
        assert.deepEqual(answers.map(({ name }) => name), ['grant.renewed', 'error']);
        const [, { code, ended, retryMs }] = answers;
        assert.deepEqual([code, ended, retryMs], ['busy', false, 0]);
        // One after the other they pass.
        together(raw, renewal(ALICE, scope));
        assert.equal((await raw.next()).name, 'grant.renewed');
        raw.destroy();
      });

      test(`a ${kind} that closes during its renewal takes nothing else with it`, () => inRounds(12, async (round) => {
        const raw = await streaming(kind);
        together(raw, renewal(ALICE, scope));
        // The close comes a little later each time: while the grant is verified, stored, or answered.
        for (let i = 0; i < round; i++) {
          raw.say('ping', 0, {});
          await raw.until('pong');
        }
        raw.say('close', STREAM, {});
        const messages = await collect(raw, (all) => all.at(-1).name === 'closed');
        assert.ok(messages.every(({ name }) => ['grant.renewed', 'closed'].includes(name)));
        // Opening another stream takes longer than what is left of the renewal.
        raw.say(kind === 'writer' ? 'record.resume' : 'play.open', STREAM + 1, {
          grant: store.mint(ALICE, scope), recording: unfinished.id, track: 1,
        });
        await raw.until(kind === 'writer' ? 'record.ready' : 'play.opened');
        raw.destroy();
      }));
    }
  });

  test('sync is answered for what came before it, however much is appended behind', () => connecting(ingest, 1,
    async (connection) => {
      const { id } = await begin(store, connection);
      const stream = connection.stream();
      await stream.send('record.track', {
        grant: store.mint(ALICE, 'record'), recording: id, nonce: NONCE, track: 0, start: 0, label: '', ...TYPE,
      });
      const { window } = await stream.next('record.ready');
      let [sent, durable, over] = [0, 0, false];
      const appending = (async () => {
        while (!over) {
          for (let i = 0; i < 20 && sent + 200 - durable < window; i++, sent += 200) {
            const at = sent % (SOURCE.length - 200);
            await stream.send('record.append', { offset: sent, mediaTime: null, media: SOURCE.subarray(at, at + 200) });
          }
          await new Promise(setImmediate);
        }
      })();
      try {
        for (let i = 0; i < 10; i++) {
          const asked = sent;
          await stream.send('record.sync', {});
          let [late, name] = [0, ''];
          while (name !== 'record.synced') {
            ({ name, durable } = await stream.next('record.ack', 'record.synced'));
            late += name === 'record.ack' && durable >= asked ? 1 : 0;
          }
          assert.ok(durable >= asked);
          assert.ok(late <= 2, `${late} acknowledgements said so before the answer did`);
        }
      } finally {
        over = true;
        await appending;
      }
    }));

  test('64 players of one session all get their bytes, by turns', async () => {
    const recording = await connecting(ingest, 1, async (connection) => {
      const opened = await begin(store, connection);
      const writer = await opened.track(TYPE);
      await appendTo(writer, 700_000);
      await writer.close();
      await opened.finish();
      return opened;
    });
    await connecting(playback, 1, async (connection) => {
      const grant = store.mint(ALICE, 'play');
      const players = await Promise.all(Array.from({ length: 64 }, () => Player.open(connection, grant, recording.id)));
      await Promise.all(players.map(async (player, i) => {
        await player.update(1);
        assert.ok((await player.readAll(1, i, 600_000 + i)).equals(SOURCE.subarray(i, 600_000 + i)), `player ${i}`);
      }));
    });
  });
});
