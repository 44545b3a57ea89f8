// A scripted workload, a ledger of what was sent and what was acknowledged in it, and what must hold of a store
// afterwards, whatever happened to its daemon on the way.
import assert from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '../peer/client.mjs';
import { Connection, Refusal } from '../peer/connection.mjs';
import { keyPair } from '../peer/noise.mjs';
import { ROLES } from '../peer/wire.mjs';
import { Recording } from '../peer/writer.mjs';
import { DEADLINE } from '../scenario/harness.mjs';

const PIECE = 16_000;

/** What a promise failed with; null if it did not. */
export const failure = (promise) => promise.then(() => null, (error) => error);

const bytesOf = (text) => createHash('sha256').update(text).digest();

/** The whole media of a track, the same in every run. */
const mediaOf = (name, size) => createCipheriv('aes-128-ctr', bytesOf(name).subarray(0, 16), Buffer.alloc(16))
  .update(Buffer.alloc(size));

const trackOf = (name, number, type, size) => ({
  name, number, type, media: mediaOf(name, size), nonce: bytesOf(name).subarray(16),
});

const recordingOf = (name, tail, tracks) => ({
  name,
  id: `01890000-0000-7000-8000-${tail.padStart(12, '0')}`,
  identity: `https://clinic.example/mrn|${name}`,
  nonce: bytesOf(name).subarray(0, 16),
  tracks,
});

/** All that is ever recorded in the workload: a call that turns to video, and one that is cut off. */
export const TURNS = recordingOf('turns', '1', [
  trackOf('turns-audio', 1, 'audio/webm', 90_000), trackOf('turns-video', 2, 'video/webm', 160_000),
]);
export const CUT_OFF = recordingOf('cut-off', 'abc002', [trackOf('cut-off-audio', 1, 'audio/webm', 120_000)]);
export const RECORDINGS = [TURNS, CUT_OFF];

/** Others: what is recorded beside it, and what was recorded long before. */
export const BESIDE = recordingOf('beside', 'abc003', [trackOf('beside-audio', 1, 'audio/webm', 200_000)]);
export const EARLIER = recordingOf('earlier', 'abc004', [trackOf('earlier-audio', 1, 'audio/webm', 100_000)]);

const LATECOMER = { name: 'latecomer', ...keyPair(bytesOf('latecomer')) };

/** What was asked for and what was answered, in order, each with the time at which it is known (by `clock`). */
export class Ledger {
  #notes = [];
  #clock;

  constructor(clock = () => 0) {
    this.#clock = clock;
  }

  note(what, ...about) {
    this.#notes.push({ at: this.#clock(), key: [what, ...about].join(' '), what });
  }

  /** Of a length: only the greatest counts. */
  noteLength(what, track, length) {
    this.#notes.push({ at: this.#clock(), key: `${what} ${track.name}`, what, length });
  }

  /** A ledger of its own that begins with what this one knew at a time. */
  upTo(time) {
    const ledger = new Ledger();
    ledger.#notes = this.#notes.filter(({ at }) => at <= time).map((note) => ({ ...note, at: 0 }));
    ledger.psk = this.psk;
    return ledger;
  }

  /** The times of its notes of this kind. */
  times(what) {
    return this.#notes.filter((note) => note.what === what).map(({ at }) => at);
  }

  /** What it says at a time: `has` of a note, and `length` of one with a length. */
  at(time = Infinity) {
    const notes = new Map();
    for (const { key, length = true } of this.#notes.filter((note) => note.at <= time)) {
      notes.set(key, length === true ? length : Math.max(length, notes.get(key) ?? 0));
    }
    return {
      has: (...about) => notes.has(about.join(' ')),
      length: (what, { name }) => notes.get(`${what} ${name}`) ?? 0,
    };
  }
}

/** One track being written, every acknowledgement noted when it comes. */
class Writing {
  #stream;
  #ledger;
  #track;
  #waiting = [];

