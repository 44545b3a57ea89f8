// play.start at the daemon: what comes unasked and where it ends, what the account has before a key leaves, and what
// becomes of it when something comes between: a close, a freeze, a deletion, others that read, a peer that takes nothing.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readlinkSync, truncateSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { readEntries } from './entries.mjs';
import { BIN_RELEASE, Store, missing, waitFor } from './harness.mjs';
import { Raw } from './raw.mjs';
import { startHeld } from './sync_waits.mjs';
import { recordSegments } from './tracks.mjs';

const skip = missing();
const ALICE = 'https://clinic.example/mrn|alice';
const BOB = 'https://clinic.example/mrn|bob';
const MIB = 1 << 20;
const LENGTH = 40 * MIB;
const STREAM = 1;
const PAGE = 512;
const MANY = 3 * PAGE + 5;

let store;
let ingest;
let playback;
let whole;
let growing;
let bobs;

const start = (raw, recording, { stream = STREAM, track = 1, from = 0, length = 1000, who = ALICE } = {}) =>
  raw.say('play.start', stream, { grant: store.mint(who, 'play'), recording, track, from, length });

/** All messages up to the one that ends what was started on each of the streams. */
async function answers(raw, streams = [STREAM]) {
  const messages = [];
  for (const left = new Set(streams); left.size > 0;) {
    const message = await raw.next();
    assert.ok(message, 'the daemon closed the connection');
    messages.push(message);
    if (['play.done', 'error'].includes(message.name)) {
      left.delete(message.stream);
    }
  }
  return messages;
}

/** Names in their order, each once for a run of them; a range's keys and bodies are one run. */
const shape = (messages) => messages.map(({ name }) => (['play.key', 'play.body'].includes(name) ? 'range' : name))
  .filter((name, i, all) => name !== all[i - 1]);

/** The one file of a recording. */
const blobOf = (id) => store.path('blobs', readdirSync(store.path('blobs'), { recursive: true })
  .find((name) => name.includes(id)));

const entries = () => readEntries(store.path('audit', 'records'));
const since = (number) => entries().filter((entry) => entry.number >= number);
const operate = (command, ...args) => store.done([command, ...args, '--reason', 'a scenario'], {
  credential: store.operator });

