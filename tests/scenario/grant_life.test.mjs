// What a grant is good for over its life: playing ends with it and goes on with a new one, recording loses nothing by
// it, a consultation stays with its patient, and a role does what its table says and nothing else.
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { readCredential } from '../peer/client.mjs';
import { Connection } from '../peer/connection.mjs';
import { Player } from '../peer/player.mjs';
import { NO_ID, ROLES } from '../peer/wire.mjs';
import { Recording, newRecordingId } from '../peer/writer.mjs';
import { Store, missing, refused, waitFor } from './harness.mjs';
import { Raw } from './raw.mjs';

const CHUNK = 16384;
const GRACE = 6;
const ALICE = 'https://clinic.example/mrn|alice';
const BOB = 'https://clinic.example/mrn|bob';
const NONCE = Buffer.alloc(16, 3);

const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 5), Buffer.alloc(16));
const SOURCE = cipher.update(Buffer.alloc(24 * 1024 * 1024 + 77));

let store;
let ingest;
let playback;

const now = () => Math.floor(Date.now() / 1000);

/** A grant that is good for so many seconds, and at most one more: its end is a whole second. */
const ending = (identity, scope, seconds) => store.mint(identity, scope, {
  claims: { exp: now() + 1 + seconds, iat: now() - 5 },
});

/** Waits until this grant has been over for `more` seconds. */
async function over(grant, more = 0) {
  const { exp } = JSON.parse(Buffer.from(grant.split('.')[1], 'base64url'));
  // The daemon's clock may be that of the last tick.
  await waitFor(() => Date.now() > (exp + more) * 1000 + 50);
}

/** Runs `body(connection)` as a service. */
async function calling(credential, body) {
  const connection = await Connection.open(readCredential(credential));
  try {
    return await body(connection);
  } finally {
    await connection.close();
  }
}

/** A recording with `media` in track 1, unfinished. */
const begin = (connection, grant, media) => Recording.open(connection, grant, { id: newRecordingId() })
  .then(async (recording) => {
    const writer = await recording.track({ type: 'video/webm' });
    await writer.append(media);
    await writer.sync();
    return { recording, writer };
  });

const lengthOf = (id) => calling(playback, async (connection) => {
  const player = await Player.open(connection, store.mint(ALICE, 'play'), id);
  const { length } = await player.update(1);
  assert.ok((await player.readAll(1)).equals(SOURCE.subarray(0, length)));
  return length;
});