  static async begin(session, recording, track) {
    const writing = new Writing();
    const stream = session.connection.stream();
    Object.assign(writing, { offset: 0, durable: 0, failure: null });
    writing.#stream = stream;
    writing.#ledger = session.ledger;
    writing.#track = track;
    session.ledger.note('asked', track.name);
    await stream.send('record.track', {
      grant: session.grant(recording), recording: recording.id, nonce: track.nonce, track: track.number, start: 0,
      type: track.type, label: '',
    });
    const ready = await stream.next('record.ready');
    session.ledger.note('ready', track.name);
    assert.equal(ready.track, track.number);
    assert.ok(ready.durable >= session.ledger.at().length('acknowledged', track), 'resumed behind an acknowledgement');
    assert.ok(ready.durable <= session.ledger.at().length('sent', track), 'resumed beyond what was sent');
    writing.offset = writing.durable = ready.durable;
    writing.over = writing.#listen().catch((error) => {
      writing.failure = error;
      writing.#waiting.splice(0).forEach(({ reject }) => reject(error));
    });
    return writing;
  }

  async #listen() {
    for (;;) {
      const { name, durable } = await this.#stream.next('record.ack', 'record.synced', 'closed');
      assert.ok(durable >= this.durable && durable <= this.offset, `${durable} durable after ${this.durable}`);
      this.durable = durable;
      this.#ledger.noteLength('acknowledged', this.#track, durable);
      const met = this.#waiting.filter((one) => (one.name ? one.name === name : one.length <= durable));
      this.#waiting = this.#waiting.filter((one) => !met.includes(one));
      met.forEach(({ resolve }) => resolve(durable));
      if (name === 'closed') {
        return;
      }
    }
  }

  #until(what) {
    return this.failure ? Promise.reject(this.failure) : new Promise((resolve, reject) => {
      this.#waiting.push({ ...what, resolve, reject });
    });
  }

  async appendTo(end) {
    while (this.offset < end) {
      const media = this.#track.media.subarray(this.offset, Math.min(end, this.offset + PIECE));
      this.#ledger.noteLength('sent', this.#track, this.offset + media.length);
      const { offset } = this;
      this.offset += media.length;
      await this.#stream.send('record.append', { offset, mediaTime: null, media });
    }
  }

  /** Waits until so much is acknowledged without being asked for. */
  async acknowledged(length) {
    await (this.durable >= length || this.#until({ length }));
  }

  async sync() {
    const synced = this.#until({ name: 'record.synced' });
    synced.catch(() => {});
    await this.#stream.send('record.sync', {});
    assert.equal(await synced, this.offset);
  }

  async close() {
    const closed = this.#until({ name: 'closed' });
    closed.catch(() => {});
    await this.#stream.send('close', {});
    assert.equal(await closed, this.offset);
  }
}

/** A connection of the ingest service. */
export class Ingest {
  static async open(rig, ledger) {
    const ingest = new Ingest();
    ingest.rig = rig;
    ingest.ledger = ledger;
    ingest.connection = await Connection.open(rig.credential('ingest'));
    return ingest;
  }

  grant({ identity }) {
    return this.rig.store.mint(identity, 'record');
  }

  async open(recording) {
    const { id, nonce } = recording;
    this.ledger.note('asked', recording.name);
    await Recording.open(this.connection, this.grant(recording), { id, nonce });
    this.ledger.note('opened', recording.name);
  }

  track(recording, track) {
    return Writing.begin(this, recording, track);
  }

  async finish(recording) {
    this.ledger.note('finishing', recording.name);
    const { id } = recording;
    await this.connection.request('record.finish', { grant: this.grant(recording), recording: id }, 'record.finished');
    this.ledger.note('finished', recording.name);
  }

  cut() {
    this.connection.fail(new Error('the client is gone'));
  }
}

async function asOperator(rig, body) {
  const client = await Client.connect(rig.credential('operator'));
  const result = await body(client);
  await client.close();
  return result;
}

