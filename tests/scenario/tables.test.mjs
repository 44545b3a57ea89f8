// A table of several pages that is asked for whole: in parts and a last page, before the recording is finished, when its
// records come from the index, and after, when they come from the manifest; and no faster than they are taken.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { readCredential } from '../peer/client.mjs';
import { Connection } from '../peer/connection.mjs';
import { encode } from '../peer/wire.mjs';
import { Recording } from '../peer/writer.mjs';
import { Store, missing, waitFor } from './harness.mjs';
import { Raw } from './raw.mjs';
import { recordSegments } from './tracks.mjs';

const skip = missing();
const ALICE = 'https://clinic.example/mrn|alice';
const PAGE = 512;
const STREAM = 1;
const ALL = 2;

let store;
let playback;
let ingest;
let recording;
let segments = 6 * PAGE + 28;

async function opened(streams = 1) {
  const raw = await Raw.open(playback);
  for (let stream = STREAM; stream < STREAM + streams; stream++) {
    raw.say('play.open', stream, { grant: store.mint(ALICE, 'play'), recording });
    await raw.until('play.opened');
  }
  return raw;
}

const start = (raw, stream, from, length) => raw.say('play.start', stream, {
  grant: store.mint(ALICE, 'play'), recording, track: 1, from, length,
});

async function writing(body) {
  const connection = await Connection.open(readCredential(ingest));
  await body(new Recording(connection, store.mint(ALICE, 'record'), recording));
  await connection.close();
}

/** The answer to one question on one stream, up to what is no part. */
async function answers(raw) {
  const pages = [];
  do {
    pages.push(await raw.next());
    assert.ok(pages.at(-1), 'the daemon closed the connection');
  } while (pages.at(-1).name === 'play.table.part');
  return pages;
}

/** Every page follows the one before, and the last alone is no part. */
function checkPages(pages, from, head) {
  let next = from;
  pages.forEach((page, i) => {
    assert.equal(page.name, i < pages.length - 1 ? 'play.table.part' : 'play.table.reply');
    assert.equal(page.request, pages[0].request);
    assert.deepEqual(page.head, head);
    assert.equal(page.from, next);
    page.records.forEach((record, at) => assert.equal(record.number, next + at));
    next += page.records.length;
  });
  assert.equal(next, segments);
  assert.equal(pages.length, Math.max(1, Math.ceil((segments - from) / PAGE)));
}

/** The track grows under players whose tables wait to be taken: is there one that has in its table what came since? */
async function outgrown() {
  const raw = await Raw.open(playback);
  const [streams, from] = [16, segments - 1];
  raw.pause();
  for (let stream = STREAM; stream < STREAM + streams; stream++) {
    start(raw, stream, from, 2 ** 26);
  }
  await waitFor(async () => (await store.stats()).players_now > 0, { what: 'a player' });
  await writing(async (same) => {
    const writer = await same.resume(1);
    for (const end = segments + 5; segments < end; segments++) {
      await writer.append(Buffer.of(segments & 255));
      await writer.sync();
    }
    await writer.close();
  });
  raw.resume();
  const opened = new Map();
  let longer = false;
  for (let done = 0; done < streams;) {
    const { name, stream, ...message } = await raw.next();
    const had = opened.get(stream);
    if (name === 'play.opened') {
      opened.set(stream, message.heads[0].segments);
    } else if (name === 'play.table.reply') {
      longer ||= message.head.segments > had;
    } else if (name === 'play.key') {
      assert.ok(message.segment >= from && message.segment < had, `the key of segment ${message.segment} of ${had}`);
    } else if (name === 'play.done') {
      assert.deepEqual([message.from, message.length], [from, had - from]);
      done++;
    }
  }
  raw.destroy();
  return longer;
}

