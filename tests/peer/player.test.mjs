// What a player must refuse, told to it by a daemon that lies: not one byte of what is wrong may come out.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { CHUNK, TAG, HEADER, deriveMessage, seal, sealChunk } from './chunked.mjs';
import { Player, chainNext, chainStart } from './player.mjs';
import { ProtocolError, decode, encode } from './wire.mjs';
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

/**
 * Answers a player as the document says, from `track`, in bodies of up to `perBody` chunks; `lie(message)` may change
 * each answer, leave it out by giving null, or give several. All goes through the encoder and the decoder.
 */
class Daemon {
  constructor(track, { lie = (message) => message, perBody = 1, pageSize = 512 } = {}) {
    Object.assign(this, { track, lie, perBody, pageSize, replies: [], failure: null });
  }

  fail(error) {
    this.failure ??= error;
  }

  stream() {
    return {
      send: async (name, fields) => this.#answer(decode(encode(name, 1, 0n, fields), 'C')),
      next: async (...names) => {
        const message = this.replies.shift();
        if (!message || !names.includes(message.name)) {
          const error = new ProtocolError(`${message?.name ?? 'the end'} may not come now`);
          this.fail(error);
          throw error;
        }
        return message;
      },
    };
  }

  #say(name, fields, raw) {
    for (const told of [this.lie({ name, ...fields, raw })].flat()) {
      if (told) {
        const message = decode(encode(told.name, 1, 0n, told));
        this.replies.push(told.raw ? { ...message, raw: told.raw } : message);
      }
    }
  }

  #answer(asked) {
    const { head, segments } = this.track;
    if (asked.name === 'play.open') {
      const { state, length } = head;
      const track = { track: head.track, state, start: 0, length, segments: head.segments, type: 'x/y', label: '' };
      const entry = { recording: asked.recording, state, opened: 1, finished: 2, retainUntil: 0, label: '' };
      this.#say('play.opened', { entry: { ...entry, tracks: [track] }, heads: [head] });
    } else if (asked.name === 'play.table') {
      let { from } = asked;
      const pages = asked.want === 2 ? Math.max(1, Math.ceil((segments.length - from) / this.pageSize)) : 1;
      for (let left = pages; left > 0; left--) {
        const records = segments.slice(from, from + this.pageSize).map(({ record }) => record);
        this.#say(left > 1 ? 'play.table.part' : 'play.table.reply', { head, from, records });
        from += records.length;
      }
    } else if (asked.name === 'play.read') {
      this.#read(asked, asked.from, Math.min(asked.from + asked.length, head.length));
    }
  }

  #read({ track, from }, at, end) {
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
    this.#say('play.done', { track, from, length: Math.max(end - from, 0) });
  }
}

async function playAll(daemon, from, to) {
  const player = await Player.open(daemon, 'TOKEN', RECORDING);
  await player.update(1);
  return player.readAll(1, from, to);
}

test('an honest daemon is believed, whatever the pages, the bodies and the range', async () => {
  const track = makeTrack();
  const edges = [0, 1, CHUNK - 1, CHUNK, 2 * CHUNK, 2 * CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 1, TOTAL - 1, TOTAL];
  for (const options of [{}, { perBody: 16 }, { pageSize: 1 }]) {
    for (const from of edges) {
      for (const to of edges.filter((edge) => edge >= from)) {
        const got = await playAll(new Daemon(track, options), from, to);
        assert.ok(got.equals(track.plain.subarray(from, to)), `${from} to ${to}`);
      }
    }
  }
});

/** The n-th message of a name (from 0), changed; all others as they are. */
function nth(name, n, change) {
  let seen = 0;
  return (message) => (message.name === name && seen++ === n ? change(message) : message);
}

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

for (const [what, lie] of Object.entries(LIES)) {
  test(`a player refuses: ${what}`, async () => {
    const track = makeTrack();
    const daemon = new Daemon(track, { lie });
    const got = [];
    await assert.rejects(async () => {
      const player = await Player.open(daemon, 'TOKEN', RECORDING);
      await player.update(1);
      for await (const part of player.read(1)) {
        got.push(part);
      }
    }, (error) => error instanceof ProtocolError && (WORDS[what] ?? /^/).test(error.message));
    assert.ok(daemon.failure instanceof ProtocolError, 'the connection stands');
    const delivered = Buffer.concat(got);
    assert.ok(delivered.length < TOTAL || what.includes('range'), 'all of it was delivered');
    assert.ok(delivered.equals(track.plain.subarray(0, delivered.length)), 'a wrong byte was delivered');
  });
}

// Tables that do not make sense, under a chain that fits them.
const DISTORTIONS = {
  'a gap in the numbers': (record) => ({ ...record, number: record.number * 2 }),
  'a gap between segments': (record) => ({ ...record, offset: record.offset + record.number }),
  'lengths that do not add up': (record) => (record.number === 2 ? { ...record, length: record.length - 1 } : record),
};

for (const [what, distort] of Object.entries(DISTORTIONS)) {
  test(`a player refuses: ${what}, though the chain fits`, async () => {
    const daemon = new Daemon(makeTrack({ distort }));
    const player = await Player.open(daemon, 'TOKEN', RECORDING);
    await assert.rejects(player.update(1), ProtocolError);
    assert.ok(daemon.failure instanceof ProtocolError, 'the connection stands');
    assert.equal((await player.readAll(1)).length, 0, 'a table that was refused is read by');
  });
}

test('a player refuses: a body that goes on beyond the range', async () => {
  const track = makeTrack();
  const raw = track.segments[0].sealed.subarray(0, 2 * (CHUNK + TAG));
  const lie = nth('play.body', 0, (m) => ({ ...m, length: raw.length, raw }));
  await assert.rejects(playAll(new Daemon(track, { lie }), 0, 10), /beyond the range/);
});

test('a player refuses: chunks of one segment exchanged, though each is sealed under the right key', async () => {
  const track = makeTrack();
  const { sealed } = track.segments[0];
  const size = CHUNK + TAG;
  const [first, second, last] = [sealed.subarray(0, size), sealed.subarray(size, 2 * size), sealed.subarray(2 * size)];
  track.segments[0].sealed = Buffer.concat([second, first, last]);
  await assert.rejects(playAll(new Daemon(track)), /chunk 0: does not open/);
});

test('a player refuses: a chunk that opens but is shorter than the table says', async () => {
  const track = makeTrack();
  const { keys } = track.segments[2];
  const short = sealChunk(keys, 0, Buffer.alloc(99));
  const lie = nth('play.body', 4, (m) => ({ ...m, length: short.length, raw: short }));
  await assert.rejects(playAll(new Daemon(track, { lie })), ProtocolError);
});