async function addService(rig, ledger) {
  ledger.note('asked', LATECOMER.name);
  const psk = await asOperator(rig, (client) => client.addService(LATECOMER.name, ROLES.ingest, LATECOMER.publicKey));
  ledger.psk = psk;
  ledger.note('added', LATECOMER.name);
}

/** The workload, up to its end or whatever ends it first; then it throws that. */
export async function work(rig, ledger) {
  const [audio, video] = TURNS.tracks;
  let ingest = await Ingest.open(rig, ledger);
  try {
    await ingest.open(TURNS);
    const speaking = await ingest.track(TURNS, audio);
    await speaking.appendTo(20_000);
    await speaking.sync();
    await speaking.appendTo(60_000);
    await speaking.acknowledged(60_000);
    const showing = await ingest.track(TURNS, video);
    await Promise.all([speaking.appendTo(80_000), showing.appendTo(120_000)]);
    await Promise.all([speaking.sync(), showing.sync()]);

    await ingest.open(CUT_OFF);
    const other = await ingest.track(CUT_OFF, CUT_OFF.tracks[0]);
    await other.appendTo(30_000);
    await other.sync();
    await other.appendTo(70_000);
    await addService(rig, ledger);

    await Promise.all([speaking.appendTo(audio.media.length), showing.appendTo(video.media.length)]);
    await Promise.all([speaking.close(), showing.close()]);
    await ingest.finish(TURNS);
    ingest.cut();

    ingest = await Ingest.open(rig, ledger);
    const resumed = await ingest.track(CUT_OFF, CUT_OFF.tracks[0]);
    await resumed.appendTo(100_000);
    await resumed.sync();
  } finally {
    ingest.cut();
  }
}

/** Records BESIDE, synced piece by piece, while `goesOn()`; all of it in the end. */
export async function workBeside(rig, ledger, goesOn) {
  const ingest = await Ingest.open(rig, ledger);
  const [track] = BESIDE.tracks;
  try {
    await ingest.open(BESIDE);
    const writing = await ingest.track(BESIDE, track);
    while (goesOn() && writing.offset < track.media.length) {
      await writing.appendTo(Math.min(writing.offset + 5000, track.media.length));
      await writing.sync();
    }
    await writing.appendTo(track.media.length);
    await writing.close();
  } finally {
    ingest.cut();
  }
}

/** Tries until the answer is not "later". */
async function patiently(body) {
  for (const end = Date.now() + DEADLINE; ;) {
    try {
      return await body();
    } catch (error) {
      if (!(error instanceof Refusal) || !(error.code === 'busy' || error.retryMs > 0) || Date.now() > end) {
        throw error;
      }
      await delay(Math.min(error.retryMs || 20, 50));
    }
  }
}

const isFinished = (error) => error instanceof Refusal && error.code === 'conflict' && /finished/.test(error.message);

async function completeTrack(ingest, recording, track) {
  const writing = await patiently(() => ingest.track(recording, track));
  await writing.appendTo(track.media.length);
  await writing.close();
}

/** What a client does that has been cut off: everything again, from the beginning, until all is finished. */
export async function complete(rig, ledger, recordings = RECORDINGS) {
  const ingest = await Ingest.open(rig, ledger);
  try {
    for (const recording of recordings) {
      await patiently(() => ingest.open(recording));
      try {
        for (const track of recording.tracks) {
          await completeTrack(ingest, recording, track);
        }
      } catch (error) {
        assert.ok(isFinished(error) && ledger.at().has('finishing', recording.name), String(error));
      }
      await patiently(() => ingest.finish(recording));
      recording.tracks.forEach((track) => ledger.noteLength('acknowledged', track, track.media.length));
    }
  } finally {
    ingest.cut();
  }
}

