// Messages of a service that are wrong: malformed, too long, of another type, or at the wrong time. Each ends the
// connection with a goodbye that says why, and nobody else notices.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { MAX_APPEND, MAX_PLAIN, NO_ID, encode } from '../peer/wire.mjs';
import { newRecordingId } from '../peer/writer.mjs';
import { Store, missing } from './harness.mjs';
import { Raw } from './raw.mjs';

const HEAD = 13;
const TAG = 16;
const STREAM = 7;
const ID = newRecordingId();
const NONCE = Buffer.alloc(16, 1);
const ALICE = 'https://clinic.example/mrn|alice';
const GRANT = 'T';

/** Bytes for the head of a message that wire.mjs does not know, or for a front of a message with its own fields. */
function head(type, stream) {
  const bytes = Buffer.alloc(HEAD);
  bytes[0] = type;
  bytes.writeUInt32BE(stream, 1);
  return bytes;
}

const u16 = (n) => Buffer.from([n >> 8, n & 0xff]);
const u32 = (n) => Buffer.concat([u16(n >>> 16), u16(n & 0xffff)]);
const u64 = (n) => Buffer.concat([u32(Math.floor(n / 2 ** 32)), u32(n % 2 ** 32)]);
const field = (size) => Buffer.concat([u16(size), Buffer.alloc(size, 'a')]);
const id = Buffer.from(ID.replaceAll('-', ''), 'hex');
const plain = (name, stream, fields) => encode(name, stream, 9n, fields);

// Every message of a client but goodbye, which ends the connection anyway: as short as it may be, by the state in which
// it may come. `grows` says that a byte more would be right as well: then so many more are sent.
const MESSAGES = [
  { name: 'ping', on: 'alone', fields: {} },
  { name: 'pong', on: 'alone', fields: {} },
  { name: 'record.open', on: 'alone', fields: { grant: GRANT, recording: ID, nonce: NONCE, started: 0, retainUntil: 0,
    label: '' } },
  { name: 'record.finish', on: 'alone', fields: { grant: GRANT, recording: ID } },
  { name: 'list', on: 'alone', fields: { grant: GRANT, from: 0, to: 0, after: NO_ID, limit: 1 } },
  { name: 'info', on: 'alone', fields: { grant: GRANT, recording: ID } },
  { name: 'check', on: 'alone', fields: { grant: GRANT, recordings: [ID] } },
  { name: 'service.add', on: 'alone', bytes: Buffer.concat([head(0x40, 0), field(1), u16(1), Buffer.alloc(32, 9)]) },
  { name: 'service.remove', on: 'alone', bytes: Buffer.concat([head(0x42, 0), field(1)]) },
  { name: 'service.list', on: 'alone', bytes: head(0x43, 0) },
  { name: 'stats', on: 'alone', fields: {} },
  { name: 'health', on: 'alone', fields: {} },
  { name: 'record.track', on: 'free', fields: { grant: GRANT, recording: ID, nonce: NONCE, track: 0, start: 0,
    type: 'a', label: '' } },
  { name: 'record.resume', on: 'free', fields: { grant: GRANT, recording: ID, track: 1 } },
  { name: 'play.open', on: 'free', fields: { grant: GRANT, recording: ID } },
  { name: 'play.start', on: 'free', fields: { grant: GRANT, recording: ID, track: 1, from: 0, length: 1 } },
  { name: 'record.append', on: 'writer', fields: { offset: 0, mediaTime: null, media: Buffer.alloc(1) },
    grows: MAX_APPEND },
  { name: 'record.sync', on: 'writer', fields: {} },
  { name: 'grant.renew', on: 'writer', fields: { grant: GRANT } },
  { name: 'close', on: 'writer', fields: {} },
  { name: 'play.table', on: 'player', fields: { track: 1, from: 0, want: 0 } },
  { name: 'play.read', on: 'player', fields: { track: 1, from: 0, length: 1 } },
  { name: 'grant.renew', on: 'player', fields: { grant: GRANT } },
  { name: 'close', on: 'player', fields: {} },
];

