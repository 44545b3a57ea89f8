// A table of several pages that is asked for whole: in parts and a last page, before the recording is finished, when its
// records come from the index, and after, when they come from the manifest; and no faster than they are taken.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { readCredential } from '../peer/client.mjs';
import { Connection } from '../peer/connection.mjs';
import { Recording } from '../peer/writer.mjs';
import { Store, missing } from './harness.mjs';
import { Raw } from './raw.mjs';

const skip = missing();
const ALICE = 'https://clinic.example/mrn|alice';
const PAGE = 512;
const SEGMENTS = 6 * PAGE + 28;
const STREAM = 1;
const ALL = 2;

let store;
let playback;
let ingest;
let recording;

async function opened(streams = 1) {
  const raw = await Raw.open(playback);
  for (let stream = STREAM; stream < STREAM + streams; stream++) {
    raw.say('play.open', stream, { grant: store.mint(ALICE, 'play'), recording });
    await raw.until('play.opened');
  }
  return raw;
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
  assert.equal(next, SEGMENTS);
  assert.equal(pages.length, Math.max(1, Math.ceil((SEGMENTS - from) / PAGE)));
}

/** The same for each of the two states of the recording. */
function tables(state) {
  test(`${state}: all of it, from its beginning and from elsewhere`, async () => {
    const raw = await opened();
    let head;
    for (const from of [0, 1, PAGE, SEGMENTS - PAGE - 1, SEGMENTS - PAGE, SEGMENTS - 1, SEGMENTS]) {
      raw.say('play.table', STREAM, { track: 1, from, want: ALL });
      const pages = await answers(raw);
      head ??= pages[0].head;
      assert.deepEqual([head.segments, head.length, head.state], [SEGMENTS, SEGMENTS, state]);
      checkPages(pages, from, head);
    }
    raw.say('play.table', STREAM, { track: 1, from: SEGMENTS + 1, want: ALL });
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
    other.say('play.table', STREAM, { track: 1, from: 0, want: ALL });
    other.say('play.table', STREAM, { track: 1, from: 0, want: ALL });
    do {
      message = await other.next();
      assert.ok(['play.table.part', 'goodbye'].includes(message.name), message.name);
    } while (message.name !== 'goodbye');
    assert.equal(message.code, 'usage');
    other.destroy();
  });

  test(`${state}: who does not take the parts has few of them made`, async () => {
    const streams = 16;
    const all = streams * Math.ceil(SEGMENTS / PAGE);
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
    await store.connected(ingest, async (client) => {
      const begun = await client.record(store.mint(ALICE, 'record'));
      recording = begun.id;
      const writer = await begun.track({ type: 'video/webm' });
      for (let at = 0; at < SEGMENTS; at++) {
        await writer.append(Buffer.of(at & 255));
        await writer.sync();
      }
      await writer.close();
    });
  }, { timeout: 120_000 });
  after(() => store?.remove());

  tables('unfinished');
  test('it is finished', async () => {
    const connection = await Connection.open(readCredential(ingest));
    await new Recording(connection, store.mint(ALICE, 'record'), recording).finish();
    await connection.close();
  });
  tables('finished');
});