describe('a start', { skip }, () => {
  before(async () => {
    store = await Store.serve();
    playback = await store.service('playback');
    ingest = await store.service('ingest');
    await store.connected(ingest, async (client) => {
      whole = await store.record(client, ALICE, { tracks: [{ media: randomBytes(LENGTH) }] });
      bobs = await store.record(client, BOB, { tracks: [{ media: randomBytes(100) }] });
      growing = await recordSegments(store, client, MANY);
    });
  }, { timeout: 120_000 });

  after(() => store?.remove(), { timeout: 60_000 });

  test('brings the recording, its table and the range, all under its request', async () => {
    const raw = await Raw.open(playback);
    start(raw, whole, { from: MIB, length: 2 * MIB });
    const messages = await answers(raw);
    assert.deepEqual(shape(messages), ['play.opened', 'play.table.reply', 'range', 'play.done']);
    assert.ok(messages.every(({ request, stream }) => request === messages[0].request && stream === STREAM));
    assert.deepEqual([messages.at(-1).from, messages.at(-1).length], [MIB, 2 * MIB]);
    // The player goes on as any other.
    raw.say('play.read', STREAM, { track: 1, from: 0, length: 9 });
    assert.equal((await raw.until('play.done')).length, 9);
    raw.say('close', STREAM, {});
    await raw.until('closed');
    raw.destroy();
  });

  test('brings a table of many pages first, of a track that may still grow', async () => {
    const raw = await Raw.open(playback);
    start(raw, growing, { from: MANY - 3, length: 1000 });
    const messages = await answers(raw);
    assert.deepEqual(shape(messages), ['play.opened', 'play.table.part', 'play.table.reply', 'range', 'play.done']);
    const records = messages.flatMap((message) => message.records ?? []);
    assert.deepEqual(records.map(({ number }) => number), Array.from({ length: MANY }, (_, number) => number));
    assert.deepEqual(messages.filter(({ name }) => name === 'play.key').map(({ segment }) => segment),
      [MANY - 3, MANY - 2, MANY - 1]);
    assert.deepEqual([messages.at(-1).from, messages.at(-1).length], [MANY - 3, 3]);
    raw.destroy();
  });

  test('ends where its track did, and brings nothing from there on', async () => {
    for (const [from, length, given] of [[LENGTH - 5, 100, 5], [LENGTH, 1, 0], [LENGTH + MIB, 64 * MIB, 0]]) {
      const raw = await Raw.open(playback);
      start(raw, whole, { from, length });
      const messages = await answers(raw);
      assert.deepEqual(shape(messages),
        ['play.opened', 'play.table.reply', ...given > 0 ? ['range'] : [], 'play.done']);
      assert.deepEqual([messages.at(-1).from, messages.at(-1).length], [from, given]);
      raw.destroy();
    }
  });

  test('with a track that is not there leaves a player', async () => {
    const raw = await Raw.open(playback);
    start(raw, whole, { track: 2 });
    const messages = await answers(raw);
    assert.deepEqual(shape(messages), ['play.opened', 'error']);
    assert.deepEqual([messages[1].code, messages[1].ended], ['not_found', false]);
    raw.say('play.read', STREAM, { track: 1, from: 0, length: 9 });
    assert.equal((await raw.until('play.done')).length, 9);
    raw.destroy();
  });

  test('of another\'s recording opens nothing, and raises the alarm', async () => {
    const from = entries().length;
    const raw = await Raw.open(playback);
    start(raw, bobs);
    const [refusal] = await answers(raw);
    assert.deepEqual([refusal.name, refusal.code, refusal.ended], ['error', 'not_found', true]);
    const [entry] = since(from).filter(({ kind }) => kind === 'refused');
    assert.deepEqual([entry.operation, entry.facts.alarm, entry.recordings[0].withheld],
      ['play.open', 'foreign', 'foreign']);
    raw.destroy();
  });

  test('has its opening and its range in the account before a key leaves', async () => {
    const from = entries().length;
    const raw = await Raw.open(playback);
    start(raw, whole, { from: 10, length: 90 });
    await raw.until('play.opened');
    const [presented, authorised] = since(from).filter(({ kind }) => ['presented', 'authorised'].includes(kind));
    assert.deepEqual([presented.operation, presented.recordings[0].id], ['play.open', whole]);
    assert.deepEqual([authorised.kind, authorised.operation, authorised.number, authorised.of],
      ['authorised', 'play.read', presented.number + 1, presented.number]);
    assert.deepEqual(['request', 'service', 'issuer', 'jti', 'tag', 'actor', 'role'].map((name) => authorised[name]),
      ['request', 'service', 'issuer', 'jti', 'tag', 'actor', 'role'].map((name) => presented[name]));
    assert.deepEqual(authorised.recordings.map((one) => [one.id, one.track, one.from, one.to]), [[whole, 1, 10, 100]]);
    await raw.until('play.done');
    raw.say('close', STREAM, {});
    await raw.until('closed');
    raw.destroy();
    const sent = await waitFor(() => since(from).find(({ kind }) => kind === 'sent'), { what: 'what was sent' });
    assert.deepEqual([sent.of, sent.outcome, sent.counts.bytes], [presented.number, 'closed', 90]);
    assert.equal(since(from).find(({ kind }) => kind === 'confirmed').counts.bytes, 90);
    // No other was needed.
    assert.equal(since(from).filter(({ kind }) => kind === 'authorised').length, 1);
  });

  test('asks for no leave where its track ends before it', async () => {
    const from = entries().length;
    const raw = await Raw.open(playback);
    start(raw, whole, { from: LENGTH });
    await raw.until('play.done');
    raw.say('close', STREAM, {});
    await raw.until('closed');
    raw.destroy();
    assert.deepEqual(since(from).map(({ kind }) => kind), ['presented']);
  });

  test('whose range cannot be read is told so once, and leaves a player', () => store.connected(ingest, async (client) => {
    // Of an unfinished track, whose table is not in the file.
    const id = await recordSegments(store, client, 3);
    truncateSync(blobOf(id), 100);
    const from = store.log.length;
    const raw = await Raw.open(playback);
    start(raw, id);
    const messages = await answers(raw);
    assert.deepEqual(shape(messages), ['play.opened', 'play.table.reply', 'error']);
    assert.deepEqual([messages[2].code, messages[2].ended], ['corrupt', false]);
    assert.equal(store.events('corrupt', from).length, 1);
    raw.say('play.read', STREAM, { track: 1, from: 0, length: 1 });
    assert.equal((await raw.until('play.done')).length, 1);
    raw.destroy();
  }));

  test('that is closed at once ends so, wherever it is', async () => {
    for (const recording of [whole, growing]) {
      for (let answered = 0; answered < 4; answered++) {
        const raw = await Raw.open(playback);
        start(raw, recording, { length: LENGTH });
        await raw.until('play.opened');
        for (let i = 0; i < answered; i++) {
          await raw.next();
        }
        raw.say('close', STREAM, {});
        const closed = await raw.until('closed');
        assert.equal(closed.stream, STREAM);
        raw.say('ping', 0, {});
        await raw.until('pong');
        raw.destroy();
      }
    }
  });

  test('may be renewed before its table is there', async () => {
    const raw = await Raw.open(playback);
    start(raw, growing);
    await raw.until('play.opened');
    raw.say('grant.renew', STREAM, { grant: store.mint(ALICE, 'play') });
    const messages = [];
    do {
      messages.push(await raw.next());
    } while (!(messages.some(({ name }) => name === 'grant.renewed') && messages.some(({ name }) => name === 'play.done')));
    assert.ok(messages.every(({ name }) => name !== 'error'));
    raw.destroy();
  });

  test('brings what others on its connection read as well, each its own', async () => {
    const raw = await Raw.open(playback);
    const streams = Array.from({ length: 12 }, (_, i) => STREAM + i);
    raw.pause();
    for (const stream of streams) {
      start(raw, stream % 2 ? whole : growing, { stream, from: stream, length: 4 * MIB });
    }
    const other = await Raw.open(playback);
    start(other, whole);
    await answers(other);
    raw.resume();
    const messages = await answers(raw, streams);
    for (const stream of streams) {
      const own = messages.filter((message) => message.stream === stream);
      const parts = stream % 2 ? [] : ['play.table.part'];
      assert.deepEqual(shape(own), ['play.opened', ...parts, 'play.table.reply', 'range', 'play.done']);
      assert.equal(own.at(-1).length, stream % 2 ? 4 * MIB : MANY - stream);
    }
    raw.destroy();
    other.destroy();
  });

  test('is not given what its track has got since it was opened', () => store.connected(ingest, async (client) => {
    const begun = await client.record(store.mint(ALICE, 'record'));
    const writer = await begun.track({ type: 'video/webm' });
    let over = false;
    const writing = (async () => {
      while (!over) {
        await writer.append(randomBytes(100));
        await writer.sync();
      }
    })();
    const raw = await Raw.open(playback);
    let grown = 0;
    for (let stream = STREAM; stream < STREAM + 200 || grown === 0; stream++) {
      start(raw, begun.id, { stream, length: MIB });
      const messages = await answers(raw, [stream]);
      const [opened, table] = [messages[0].heads[0], messages.findLast(({ head }) => head).head];
      assert.equal(messages.at(-1).length, opened.length);
      assert.equal(messages.filter(({ name }) => name === 'play.key').length, opened.segments);
      grown += table.length > opened.length ? 1 : 0;
      raw.say('close', stream, {});
      await raw.until('closed');
    }
    over = true;
    await writing;
    await writer.close();
    raw.destroy();
  }));

  test('holds few files open for a connection that takes nothing, however many there are', async () => {
    const files = () => readdirSync(`/proc/${store.pid}/fd`).filter((fd) => {
      try {
        return readlinkSync(`/proc/${store.pid}/fd/${fd}`).includes('/blobs/');
      } catch {
        return false; // closed meanwhile
      }
    }).length;
    const [from, before] = [entries().length, files()];
    const raw = await Raw.open(playback);
    const streams = Array.from({ length: 40 }, (_, i) => STREAM + i);
    raw.pause();
    streams.forEach((stream) => start(raw, whole, { stream, length: LENGTH }));
    await waitFor(() => since(from).filter(({ kind }) => kind === 'presented').length === streams.length,
      { what: 'all openings' });
    const other = await Raw.open(playback);
    for (const stream of streams) {
      start(other, whole, { stream });
      await answers(other, [stream]);
      other.say('close', stream, {});
      await other.until('closed');
      assert.ok(files() - before <= 8, `${files() - before} files are open`);
    }
    raw.destroy();
    other.destroy();
  });

  const stops = [
    ['a freeze', 'frozen', () => operate('freeze', '--recording', whole), () => operate('thaw', '--recording', whole)],
    ['a deletion', 'not_found', (client) => client.delete(store.mint(ALICE, 'delete'), whole),
      (client) => client.undelete(store.mint(ALICE, 'delete'), whole)],
  ];
  for (const [what, code, stop, undo] of stops) {
    test(`is stopped by ${what} in the middle`, () => store.connected(playback, async (client) => {
      const raw = await Raw.open(playback);
      start(raw, whole, { length: LENGTH });
      await raw.until('play.body');
      raw.pause();
      await stop(client);
      raw.resume();
      const messages = await answers(raw);
      assert.deepEqual([messages.at(-1).name, messages.at(-1).code, messages.at(-1).ended], ['error', code, true]);
      const taken = messages.filter(({ name }) => name === 'play.body').reduce((sum, { length }) => sum + length, 0);
      assert.ok(taken < LENGTH / 2, `${taken} bytes came behind it`);
      raw.destroy();
      await undo(client);
    }));
  }
});