// Values that no message may have, where the lengths are right.
const VALUES = [
  ['an unknown type 0', 'alone', head(0, 0)],
  ['an unknown type 07', 'alone', head(7, 0)],
  ['an unknown type 4c', 'alone', head(0x4c, 0)],
  ['an unknown type ff', 'alone', head(0xff, 0)],
  ['the daemon\'s error', 'alone', plain('error', 0, { code: 'io', ended: false, retryMs: 0, text: '' })],
  ['the daemon\'s stats.reply', 'alone', plain('stats.reply', 0, { counters: [] })],
  ['a grant of 8,193 bytes', 'alone', Buffer.concat([head(0x22, 0), field(8193), id])],
  ['a label of 256 bytes', 'alone', Buffer.concat([head(0x10, 0), field(1), id, NONCE, u64(0), u64(0), field(256)])],
  ['list, limit 0', 'alone', Buffer.concat([head(0x20, 0), field(1), u64(0), u64(0), id, u16(0)])],
  ['list, limit 101', 'alone', Buffer.concat([head(0x20, 0), field(1), u64(0), u64(0), id, u16(101)])],
  ['check of no id', 'alone', Buffer.concat([head(0x24, 0), field(1), u16(0)])],
  ['check of 201 ids', 'alone', Buffer.concat([head(0x24, 0), field(1), u16(201), Buffer.alloc(201 * 16, 1)])],
  ['check of fewer ids than it says', 'alone', Buffer.concat([head(0x24, 0), field(1), u16(2), id])],
  ['service.add without a role', 'alone', Buffer.concat([head(0x40, 0), field(1), u16(0), Buffer.alloc(32, 9)])],
  ['service.add with an unknown role', 'alone', Buffer.concat([head(0x40, 0), field(1), u16(32), Buffer.alloc(32, 9)])],
  ['service.add with an empty name', 'alone', Buffer.concat([head(0x40, 0), field(0), u16(1), Buffer.alloc(32, 9)])],
  ['service.add with a name of 64 bytes', 'alone', Buffer.concat([head(0x40, 0), field(64), u16(1),
    Buffer.alloc(32, 9)])],
  ['service.add with a name in capitals', 'alone', Buffer.concat([head(0x40, 0), u16(1), Buffer.from('A'), u16(1),
    Buffer.alloc(32, 9)])],
  ['record.track without a media type', 'free', Buffer.concat([head(0x12, STREAM), field(1), id, NONCE, u16(0), u64(0),
    field(0), field(0)])],
  ['record.track with a media type of 128 bytes', 'free', Buffer.concat([head(0x12, STREAM), field(1), id, NONCE,
    u16(0), u64(0), field(128), field(0)])],
  ['record.resume of track 0', 'free', Buffer.concat([head(0x13, STREAM), field(1), id, u16(0)])],
  ['record.append of nothing', 'writer', Buffer.concat([head(0x15, STREAM), u64(0), u64(0)])],
  ['record.append beyond 2^63', 'writer', Buffer.concat([head(0x15, STREAM), Buffer.alloc(8, 0xff), u64(0),
    Buffer.alloc(1)])],
  ['play.table of track 0', 'player', Buffer.concat([head(0x32, STREAM), u16(0), u32(0), Buffer.from([0])])],
  ['play.table, want 3', 'player', Buffer.concat([head(0x32, STREAM), u16(1), u32(0), Buffer.from([3])])],
  ['play.read of track 0', 'player', Buffer.concat([head(0x34, STREAM), u16(0), u64(0), u64(1)])],
  ['play.read of nothing', 'player', Buffer.concat([head(0x34, STREAM), u16(1), u64(0), u64(0)])],
  ['play.read of 2^26 + 1 bytes', 'player', Buffer.concat([head(0x34, STREAM), u16(1), u64(0), u64(2 ** 26 + 1)])],
  ['play.read from beyond 2^63', 'player', Buffer.concat([head(0x34, STREAM), u16(1), Buffer.alloc(8, 0xff), u64(1)])],
  ['play.start of track 0', 'free', Buffer.concat([head(0x3a, STREAM), field(1), id, u16(0), u64(0), u64(1)])],
  ['play.start of nothing', 'free', Buffer.concat([head(0x3a, STREAM), field(1), id, u16(1), u64(0), u64(0)])],
  ['play.start of 2^26 + 1 bytes', 'free', Buffer.concat([head(0x3a, STREAM), field(1), id, u16(1), u64(0),
    u64(2 ** 26 + 1)])],
  ['play.start from beyond 2^63', 'free', Buffer.concat([head(0x3a, STREAM), field(1), id, u16(1),
    Buffer.alloc(8, 0xff), u64(1)])],
];

const APPEND = { offset: 0, mediaTime: null, media: Buffer.alloc(9) };
const OPEN = { grant: GRANT, recording: ID };
const READ = { track: 1, from: 0, length: 1 };
const START = { ...OPEN, ...READ };
const TABLE = { track: 1, from: 1, want: 1 };