/** The same for each of the two states of the recording. */
function tables(state) {
  test(`${state}: all of it, from its beginning and from elsewhere`, async () => {
    const raw = await opened();
    let head;
    for (const from of [0, 1, PAGE, segments - PAGE - 1, segments - PAGE, segments - 1, segments]) {
      raw.say('play.table', STREAM, { track: 1, from, want: ALL });
      const pages = await answers(raw);
      head ??= pages[0].head;
      assert.deepEqual([head.segments, head.length, head.state], [segments, segments, state]);
      checkPages(pages, from, head);
    }
    raw.say('play.table', STREAM, { track: 1, from: segments + 1, want: ALL });
    assert.deepEqual((await answers(raw)).map(({ name, code, ended }) => [name, code, ended]),
      [['error', 'usage', false]]);
    raw.say('play.table', STREAM, { track: 1, from: 0, want: 0 });
    assert.deepEqual((await answers(raw)).map(({ name, records }) => [name, records.length]),
      [['play.table.reply', PAGE]]);
    raw.destroy();
  });

  test(`${state}: what is asked between two parts ends the connection, and a close ends the parts`, async () => {
    const raw = await opened();
    raw.say('play.table', STREAM, { track: 1, from: 0, want: ALL });
    raw.say('close', STREAM, {});
    let message;
    do {
      message = await raw.next();
      assert.ok(['play.table.part', 'play.table.reply', 'closed'].includes(message.name), message.name);
    } while (message.name !== 'closed');
    raw.destroy();
    const other = await opened();
    // In one piece: a second write could come behind the last part.
    other.send(...[1000n, 1001n].map((request) => other.frame(encode('play.table', STREAM, request,
      { track: 1, from: 0, want: ALL }))));
    do {
      message = await other.next();
      assert.ok(['play.table.part', 'goodbye'].includes(message.name), message.name);
    } while (message.name !== 'goodbye');
    assert.equal(message.code, 'usage');
    other.destroy();
  });

  test(`${state}: all of it and a range behind it, where both are asked for at once`, async () => {
    const raw = await Raw.open(playback);
    for (const [i, [from, length, sent]] of [[0, 1, 1], [PAGE - 1, 2, 2], [segments - 3, 2 ** 26, 3], [segments, 1, 0],
      [segments + 1, 1, 0]].entries()) {
      start(raw, STREAM + i, from, length);
      const opened = await raw.next();
      const pages = await answers(raw);
      checkPages(pages, 0, opened.heads[0]);
      const names = [];
      let message;
      do {
        message = await raw.next();
        names.push(message.name);
        assert.equal(message.request, opened.request);
      } while (message.name !== 'play.done');
      assert.deepEqual(names, [...Array(sent).fill(['play.key', 'play.body']).flat(), 'play.done']);
      assert.deepEqual([message.from, message.length], [from, sent]);
    }
    raw.destroy();
  });

  test(`${state}: who does not take the parts has few of them made`, async () => {
    const streams = 16;
    const all = streams * Math.ceil(segments / PAGE);
    const raw = await opened(streams);
    const other = await opened();
    const served = async () => (await store.stats()).requests;
    raw.pause();
    const began = await served();
    for (let stream = STREAM; stream < STREAM + streams; stream++) {
      raw.say('play.table', stream, { track: 1, from: 0, want: ALL });
    }
    // Pages for somebody else, one after the other: between two of them another page is made where one is to be made.
    for (let i = 0; i < 2 * all; i++) {
      other.say('play.table', STREAM, { track: 1, from: 0, want: 0 });
      await answers(other);
    }
    // Each page counts as a request, and so does the look.
    const pages = (await served()) - began - 2 * all - 1;
    assert.ok(pages > 0 && pages < all / 2, `${pages} of ${all} pages were made for nobody`);
    raw.resume();
    for (let last = 0; last < streams;) {
      last += (await raw.next()).name === 'play.table.reply' ? 1 : 0;
    }
    raw.destroy();
    other.destroy();
  });
}

describe('tables', { skip }, () => {
  before(async () => {
    store = await Store.serve();
    ingest = await store.service('ingest');
    playback = await store.service('playback');
    recording = await store.connected(ingest, (client) => recordSegments(store, client, segments));
  }, { timeout: 120_000 });
  after(() => store?.remove());

  tables('unfinished');

  test('a range asked for at once ends where the track did when it was opened, though its table goes on', async () => {
    // How many players were opened and how many pages made when the track grows is the daemon's to choose.
    await waitFor(outgrown, { what: 'a table that has more than there was when it was opened' });
  });

  test('it is finished', async () => {
    await writing((same) => same.finish());
  });
  tables('finished');
});