/** A store of its own whose syncs can be held, with a recording that has been opened on a connection. */
async function beforeHeld(t) {
  const own = await Store.make({ bin: BIN_RELEASE });
  t.after(() => own.remove());
  own.set('grants', 'skew_s', '0');
  own.set('log', 'level', 'debug');
  const held = await startHeld(own);
  const caller = await own.service('ingest,playback');
  const media = randomBytes(MIB);
  const recording = await own.connected(caller, (client) => own.record(client, ALICE, { tracks: [{ media }] }));
  const raw = await Raw.open(caller);
  t.after(() => raw.destroy());
  // Whom it names is known then, so that nothing but its entry waits.
  raw.say('play.open', STREAM, { grant: own.mint(ALICE, 'play'), recording });
  await raw.until('play.opened');
  return { own, held, raw, caller, recording };
}

const heldTest = { skip: missing(['sealreeld', 'sealreel'], BIN_RELEASE), timeout: 60_000 };

test('a start whose caller is gone is said to have been sent nothing', heldTest, async (t) => {
  const { own, held, raw, recording } = await beforeHeld(t);
  const entriesOf = () => readEntries(own.path('audit', 'records'));
  const from = entriesOf().length;
  held.hold('audit');
  raw.say('play.start', STREAM + 1, { grant: own.mint(ALICE, 'play'), recording, track: 1, from: 0, length: MIB });
  await waitFor(() => held.waits() > 0, { what: 'its entry' });
  // The one sync that it waits for is of both.
  const [presented, authorised] = entriesOf().filter(({ number }) => number >= from);
  assert.deepEqual([presented.kind, authorised?.kind, authorised?.of], ['presented', 'authorised', presented.number]);
  const logged = own.log.length;
  raw.destroy();
  await own.logged('session_end', { from: logged });
  held.release();
  const sent = await waitFor(() => entriesOf().find(({ number, kind }) => number >= from && kind === 'sent'),
    { what: 'what was sent' });
  assert.deepEqual([sent.of, sent.outcome, sent.counts.bytes], [presented.number, 'gone', 0]);
});