// Right messages at the wrong time: [what, state, messages sent at once, of which the last may not come].
const TIMES = [
  ['list on a stream', 'alone', [Buffer.concat([head(0x20, STREAM), field(1), u64(0), u64(0), id, u16(1)])]],
  ['ping on a stream', 'alone', [head(2, STREAM)]],
  ['goodbye on a stream', 'alone', [Buffer.concat([head(1, STREAM), Buffer.from([0]), field(0)])]],
  ['play.open on stream 0', 'alone', [Buffer.concat([head(0x30, 0), field(1), id])]],
  ['play.start on stream 0', 'alone', [Buffer.concat([head(0x3a, 0), field(1), id, u16(1), u64(0), u64(1)])]],
  ['record.append on stream 0', 'alone', [Buffer.concat([head(0x15, 0), u64(0), u64(0), Buffer.alloc(1)])]],
  ['close on stream 0', 'alone', [head(8, 0)]],
  ['record.append on a stream nobody opened', 'free', [plain('record.append', STREAM, APPEND)]],
  ['play.read on a stream nobody opened', 'free', [plain('play.read', STREAM, READ)]],
  ['grant.renew on a stream nobody opened', 'free', [plain('grant.renew', STREAM, { grant: GRANT })]],
  ['close on a stream nobody opened', 'free', [plain('close', STREAM, {})]],
  ['play.read before the player is there', 'free', [plain('play.open', STREAM, OPEN),
    plain('play.read', STREAM, READ)]],
  ['play.read before the started player is there', 'free', [plain('play.start', STREAM, START),
    plain('play.read', STREAM, READ)]],
  ['close before the started player is there', 'free', [plain('play.start', STREAM, START),
    plain('close', STREAM, {})]],
  ['close before the writer is there', 'free', [plain('record.resume', STREAM, { ...OPEN, track: 1 }),
    plain('close', STREAM, {})]],
  ['a stream number used twice', 'free', [plain('play.open', STREAM, OPEN), plain('play.open', STREAM, OPEN)]],
  ['a stream number lower than the last', 'free', [plain('play.open', STREAM, OPEN),
    plain('play.open', STREAM - 1, OPEN)]],
  ['play.read of a writer', 'writer', [plain('play.read', STREAM, READ)]],
  ['play.start on a player\'s stream', 'player', [plain('play.start', STREAM, START)]],
  ['play.open on a writer\'s stream', 'writer', [plain('play.open', STREAM, OPEN)]],
  ['two record.sync at once', 'writer', [plain('record.append', STREAM, APPEND), plain('record.sync', STREAM, {}),
    plain('record.sync', STREAM, {})]],
  ['record.append after close', 'writer', [plain('record.append', STREAM, APPEND), plain('close', STREAM, {}),
    plain('record.append', STREAM, { ...APPEND, offset: 9 })]],
  ['two close at once', 'writer', [plain('record.append', STREAM, APPEND), plain('close', STREAM, {}),
    plain('close', STREAM, {})]],
  ['record.append of a player', 'player', [plain('record.append', STREAM, APPEND)]],
  ['record.sync of a player', 'player', [plain('record.sync', STREAM, {})]],
  ['two play.read at once', 'player', [plain('play.read', STREAM, READ), plain('play.read', STREAM, READ)]],
  ['two play.table at once', 'player', [plain('play.table', STREAM, TABLE), plain('play.table', STREAM, TABLE)]],
  ['play.read while a table is asked for', 'player', [plain('play.table', STREAM, TABLE),
    plain('play.read', STREAM, READ)]],
];

