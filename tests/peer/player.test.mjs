// What a player must refuse, told to it by a daemon that lies: not one byte of what is wrong may come out.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { CHUNK, TAG, HEADER, deriveMessage, seal, sealChunk } from './chunked.mjs';
import { Connection, Refusal } from './connection.mjs';
import { Player, chainNext, chainStart } from './player.mjs';
import { MAX_READ, ProtocolError, decode, encode } from './wire.mjs';
import { newRecordingId } from './writer.mjs';

const RECORDING = newRecordingId();
const LENGTHS = [2 * CHUNK, CHUNK + 1, 100];
const TOTAL = LENGTHS.reduce((sum, length) => sum + length);

/**
 * A finished track of three segments, as the store would have it. `distort` changes a record before it goes into the
 * chain: the chain is no secret, so a daemon that lies can make one that fits.
 */
function makeTrack({ track = 1, distort = (record) => record } = {}) {
  const key = randomBytes(32);
  let [chain, offset] = [chainStart(RECORDING, track), 0];
  const segments = LENGTHS.map((length, number) => {
    const [salt, plain, context] = [randomBytes(24), randomBytes(length), Buffer.of(number)];
    const keys = deriveMessage(key, salt, context);
    const record = distort({ number, offset, length, mediaTime: null, salt, commitment: keys.commitment });
    offset += length;
    chain = chainNext(chain, record);
    return { plain, keys, record, sealed: seal(key, context, plain, salt).subarray(HEADER) };
  });
  const head = { track, state: 'finished', segments: segments.length, length: offset, chain };
  return { segments, head, plain: Buffer.concat(segments.map(({ plain }) => plain)) };
}

const NOT_FOUND = { code: 'not_found', ended: false, retryMs: 0, text: 'no such track' };

/** The head that a track had when it was unfinished and had so many segments. */
function headAt({ segments, head }, count) {
  const records = segments.slice(0, count).map(({ record }) => record);
  const chain = records.reduce(chainNext, chainStart(RECORDING, head.track));
  const length = segments[count]?.record.offset ?? head.length;
  return { ...head, state: 'unfinished', segments: count, length, chain };
}

/**
 * Answers a player as the document says, from `track`, in bodies of up to `perBody` chunks; `first` is the head in
 * play.opened, where the track has grown since. `lie(message, n)` may change each answer, the n-th of its name, leave
 * it out by giving null, or give several; behind an error nothing more is said. All goes through the encoder and the
 * decoder.
 */
class Daemon {
  constructor(track, { lie = (message) => message, perBody = 1, pageSize = 512, first = track.head } = {}) {
    Object.assign(this, { track, lie, perBody, pageSize, first, replies: [], said: {}, failure: null, refused: false });
  }

  fail(error) {
    this.failure ??= error;
  }

  stream() {
    return {
      send: async (name, fields) => this.#answer(decode(encode(name, 1, 0n, fields), 'C')),
      next: async (...names) => {
        const message = this.replies.shift() ?? { name: 'the end' };
        return Connection.prototype.expect.call(this, message, names);
      },
    };
  }