describe('the life of a grant', { skip: missing() }, () => {
  before(async () => {
    store = await Store.serve({
      options: [['grants', 'skew_s', '0'], ['store', 'record_grace_s', String(GRACE)], ['store', 'max_delay_ms', '100']],
    });
    ingest = await store.service('ingest');
    playback = await store.service('playback');
  });

  after(() => store?.remove());

  describe('playing', () => {
    let id;

    before(async () => {
      id = await store.connected(ingest, (client) => store.record(client, ALICE, { tracks: [{ media: SOURCE }] }));
    });

    test('ends with the grant, between two chunks, and every byte before is the source\'s', () => calling(playback,
      async (connection) => {
        const player = await Player.open(connection, ending(ALICE, 'play', 2), id);
        await player.update(1);
        let got;
        // Again and again until the grant is over: how long one pass takes does not matter.
        await assert.rejects(async () => {
          for (;;) {
            got = [];
            for await (const part of player.read(1)) {
              got.push(part);
            }
          }
        }, refused('expired'));
        const bytes = Buffer.concat(got);
        assert.ok(bytes.equals(SOURCE.subarray(0, bytes.length)));
        assert.equal(bytes.length % CHUNK, 0);
        // The connection stands, and a new grant opens it again.
        const again = await Player.open(connection, ending(ALICE, 'play', 30), id);
        await again.update(1);
        assert.ok((await again.readAll(1, 5, 99)).equals(SOURCE.subarray(5, 99)));
      }));

    test('a table that is asked for after the end is refused, too', () => calling(playback, async (connection) => {
      const grant = ending(ALICE, 'play', 1);
      const player = await Player.open(connection, grant, id);
      await over(grant);
      await assert.rejects(player.update(1), refused('expired'));
    }));

    test('goes on past its end when the grant is renewed', () => calling(playback, async (connection) => {
      const grant = ending(ALICE, 'play', 2);
      const player = await Player.open(connection, grant, id);
      await player.update(1);
      const expires = now() + 300;
      assert.equal(await player.renew(store.mint(ALICE, 'play', { claims: { exp: expires } })), expires);
      await over(grant);
      assert.ok((await player.readAll(1)).equals(SOURCE));
    }));

    test('is renewed in the middle of a read, which goes on', async () => {
      const raw = await Raw.open(playback);
      raw.say('play.open', 1, { grant: ending(ALICE, 'play', 2), recording: id });
      await raw.until('play.opened');
      const expires = now() + 300;
      raw.say('play.read', 1, { track: 1, from: 0, length: SOURCE.length });
      raw.say('grant.renew', 1, { grant: store.mint(ALICE, 'play', { claims: { exp: expires } }) });
      const names = [];
      for (let message; message?.name !== 'play.done';) {
        message = await raw.next();
        names.push(message.name);
        assert.notEqual(message.name, 'error', message.text);
        assert.ok(message.name !== 'grant.renewed' || message.expires === expires);
      }
      assert.equal(names.filter((name) => name === 'grant.renewed').length, 1);
      raw.destroy();
    });

    const doctor = { sub: 'dr-scenario', role: 'clinician' };
    for (const [what, make, code, words] of [
      ['another patient', () => store.mint(BOB, 'play'), 'denied', /same issuer, patient and actor/],
      ['another actor', () => store.mint(ALICE, 'play', { claims: { act: { ...doctor, sub: 'dr-other' } } }), 'denied',
        /same issuer, patient and actor/],
      ['another role', () => store.mint(ALICE, 'play', { claims: { act: { ...doctor, role: 'guardian' } } }), 'denied',
        /same issuer, patient and actor/],
      ['another purpose', () => store.mint(ALICE, 'play', { claims: { act: { ...doctor, purpose: 'research' } } }),
        'denied', /same issuer, patient and actor/],
      ['no scope for it', () => store.mint(ALICE, 'list'), 'denied', /scope/],
      ['another recording', () => store.mint(ALICE, 'play', { claims: { recording: newRecordingId() } }), 'denied',
        /another recording/],
      ['a grant that is over', () => ending(ALICE, 'play', -1), 'expired', /expired/],
      ['no grant', () => 'no', 'unauthenticated', /token of three parts/],
    ]) {
      test(`a renewal by ${what} is refused, and the stream stands`, () => calling(playback, async (connection) => {
        const player = await Player.open(connection, store.mint(ALICE, 'play'), id);
        await player.update(1);
        await assert.rejects(player.renew(make()), (error) => refused(code)(error) && words.test(error.message));
        assert.ok((await player.readAll(1, 0, 9)).equals(SOURCE.subarray(0, 9)));
      }));
    }
  });

  describe('recording', () => {
    test('a writer goes on past its grant\'s end, and loses nothing at the end of its grace', () => calling(ingest,
      async (connection) => {
        const grant = ending(ALICE, 'record', 1);
        const { recording, writer } = await begin(connection, grant, SOURCE.subarray(0, 999));
        await over(grant);
        await writer.append(SOURCE.subarray(999, 5000));
        assert.equal(await writer.sync(), 5000);
        // Past the grace the stream ends; what was acknowledged stays.
        let at = 5000;
        const failure = await waitFor(async () => {
          try {
            await writer.append(SOURCE.subarray(at, at += 100));
            await writer.sync();
            return null;
          } catch (error) {
            return error;
          }
        });
        assert.ok(refused('expired')(failure), String(failure));
        assert.ok(await lengthOf(recording.id) >= writer.durable);
        // A grant that lives takes it up again where it was, and finishes it.
        const next = new Recording(connection, store.mint(ALICE, 'record'), recording.id);
        const resumed = await next.resume(1);
        const end = resumed.offset + 20_000;
        await resumed.append(SOURCE.subarray(resumed.offset, end));
        assert.equal(await resumed.close(), end);
        await next.finish();
        assert.equal(await lengthOf(recording.id), end);
      }));

    test('in the grace the same grant resumes and finishes; another that is over does not', () => calling(ingest,
      async (connection) => {
        const grant = ending(ALICE, 'record', 1);
        const { recording, writer } = await begin(connection, grant, SOURCE.subarray(0, 100));
        await writer.close();
        const other = ending(ALICE, 'record', 0);
        await over(grant);
        await over(other);
        const asOver = new Recording(connection, other, recording.id);
        await assert.rejects(asOver.resume(1), refused('expired'));
        await assert.rejects(asOver.track({ type: 'a/b' }), refused('expired'));
        await assert.rejects(asOver.finish(), refused('expired'));
        await assert.rejects(Recording.open(connection, grant, { id: newRecordingId() }), refused('expired'));
        const resumed = await recording.resume(1);
        await resumed.append(SOURCE.subarray(100, 200));
        await resumed.close();
        await recording.finish();
        assert.equal(await lengthOf(recording.id), 200);
      }));

    test('the grant that last renewed it resumes it in its own grace', () => calling(ingest, async (connection) => {
      const { recording, writer } = await begin(connection, ending(ALICE, 'record', 2), SOURCE.subarray(0, 100));
      const renewal = ending(ALICE, 'record', 3);
      await writer.renew(renewal);
      await writer.close();
      await over(renewal);
      const resumed = await new Recording(connection, renewal, recording.id).resume(1);
      assert.equal(resumed.offset, 100);
      await resumed.close();
    }));

    test('past the grace the grant does nothing more', () => calling(ingest, async (connection) => {
      const grant = ending(ALICE, 'record', 1);
      const { recording, writer } = await begin(connection, grant, SOURCE.subarray(0, 100));
      await writer.close();
      await over(grant, GRACE);
      await assert.rejects(recording.resume(1), refused('expired'));
      await assert.rejects(recording.finish(), refused('expired'));
      assert.equal(await lengthOf(recording.id), 100);
    }));
  });

  describe('binding', () => {
    test('a consultation of one patient is not another\'s', () => calling(ingest, async (connection) => {
      const claims = { consultation: 'visit-0815' };
      const from = store.log.length;
      await Recording.open(connection, store.mint(ALICE, 'record', { claims }), { id: newRecordingId() });
      await Recording.open(connection, store.mint(ALICE, 'record', { claims }), { id: newRecordingId() });
      assert.equal(store.events('consultation_conflict', from).length, 0);
      const was = await store.stats();
      const wrong = newRecordingId();
      await assert.rejects(Recording.open(connection, store.mint(BOB, 'record', { claims }), { id: wrong }),
        refused('conflict'));
      const [event] = await store.logged('consultation_conflict', { from });
      assert.equal(event.level, 'alarm');
      assert.equal(event.what, 'consultation');
      assert.equal((await store.stats()).consultation_conflict, was.consultation_conflict + 1);
      assert.ok(!store.log.join('\n').includes('visit-0815'));
      // Nothing of it was made, and the patient can be recorded without it.
      await calling(playback, (reader) => assert.rejects(Player.open(reader, store.mint(BOB, 'play'), wrong),
        refused('not_found')));
      await Recording.open(connection, store.mint(BOB, 'record'), { id: wrong });
    }));

    test('an id of one patient is not another\'s', () => calling(ingest, async (connection) => {
      const id = newRecordingId();
      await Recording.open(connection, store.mint(ALICE, 'record'), { id, nonce: NONCE });
      const from = store.log.length;
      await assert.rejects(Recording.open(connection, store.mint(BOB, 'record'), { id, nonce: NONCE }),
        refused('conflict'));
      assert.equal((await store.logged('consultation_conflict', { from }))[0].what, 'recording id');
      // Its own patient opens it again with the same nonce, and with no other.
      await Recording.open(connection, store.mint(ALICE, 'record'), { id, nonce: NONCE });
      await assert.rejects(Recording.open(connection, store.mint(ALICE, 'record'), { id }), refused('conflict'));
    }));

    test('a grant for one recording records and plays that one alone', async () => {
      const [id, wrong] = [newRecordingId(), newRecordingId()];
      const claims = { recording: id };
      await calling(ingest, async (connection) => {
        const grant = store.mint(ALICE, 'record', { claims });
        await assert.rejects(Recording.open(connection, grant, { id: wrong }), refused('denied'));
        const recording = await Recording.open(connection, grant, { id });
        await (await recording.track({ type: 'a/b' })).close();
        await recording.finish();
        await Recording.open(connection, store.mint(ALICE, 'record'), { id: wrong });
      });
      await calling(playback, async (connection) => {
        await Player.open(connection, store.mint(ALICE, 'play', { claims }), id);
        await assert.rejects(Player.open(connection, store.mint(ALICE, 'play', { claims }), wrong), refused('denied'));
      });
      await store.connected(playback, async (client) => {
        await assert.rejects(client.list(store.mint(ALICE, 'list', { claims })), refused('denied'));
      });
    });
  });
});