describe('messages that are wrong', { skip: missing() }, () => {
  let store;
  let everything;
  let recording;

  before(async () => {
    store = await Store.serve();
    everything = await store.service('ingest,playback,rotate,operate,audit');
    await store.connected(everything, async (client) => {
      recording = await client.record(store.mint(ALICE, 'record'));
      const writer = await recording.track({ type: 'video/webm' });
      await writer.append(Buffer.alloc(100, 1));
      await writer.close();
    });
  });

  after(() => store?.remove());

  /** A connection in one of the states, with its stream STREAM. */
  async function inState(state) {
    const raw = await Raw.open(everything);
    // Only who has sent a frame that opened is told anything.
    raw.say('ping', 0, {});
    assert.equal((await raw.next()).name, 'pong');
    if (state === 'writer') {
      const own = { grant: store.mint(ALICE, 'record'), recording: newRecordingId(), nonce: NONCE };
      raw.say('record.open', 0, { ...own, started: 0, retainUntil: 0, label: '' });
      assert.equal((await raw.next()).name, 'record.opened');
      raw.say('record.track', STREAM, { ...own, track: 0, start: 0, type: 'a/b', label: '' });
      assert.equal((await raw.next()).name, 'record.ready');
    } else if (state === 'player') {
      raw.say('play.open', STREAM, { grant: store.mint(ALICE, 'play'), recording: recording.id });
      assert.equal((await raw.next()).name, 'play.opened');
    }
    return raw;
  }

  /** Sends these plaintexts at once; the connection must end with a goodbye that has one line to say. */
  async function expectEnd(state, plains, what) {
    const raw = await inState(state);
    raw.send(...plains.map((one) => raw.frame(one)));
    let last;
    do {
      last = await raw.next();
      assert.ok(last, `${what}: closed without a word`);
      assert.ok(plains.length > 1 || last.name === 'goodbye', `${what}: answered by ${last.name} (${last.text})`);
    } while (last.name !== 'goodbye');
    assert.equal(await raw.next(), null);
    assert.equal(last.code, 'usage', what);
    assert.match(last.text, /^[ -~]{5,}$/, what);
  }

  const encoded = ({ name, on, fields, bytes }) => bytes ?? plain(name, on === 'alone' ? 0 : STREAM, fields);

  for (const message of MESSAGES) {
    const { name, on, grows } = message;
    const state = ['writer', 'player'].includes(on) ? ` of a ${on}` : '';

    test(`${name}${state}, cut anywhere`, async () => {
      const whole = encoded(message);
      for (let size = HEAD; size < whole.length; size++) {
        await expectEnd(on, [whole.subarray(0, size)], `${size} of ${whole.length} bytes`);
      }
    });

    test(`${name}${state}, longer than it may be`, async () => {
      const whole = encoded(message);
      await expectEnd(on, [Buffer.concat([whole, Buffer.alloc(grows ?? 1)])]);
    });
  }

  test('a message shorter than its head', async () => {
    for (let size = 0; size < HEAD; size++) {
      await expectEnd('alone', [head(2, 0).subarray(0, size)], `${size} bytes`);
    }
  });

  test('a frame as long as it can be, of a message that cannot be so long', async () => {
    await expectEnd('alone', [Buffer.concat([head(2, 0), Buffer.alloc(MAX_PLAIN - HEAD)])]);
  });

  for (const [what, state, bytes] of VALUES) {
    test(what, () => expectEnd(state, [bytes]));
  }

  for (const [what, state, plains] of TIMES) {
    test(what, () => expectEnd(state, plains));
  }

  test('a frame with a changed byte ends the connection without a word', async () => {
    for (let at = 2; at < 2 + HEAD + TAG; at++) {
      const changed = await inState('alone');
      const frame = changed.frame(head(2, 0));
      frame[at] ^= 1;
      changed.send(frame);
      assert.equal(await changed.next(), null, `byte ${at}`);
    }
  });

  test('a goodbye that is malformed ends the connection like any other', async () => {
    for (const bytes of [[], [14, 0, 0], [0, 1, 0], [0, 0, 0, 0]]) {
      const raw = await inState('alone');
      raw.send(raw.frame(Buffer.concat([head(1, 0), Buffer.from(bytes)])));
      await raw.rest();
    }
  });

  test('more than 32 requests at once are busy, and the others are answered', async () => {
    const raw = await inState('alone');
    const grant = store.mint(ALICE, 'list');
    const ask = () => raw.frame(plain('list', 0, { grant, from: 0, to: 0, after: NO_ID, limit: 1 }));
    raw.send(...Array.from({ length: 60 }, ask));
    const answers = [];
    for (let i = 0; i < 60; i++) {
      answers.push(await raw.next());
    }
    const busy = answers.filter(({ name }) => name === 'error');
    assert.ok(busy.length > 0);
    for (const { code, ended, retryMs } of busy) {
      assert.deepEqual([code, ended], ['busy', false]);
      assert.ok(retryMs > 0);
    }
    assert.ok(answers.filter(({ name }) => name === 'listing').length >= 32);
    raw.destroy();
  });

  test('what was sent before a stream\'s end was seen is swallowed', async () => {
    const raw = await inState('alone');
    raw.say('play.open', STREAM, { grant: GRANT, recording: ID });
    const { name, ended, code } = await raw.next();
    assert.deepEqual([name, ended, code], ['error', true, 'unauthenticated']);
    for (const [late, fields] of [['record.append', APPEND], ['record.sync', {}], ['grant.renew', { grant: GRANT }],
      ['close', {}], ['play.table', TABLE], ['play.read', READ]]) {
      raw.say(late, STREAM, fields);
    }
    raw.say('ping', 0, {});
    assert.equal((await raw.next()).name, 'pong');
    raw.destroy();
  });

  test('after all this the daemon serves, and the recording is whole', async () => {
    await store.connected(everything, async (client) => {
      assert.equal((await client.health()).code, 'ok');
      const player = await client.play(store.mint(ALICE, 'play'), recording.id);
      await player.update(1);
      assert.ok((await player.readAll(1)).equals(Buffer.alloc(100, 1)));
    });
  });
});