  #say(name, fields, raw) {
    if (this.refused) {
      return;
    }
    const n = this.said[name] ?? 0;
    this.said[name] = n + 1;
    for (const told of [this.lie({ name, ...fields, raw }, n)].flat()) {
      if (told) {
        this.refused = told.name === 'error';
        const message = decode(encode(told.name, 1, 0n, told));
        this.replies.push(told.raw ? { ...message, raw: told.raw } : message);
      }
    }
  }

  #answer(asked) {
    this.refused = false;
    if (asked.name === 'play.open' || asked.name === 'play.start') {
      const { track: number, state, length, segments } = this.first;
      const track = { track: number, state, start: 0, length, segments, type: 'x/y', label: '' };
      const entry = { recording: asked.recording, state, opened: 1, finished: 2, retainUntil: 0, label: '' };
      this.#say('play.opened', { entry: { ...entry, tracks: [track] }, heads: [this.first] });
    }
    if (asked.name === 'play.start' && asked.track !== this.first.track) {
      this.#say('error', NOT_FOUND);
    } else if (asked.name === 'play.start') {
      this.#table({ from: 0, want: 2 });
      this.#read(asked, this.first.length);
    } else if (asked.name === 'play.table') {
      this.#table(asked);
    } else if (asked.name === 'play.read') {
      this.#read(asked, this.track.head.length);
    }
  }

  #table({ from, want }) {
    const { head, segments } = this.track;
    const pages = want === 2 ? Math.max(1, Math.ceil((segments.length - from) / this.pageSize)) : 1;
    for (let left = pages; left > 0; left--) {
      const records = segments.slice(from, from + this.pageSize).map(({ record }) => record);
      this.#say(left > 1 ? 'play.table.part' : 'play.table.reply', { head, from, records });
      from += records.length;
    }
  }

  /** What is asked for, cut off at `length`. */
  #read({ track, from: at, length: wanted }, length) {
    const end = Math.min(at + wanted, length);
    for (const { record, keys, sealed } of this.track.segments) {
      const [first, last] = [Math.max(at - record.offset, 0), Math.min(end - record.offset, record.length)];
      if (first >= last) {
        continue;
      }
      this.#say('play.key', { track, segment: record.number, ...keys });
      const stop = Math.ceil(last / CHUNK);
      for (let chunk = Math.floor(first / CHUNK); chunk < stop; chunk += this.perBody) {
        const until = Math.min(chunk + this.perBody, stop);
        const media = Math.min(until * CHUNK, record.length) - chunk * CHUNK;
        const begins = chunk * (CHUNK + TAG);
        const raw = sealed.subarray(begins, begins + media + (until - chunk) * TAG);
        this.#say('play.body', { track, segment: record.number, chunk, length: raw.length }, raw);
      }
    }
    this.#say('play.done', { track, from: at, length: Math.max(end - at, 0) });
  }
}

/** Both ways to the bytes [from, to) of track 1, and how many may be asked for at least. */
const WAYS = {
  'a player': {
    least: 0,
    open: (daemon) => Player.open(daemon, 'TOKEN', RECORDING),
    async* read(player, from, to) {
      await player.update(1);
      yield* player.read(1, from, to);
    },
  },
  'a started player': {
    least: 1,
    open: (daemon, from = 0, to = from + MAX_READ) => (
      Player.start(daemon, 'TOKEN', RECORDING, { track: 1, from, length: to - from })),
    read: (player) => player.started(),
  },
};

/** What came out, and the error that ended it. */
async function collect(parts) {
  const got = [];
  let error = null;
  try {
    for await (const part of parts) {
      got.push(part);
    }
  } catch (caught) {
    error = caught;
  }
  return { got: Buffer.concat(got), error };
}

/** The same test of each way; play() resolves to { got, error }. */
function both(what, body) {
  for (const [who, way] of Object.entries(WAYS)) {
    const play = (...range) => collect((async function* all() {
      yield* way.read(await way.open(...range), ...range.slice(1));
    })());
    test(`${who} ${what}`, () => body(play, way));
  }
}

const EDGES = [0, 1, CHUNK - 1, CHUNK, 2 * CHUNK, 2 * CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 1, TOTAL - 1, TOTAL];

both('believes an honest daemon, whatever the pages, the bodies and the range', async (play, { least }) => {
  const track = makeTrack();
  for (const options of [{}, { perBody: 16 }, { pageSize: 1 }]) {
    for (const from of EDGES) {
      for (const to of [...EDGES, TOTAL + 9].filter((edge) => edge - from >= least)) {
        const { got, error } = await play(new Daemon(track, options), from, to);
        assert.equal(error, null);
        assert.ok(got.equals(track.plain.subarray(from, to)), `${from} to ${to}`);
      }
    }
  }
});

/** The n-th message of a name (from 0), changed; all others as they are. */
const nth = (name, n, change) => (message, i) => (message.name === name && i === n ? change(message) : message);

const flip = (bytes, at) => {
  const flipped = Buffer.from(bytes);
  flipped[at] ^= 1;
  return flipped;
};

const flipTable = (field, change) => nth('play.table.reply', 0, (m) => {
  const records = m.records.map((record, i) => (i === 1 ? { ...record, [field]: change(record[field]) } : record));
  return { ...m, records };
});