/** What plays of a track is what was recorded, all that was acknowledged, and nothing that was not sent. */
async function checkTrack(player, recording, track, known) {
  const { length, state } = await player.update(track.number);
  const media = await player.readAll(track.number);
  const [acknowledged, sent] = ['acknowledged', 'sent'].map((what) => known.length(what, track));
  assert.ok(length >= acknowledged, `${track.name}: ${length} bytes play of ${acknowledged} acknowledged`);
  assert.ok(length <= sent, `${track.name}: ${length} bytes play of ${sent} sent`);
  const [played, recorded] = [media, track.media.subarray(0, length)].map((bytes) =>
    createHash('sha256').update(bytes).digest('hex'));
  assert.equal(played, recorded, `${track.name}: not the bytes that were recorded`);
  if (known.has('finished', recording.name)) {
    assert.equal(state, 'finished');
    assert.equal(length, acknowledged, `${track.name}: finished, and of another length`);
  }
}

async function checkRecording(rig, client, recording, known) {
  const listed = (await client.list(rig.store.mint(recording.identity, 'list')));
  const entries = listed.recordings.filter(({ recording: id }) => id === recording.id);
  assert.equal(listed.withheld, 0, `${recording.name}: withheld`);
  assert.equal(entries.length, listed.recordings.length, `${recording.name}: somebody else's in the list`);
  assert.ok(entries.length <= 1, `${recording.name}: listed ${entries.length} times`);
  assert.ok(entries.length === 1 || !known.has('opened', recording.name), `${recording.name}: missing`);
  assert.ok(entries.length === 0 || known.has('asked', recording.name), `${recording.name}: nobody opened it`);
  if (entries.length === 0) {
    return;
  }
  const player = await client.play(rig.store.mint(recording.identity, 'play'), recording.id);
  const numbers = player.entry.tracks.map(({ track }) => track);
  for (const track of recording.tracks) {
    const count = numbers.filter((number) => number === track.number).length;
    assert.ok(count === 1 || (count === 0 && !known.has('ready', track.name)), `${track.name}: there ${count} times`);
    assert.ok(count === 0 || known.has('asked', track.name), `${track.name}: nobody added it`);
    if (count > 0) {
      await checkTrack(player, recording, track, known);
    }
  }
  await player.close();
}

async function checkServices(rig, ledger, known) {
  const names = (await asOperator(rig, (client) => client.services())).map(({ name }) => name);
  assert.equal(new Set(names).size, names.length, 'a service is there twice');
  if (known.has('added', LATECOMER.name)) {
    assert.ok(names.includes(LATECOMER.name), 'an added service is missing');
    const secretKey = bytesOf('latecomer');
    const credential = { ...rig.credential('ingest'), name: LATECOMER.name, secretKey, psk: ledger.psk };
    await (await Client.connect(credential)).close();
  }
}

/** Plays all of a recording that has been completed, and compares it. */
export async function play(rig, client, recording) {
  const player = await client.play(rig.store.mint(recording.identity, 'play'), recording.id);
  for (const { number, media, name } of recording.tracks) {
    await player.update(number);
    assert.ok((await player.readAll(number)).equals(media), `${name}: not the bytes that were recorded`);
  }
  await player.close();
}

/** Plays what was recorded long before, again and again. */
export async function hear(rig, goesOn) {
  const client = await Client.connect(rig.credential('playback'));
  while (goesOn()) {
    await play(rig, client, EARLIER);
  }
  await client.close();
}

/** The workload, and beside it another one and a listener: what each of them came to. */
export async function workAll(rig, ledger) {
  let over = false;
  const goesOn = () => !over;
  const beside = failure(workBeside(rig, ledger, goesOn));
  const listener = failure(hear(rig, goesOn));
  const own = await failure(work(rig, ledger));
  over = true;
  return { own, beside: await beside, listener: await listener };
}

/** Throws unless the daemon that runs now keeps every promise that the ledger holds it to (as it stood at `time`). */
export async function check(rig, ledger, { time = Infinity, recordings = RECORDINGS } = {}) {
  const known = ledger.at(time);
  const client = await Client.connect(rig.credential('playback'));
  for (const recording of recordings) {
    await checkRecording(rig, client, recording, known);
  }
  await client.close();
  await checkServices(rig, ledger, known);
}