// PROTOCOL.md section 4: which roles may ask for each operation. "Asked for" means that anything but `denied` for want
// of a role comes back: the grants here are worth nothing.
const GRANT = 'no';
const ID = newRecordingId();
const ANY = ['ingest', 'playback', 'rotate', 'operate', 'audit'];
const OPERATIONS = [
  ['record.open', 0, { grant: GRANT, recording: ID, nonce: NONCE, started: 0, retainUntil: 0, label: '' }, ['ingest']],
  ['record.track', 1, { grant: GRANT, recording: ID, nonce: NONCE, track: 0, start: 0, type: 'a', label: '' },
    ['ingest']],
  ['record.resume', 2, { grant: GRANT, recording: ID, track: 1 }, ['ingest']],
  ['record.finish', 0, { grant: GRANT, recording: ID }, ['ingest']],
  ['list', 0, { grant: GRANT, from: 0, to: 0, after: NO_ID, limit: 1 }, ['playback']],
  ['info', 0, { grant: GRANT, recording: ID }, ['playback']],
  ['check', 0, { grant: GRANT, recordings: [ID] }, ['playback']],
  ['play.open', 3, { grant: GRANT, recording: ID }, ['playback']],
  ['play.start', 4, { grant: GRANT, recording: ID, track: 1, from: 0, length: 1 }, ['playback']],
  ['service.add', 0, { name: 'operator', roles: ROLES.audit, publicKey: Buffer.alloc(32, 7) }, ['operate']],
  ['service.remove', 0, { name: 'nobody' }, ['operate']],
  ['service.list', 0, {}, ['operate']],
  ['stats', 0, {}, ANY],
  ['health', 0, {}, ANY],
  ['ping', 0, {}, ANY],
];

describe('roles', { skip: missing() }, () => {
  before(async () => {
    store = await Store.serve();
  });

  after(() => store?.remove());

  for (const role of ANY) {
    test(`what ${role} may ask for`, async () => {
      const raw = await Raw.open(await store.service(role));
      for (const [name, stream, fields, roles] of OPERATIONS) {
        const from = store.log.length;
        raw.say(name, stream, fields);
        const answer = await raw.next();
        const want = roles.includes(role);
        assert.equal(answer.name === 'error' && answer.code === 'denied', !want, `${name}: ${answer.text}`);
        if (!want) {
          assert.equal(answer.text, `this service's roles do not include ${name}`);
          assert.equal(answer.ended, stream !== 0);
          // The line of an earlier refusal may come later than its answer.
          const event = await waitFor(() => store.events('refused', from).find(({ operation }) => operation === name));
          assert.deepEqual([event.service, event.code], [role, 'denied']);
        }
      }
      raw.destroy();
    });
  }
});