// What the daemon does wrong: each must end the connection, and give nothing but bytes that are right.
const LIES = {
  'another recording': nth('play.opened', 0, (m) => ({ ...m, entry: { ...m.entry, recording: newRecordingId() } })),
  'another track\'s head': nth('play.opened', 0, (m) => ({ ...m, heads: [{ ...m.heads[0], track: 2 }] })),
  'another chain': nth('play.opened', 0, (m) => ({ ...m, heads: [{ ...m.heads[0], chain: randomBytes(64) }] })),
  'a track twice': nth('play.opened', 0, (m) => (
    { ...m, entry: { ...m.entry, tracks: [m.entry.tracks[0], m.entry.tracks[0]] }, heads: [m.heads[0], m.heads[0]] })),
  'another track\'s head with a page': nth('play.table.reply', 0, (m) => ({ ...m, head: { ...m.head, track: 2 } })),
  'a page from elsewhere': nth('play.table.reply', 0, (m) => ({ ...m, from: 1 })),
  'an empty page': nth('play.table.reply', 0, (m) => ({ ...m, records: [] })),
  'a part that is the last': nth('play.table.reply', 0, (m) => [{ ...m, name: 'play.table.part' }, m]),
  'records out of order': nth('play.table.reply', 0, (m) => ({ ...m, records: [...m.records].reverse() })),
  'a record more than the head has': nth('play.table.reply', 0, (m) => (
    { ...m, records: [...m.records, m.records[2]] })),
  'a shorter head': nth('play.table.reply', 0, (m) => ({ ...m, head: { ...m.head, segments: 2 } })),
  'a finished track that goes on': nth('play.table.reply', 0, (m) => (
    { ...m, head: { ...m.head, state: 'unfinished' } })),
  'another salt in the table': flipTable('salt', (salt) => flip(salt, 0)),
  'another commitment in the table': flipTable('commitment', (commitment) => flip(commitment, 31)),
  'another length in the table': flipTable('length', (length) => length - 1),
  'another media time in the table': flipTable('mediaTime', () => 0),
  'the next segment\'s key': nth('play.key', 0, (m) => ({ ...m, segment: 1 })),
  'another commitment with the key': nth('play.key', 1, (m) => ({ ...m, commitment: flip(m.commitment, 0) })),
  'another key': nth('play.key', 1, (m) => ({ ...m, key: flip(m.key, 0) })),
  'another base nonce': nth('play.key', 2, (m) => ({ ...m, nonce: flip(m.nonce, 11) })),
  'no key': nth('play.key', 1, () => null),
  'a key twice': nth('play.key', 0, (m) => [m, m]),
  'a body left out': nth('play.body', 0, () => null),
  'a body twice': nth('play.body', 0, (m) => [m, m]),
  'a later chunk': nth('play.body', 0, (m) => ({ ...m, chunk: 1 })),
  'another segment\'s body': nth('play.body', 2, (m) => ({ ...m, segment: 0 })),
  'another track\'s body': nth('play.body', 0, (m) => ({ ...m, track: 2 })),
  'a flipped bit in the middle': nth('play.body', 1, (m) => ({ ...m, raw: flip(m.raw, 5000) })),
  'a flipped bit in the last tag': nth('play.body', 4, (m) => ({ ...m, raw: flip(m.raw, m.raw.length - 1) })),
  'a body cut in a chunk': nth('play.body', 0, (m) => ({ ...m, length: m.length - 1, raw: m.raw.subarray(0, -1) })),
  'a body with a byte more': nth('play.body', 3, (m) => (
    { ...m, length: m.length + 1, raw: Buffer.concat([m.raw, Buffer.of(0)]) })),
  'the end before all has come': nth('play.body', 4, () => null),
  'a shorter range than all': nth('play.done', 0, (m) => ({ ...m, length: m.length - 1 })),
  'a range from elsewhere': nth('play.done', 0, (m) => ({ ...m, from: 1 })),
};

// Where a later rule would refuse as well: that it is this one.
const WORDS = { 'a record more than the head has': /beyond its head/, 'a shorter head': /became shorter/ };

function expectRefused(daemon, error, words = /^/) {
  assert.ok(error instanceof ProtocolError, `it ended with ${error}`);
  assert.match(error.message, words);
  assert.ok(daemon.failure instanceof ProtocolError, 'the connection stands');
}

for (const [what, lie] of Object.entries(LIES)) {
  both(`refuses: ${what}`, async (play) => {
    const track = makeTrack();
    const daemon = new Daemon(track, { lie });
    const { got, error } = await play(daemon);
    expectRefused(daemon, error, WORDS[what]);
    assert.ok(got.length < TOTAL || what.includes('range'), 'all of it was delivered');
    assert.ok(got.equals(track.plain.subarray(0, got.length)), 'a wrong byte was delivered');
  });
}

// Tables that do not make sense, under a chain that fits them.
const DISTORTIONS = {
  'a gap in the numbers': (record) => ({ ...record, number: record.number * 2 }),
  'a gap between segments': (record) => ({ ...record, offset: record.offset + record.number }),
  'lengths that do not add up': (record) => (record.number === 2 ? { ...record, length: record.length - 1 } : record),
};