test('a start whose recording is deleted while its opening waits for the disk is given no key', heldTest, async (t) => {
  const { own, held, raw, caller, recording } = await beforeHeld(t);
  await own.connected(caller, async (client) => {
    // First the deletion's commit waits; behind it the entry of the opening, which names somebody who was never named.
    held.hold('index');
    const deletion = client.delete(own.mint(ALICE, 'delete'), recording);
    await waitFor(() => held.waits() > 0, { what: 'the deletion' });
    const { opens } = await client.stats();
    raw.say('play.start', STREAM + 1, {
      grant: own.mint(ALICE, 'play', { claims: { act: { sub: 'somebody new', role: 'clinician' } } }),
      recording,
      track: 1,
      from: 0,
      length: MIB,
    });
    await waitFor(async () => (await client.stats()).opens > opens, { what: 'the opening' });
    held.release();
    await deletion;
    const messages = (await answers(raw, [STREAM + 1])).filter(({ stream }) => stream === STREAM + 1);
    assert.deepEqual(shape(messages), ['play.opened', 'play.table.reply', 'error']);
    assert.deepEqual([messages[2].code, messages[2].ended], ['not_found', false]);
  });
});

test('a start whose grant ends while its opening waits for the disk is given nothing', heldTest, async (t) => {
  const { own, held, raw, recording } = await beforeHeld(t);
  held.hold('audit');
  const exp = Math.floor(Date.now() / 1000) + 2;
  raw.say('play.start', STREAM + 1, {
    grant: own.mint(ALICE, 'play', { claims: { exp } }), recording, track: 1, from: 0, length: MIB,
  });
  await waitFor(() => held.waits() > 0 && Date.now() > exp * 1000, { what: 'the end of the grant' });
  held.release();
  const messages = await answers(raw, [STREAM + 1]);
  assert.deepEqual(shape(messages), ['play.opened', 'error']);
  assert.deepEqual([messages[1].code, messages[1].ended], ['expired', true]);
});