for (const [what, distort] of Object.entries(DISTORTIONS)) {
  both(`refuses: ${what}, though the chain fits`, async (play, { open, read }) => {
    const daemon = new Daemon(makeTrack({ distort }));
    const player = await open(daemon);
    const { got, error } = await collect(read(player));
    expectRefused(daemon, error);
    assert.equal(got.length, 0);
    assert.equal((await player.readAll(1)).length, 0, 'a table that was refused is read by');
  });
}

both('refuses: a body that goes on beyond the range', async (play) => {
  const track = makeTrack();
  const raw = track.segments[0].sealed.subarray(0, 2 * (CHUNK + TAG));
  const lie = nth('play.body', 0, (m) => ({ ...m, length: raw.length, raw }));
  const daemon = new Daemon(track, { lie });
  expectRefused(daemon, (await play(daemon, 0, 10)).error, /beyond the range/);
});

both('refuses: chunks of one segment exchanged, though each is sealed under the right key', async (play) => {
  const track = makeTrack();
  const { sealed } = track.segments[0];
  const size = CHUNK + TAG;
  const [first, second, last] = [sealed.subarray(0, size), sealed.subarray(size, 2 * size), sealed.subarray(2 * size)];
  track.segments[0].sealed = Buffer.concat([second, first, last]);
  const daemon = new Daemon(track);
  expectRefused(daemon, (await play(daemon)).error, /chunk 0: does not open/);
});

both('refuses: a chunk that opens but is shorter than the table says', async (play) => {
  const track = makeTrack();
  const { keys } = track.segments[2];
  const short = sealChunk(keys, 0, Buffer.alloc(99));
  const lie = nth('play.body', 4, (m) => ({ ...m, length: short.length, raw: short }));
  const daemon = new Daemon(track, { lie });
  expectRefused(daemon, (await play(daemon)).error);
});

// Of a track that has grown since, the first head is compared as well: where it ends, the chain has gone on.
for (const [what, change] of Object.entries({
  'a length that no segment ended at': ({ length }) => ({ length: length - 1 }),
  'another chain': () => ({ chain: randomBytes(64) }),
})) {
  both(`refuses: ${what} in the first head of a track that has grown`, async (play) => {
    const track = makeTrack();
    for (const count of [0, 1, 2]) {
      const head = headAt(track, count);
      const first = { ...head, ...change({ length: head.length || 2 }) };
      for (const pageSize of [1, 512]) {
        const daemon = new Daemon(track, { first, pageSize });
        const { got, error } = await play(daemon);
        expectRefused(daemon, error, /the head's$/);
        assert.equal(got.length, 0);
      }
    }
  });
}

test('a started player gets what there was when it was opened, and has the table of all there is', async () => {
  const track = makeTrack();
  const edges = [...EDGES, TOTAL + 1, 2 ** 40];
  for (const [count, pageSize] of [0, 1, 2, 3].flatMap((n) => [[n, 1], [n, 512]])) {
    const first = headAt(track, count);
    for (const from of edges) {
      for (const to of edges.filter((edge) => edge > from && edge - from <= MAX_READ)) {
        const daemon = new Daemon(track, { first, pageSize });
        const player = await Player.start(daemon, 'TOKEN', RECORDING, { track: 1, from, length: to - from });
        const got = await player.startedAll();
        assert.ok(got.equals(track.plain.subarray(from, Math.min(to, first.length))), `${from} to ${to}`);
        assert.equal(daemon.replies.length, 0);
        assert.ok((await player.readAll(1, from, to)).equals(track.plain.subarray(from, to)), `${from} to ${to}`);
      }
    }
  }
});

// What may not come where a range was asked for at once: the track had one segment when it was opened, and a page has
// one record. `from` is where the range begins, `sent` how many of its bytes are right until then.
const FIRST = LENGTHS[0];
const keyOf = ({ segments }, segment) => ({ name: 'play.key', track: 1, segment, ...segments[segment].keys });
const STARTED_LIES = {
  'what has come since it was opened': {
    sent: FIRST, lie: (track) => nth('play.done', 0, (m) => [keyOf(track, 1), m]), words: /play.key may not come/,
  },
  'what has come since, where it asked for nothing else': {
    from: FIRST, lie: (track) => nth('play.done', 0, (m) => [keyOf(track, 1), m]), words: /play.key may not come/,
  },
  'bytes that were not sent': {
    from: FIRST, lie: () => nth('play.done', 0, (m) => ({ ...m, length: 1 })), words: /not all there/,
  },
  'an end at the track\'s end instead of where it asked': {
    from: FIRST + 1, lie: () => nth('play.done', 0, (m) => ({ ...m, from: FIRST })), words: /not all there/,
  },
  'another track\'s end': {
    from: FIRST, lie: () => nth('play.done', 0, (m) => ({ ...m, track: 2 })), words: /not all there/,
  },
  'an end before the table': {
    from: FIRST, lie: () => ({ name, ...m }) => (name.startsWith('play.table') ? null : { name, ...m }),
    words: /play.done may not come/,
  },
  'a key before the table': {
    lie: (track) => nth('play.table.part', 0, (m) => [keyOf(track, 0), m]), words: /play.key may not come/,
  },
  'a key before the last page': {
    lie: (track) => nth('play.table.part', 1, (m) => [m, keyOf(track, 0)]), words: /play.key may not come/,
  },
  'a table without its last page': {
    lie: () => nth('play.table.reply', 0, () => null), words: /play.key may not come/,
  },
  'a last page that leaves the table short of its head': {
    lie: () => nth('play.table.part', 1, (m) => ({ ...m, name: 'play.table.reply' })), words: /short of its head/,
  },
  'a second table': {
    lie: () => nth('play.table.reply', 0, (m) => [m, m]), words: /play.table.reply may not come/,
  },
};

for (const [what, { from = 0, sent = 0, lie, words }] of Object.entries(STARTED_LIES)) {
  test(`a started player refuses: ${what}`, async () => {
    const track = makeTrack();
    const daemon = new Daemon(track, { lie: lie(track), first: headAt(track, 1), pageSize: 1 });
    const player = await Player.start(daemon, 'TOKEN', RECORDING, { track: 1, from });
    const { got, error } = await collect(player.started());
    expectRefused(daemon, error, words);
    assert.ok(got.equals(track.plain.subarray(from, from + sent)), `${got.length} bytes were delivered`);
  });
}

test('a started player refuses: any answer but an error for a track that was not opened', async () => {
  const track = makeTrack();
  const records = track.segments.map(({ record }) => record);
  for (const answer of [
    { name: 'play.table.reply', head: { ...track.head, track: 2 }, from: 0, records },
    { name: 'play.done', track: 2, from: 0, length: 0 }, keyOf(track, 0),
  ]) {
    const daemon = new Daemon(track, { lie: nth('error', 0, () => answer) });
    const player = await Player.start(daemon, 'TOKEN', RECORDING, { track: 2 });
    expectRefused(daemon, (await collect(player.started())).error, /may not come/);
  }
});

test('a track that is not there leaves a started player that plays the others', async () => {
  const track = makeTrack();
  const daemon = new Daemon(track);
  const player = await Player.start(daemon, 'TOKEN', RECORDING, { track: 2 });
  const { error } = await collect(player.started());
  assert.ok(error instanceof Refusal && error.code === 'not_found' && !error.ended, `it ended with ${error}`);
  assert.deepEqual(await player.update(1), { length: TOTAL, state: 'finished' });
  assert.ok((await player.readAll(1)).equals(track.plain));
  assert.equal(daemon.failure, null);
});

for (const [name, n, sent] of [['play.table.part', 0, 0], ['play.table.part', 1, 0], ['play.table.reply', 0, 0],
  ['play.key', 0, 0], ['play.key', 2, TOTAL - 100], ['play.body', 0, 0], ['play.body', 3, 3 * CHUNK],
  ['play.done', 0, TOTAL]]) {
  test(`an error in the place of ${name} ${n} leaves a started player, and what came before it stands`, async () => {
    const track = makeTrack();
    const error = { name: 'error', code: 'busy', ended: false, retryMs: 5, text: 'later' };
    const daemon = new Daemon(track, { lie: nth(name, n, () => error), pageSize: 1 });
    const player = await Player.start(daemon, 'TOKEN', RECORDING, { track: 1 });
    const ended = await collect(player.started());
    assert.ok(ended.error instanceof Refusal && ended.error.code === 'busy', `it ended with ${ended.error}`);
    assert.ok(ended.got.equals(track.plain.subarray(0, sent)), `${ended.got.length} bytes were delivered`);
    await player.update(1);
    assert.ok((await player.readAll(1)).equals(track.plain));
    assert.equal(daemon.failure, null);
  });
}
