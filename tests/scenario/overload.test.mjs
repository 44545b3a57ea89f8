// More is asked of a daemon than it has: each limit says no in its own words and counts it, memory stays within its
// bound, and calls that are going on go on.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Client, readCredential } from '../peer/client.mjs';
import { Connection } from '../peer/connection.mjs';
import { NO_ID, encode } from '../peer/wire.mjs';
import { Recording, newRecordingId } from '../peer/writer.mjs';
import { BIN, BIN_RELEASE, DEADLINE, Store, missing, waitFor } from './harness.mjs';
import { Raw } from './raw.mjs';
import { ALICE, SOURCE, begin, connecting, playedLength } from './tracks.mjs';

const LONG = Boolean(process.env.SEALREEL_LONG);
const MIB = 1 << 20;
const ownMemory = (pid) => 1024 * Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
const limits = (options) => Object.entries(options).map(([name, value]) => ['limits', name, String(value)]);
const LIST = { from: 0, to: 0, after: NO_ID, limit: 1 };

/** A store with these limits for the tests of one `describe`. */
function serving(options, body, bin = BIN) {
  const place = {};
  before(async () => {
    place.store = await Store.serve({ bin, options: limits(options) });
    place.known = readCredential(await place.store.service('ingest,playback'));
    place.grant = place.store.mint(ALICE, 'record list play');
  });
  after(() => place.store?.remove());
  body(place);
}

/** A connection that has proved itself. */
async function settled({ known }) {
  const raw = await Raw.open(known);
  raw.say('ping', 0, {});
  assert.equal((await raw.next()).name, 'pong');
  return raw;
}

async function closedInSilence({ known }) {
  const raw = await Raw.connect(known);
  assert.equal(await raw.read(1), null);
}

/** What a refusal says, without its request's number. */
const words = ({ name, code, ended, retryMs, text }) => ({ name, code, ended, retryMs, text });
const busy = (text, ended) => ({ name: 'error', code: 'busy', ended, retryMs: 1000, text });

function gone(raws) {
  raws.forEach((raw) => raw.destroy());
}

describe('connections in all', { skip: missing() }, () => serving({ sessions: 3 }, (place) => {
  test('the fourth is closed in silence, and there is room again once one has gone', async () => {
    const raws = [await settled(place), await settled(place), await settled(place)];
    await closedInSilence(place);
    raws.pop().destroy();
    const { refused_sessions: counted } = await waitFor(() => place.store.stats().catch(() => null));
    assert.ok(counted >= 1);
    gone(raws);
  });
}));

describe('connections from one address', { skip: missing() }, () => serving({ sessions_per_address: 3 }, (place) => {
  test('the fourth is closed in silence, and there is room again once one has gone', async () => {
    const raws = [await settled(place), await settled(place), await settled(place)];
    await closedInSilence(place);
    raws.pop().destroy();
    const counters = await waitFor(() => place.store.stats().catch(() => null));
    assert.ok(counters.refused_address >= 1);
    assert.equal(counters.refused_sessions, 0);
    gone(raws);
  });
}));

describe('unproved connections from one address', { skip: missing() }, () => {
  serving({ half_open_per_address: 2, half_open_s: 2 }, (place) => {
    test('the third is closed in silence, and those that time out are counted', async () => {
      const raws = [await Raw.connect(place.known), await Raw.connect(place.known)];
      await closedInSilence(place);
      for (const raw of raws) {
        assert.equal(await raw.read(1), null);
      }
      const counters = await place.store.stats();
      assert.equal(counters.refused_half_open, 1);
      assert.equal(counters.timed_out, 2);
    });
  });
});

describe('connections of one service', { skip: missing() }, () => serving({ sessions_per_service: 2 }, (place) => {
  const TEXT = 'the service has as many connections as it may';
  let raws;

  before(async () => {
    raws = [await settled(place), await settled(place)];
  });
  after(() => gone(raws));

  /** What the third gets for its first message. */
  async function third(name, stream, fields) {
    const raw = await Raw.open(place.known);
    raw.say(name, stream, fields);
    return (await raw.rest()).map((message) => (message.name === 'goodbye'
      ? { goodbye: message.code, text: message.text } : words(message)));
  }

  const GOODBYE = { goodbye: 'busy', text: TEXT };

  test('the third has its request refused, and ends', async () => {
    assert.deepEqual(await third('list', 0, { grant: place.grant, ...LIST }), [busy(TEXT, false), GOODBYE]);
  });

  test('so has one that opens a stream', async () => {
    assert.deepEqual(await third('play.open', 1, { grant: place.grant, recording: newRecordingId() }),
      [busy(TEXT, true), GOODBYE]);
  });

  test('and one that asks nothing', async () => {
    assert.deepEqual(await third('ping', 0, {}), [GOODBYE]);
  });

  test('it is counted, another service is served, and there is room again once one has gone', async () => {
    const was = (await place.store.stats()).refused_service;
    await third('ping', 0, {});
    assert.equal((await place.store.stats()).refused_service, was + 1);
    raws.pop().destroy();
    await waitFor(() => settled(place).then((raw) => raws.push(raw), () => false));
  });
}));

describe('streams of one connection', { skip: missing() }, () => serving({}, (place) => {
  test('the 65th is busy, what follows on it is swallowed, and there is room again once one has gone', async () => {
    const recording = await place.store.connected(place.known,
      (client) => place.store.record(client, ALICE, { tracks: [{ media: SOURCE.subarray(0, 99) }] }));
    const raw = await settled(place);
    const open = (stream) => raw.say('play.open', stream, { grant: place.grant, recording });
    for (let stream = 1; stream <= 64; stream++) {
      open(stream);
    }
    for (let stream = 1; stream <= 64; stream++) {
      assert.equal((await raw.next()).name, 'play.opened');
    }
    open(65);
    raw.say('play.read', 65, { track: 1, from: 0, length: 9 });
    const refusal = await raw.next();
    assert.equal(refusal.stream, 65);
    assert.deepEqual(words(refusal), busy('more than 64 streams are open', true));
    raw.say('close', 7, {});
    assert.equal((await raw.next()).name, 'closed');
    open(66);
    assert.equal((await raw.next()).name, 'play.opened');
    assert.equal((await place.store.stats()).refused_streams, 1);
    raw.destroy();
  });
}));

describe('requests of one connection', { skip: missing() }, () => serving({}, (place) => {
  test('those beyond 32 are busy, in these words, and counted', async () => {
    const raw = await settled(place);
    const count = 200;
    for (let i = 0; i < count; i++) {
      raw.say('list', 0, { grant: place.grant, ...LIST });
    }
    let refusals = 0;
    for (let i = 0; i < count; i++) {
      const message = await raw.next();
      if (message.name === 'error') {
        refusals++;
        assert.deepEqual(words(message), { ...busy('more than 32 requests are under way', false), retryMs: 100 });
      }
    }
    assert.equal((await place.store.stats()).refused_requests, refusals);
    assert.ok(refusals > 0);
    raw.destroy();
  });
}));

// A frame begun holds a buffer of 68 KiB: so many of them are three quarters of the least memory there may be.
describe('memory', { skip: missing() }, () => serving({ memory_mib: 16, frame_s: 5 }, (place) => {
  const TEXT = 'the daemon\'s memory is in use';
  const DRIBBLERS = 170;
  const SURELY = 120; // of them are never enough

  test('while it is scarce, whatever is new is busy; what goes on goes on; then all is well again', async () => {
    const { store, known, grant } = place;
    await connecting(await store.service('ingest,playback'), 1, async (connection) => {
      const recording = await begin(store, connection);
      const writer = await recording.track({ type: 'video/webm' });
      // It has to prove itself now: opening all the others takes a busy machine longer than a handshake may.
      const operator = await settled({ known: store.operator });
      const bystander = await settled(place);
      const counters = async () => {
        operator.say('stats', 0, {});
        const list = (await operator.until('stats.reply')).counters;
        return Object.fromEntries(list.map(({ name, value }) => [name, value]));
      };
      const quiet = [];
      for (let i = 0; i < DRIBBLERS; i++) {
        quiet.push(await settled(place));
      }
      const dribblers = [];
      // Not asked after each of them: the first must not be over before the last has begun.
      while (dribblers.length < SURELY || (await counters()).memory_now < 12 * MIB) {
        const raw = quiet.pop();
        raw.send(Buffer.from([0, 99, 1]));
        dribblers.push(raw);
      }
      bystander.say('list', 0, { grant, ...LIST });
      assert.deepEqual(words(await bystander.next()), busy(TEXT, false));
      bystander.say('play.open', 1, { grant, recording: recording.id });
      assert.deepEqual(words(await bystander.next()), busy(TEXT, true));
      await closedInSilence(place);
      await writer.append(SOURCE.subarray(0, 100_000));
      assert.equal(await writer.sync(), 100_000);
      assert.equal((await counters()).refused_memory, 3);
      const [farewell, ...more] = await dribblers[0].rest();
      assert.deepEqual([farewell.name, farewell.code, farewell.text, more.length],
        ['goodbye', 'usage', 'a frame took too long', 0]);
      await waitFor(async () => (await counters()).memory_now < 12 * MIB);
      assert.ok((await counters()).timed_out > 0);
      bystander.say('list', 0, { grant, ...LIST });
      assert.equal((await bystander.next()).name, 'listing');
      await store.connected(known, (client) => client.ping());
      assert.equal(await writer.close(), 100_000);
      gone([operator, bystander, ...quiet, ...dribblers]);
      assert.equal(await playedLength(store, recording), 100_000);
    });
  });
}));

// An answered ping costs the daemon four times what it costs on the wire, if nobody takes the answer.
describe('answers that nobody takes', { skip: missing(['sealreeld', 'sealreel'], BIN_RELEASE) }, () => {
  const MOST = 16;
  const FLOODERS = 60;

  serving({ memory_mib: MOST, stall_s: 3 }, (place) => {
    test('do not take more memory than there may be, and it comes back', async (t) => {
      const { store } = place;
      const bare = ownMemory(store.pid);
      const raws = [];
      for (let i = 0; i < FLOODERS; i++) {
        const raw = await settled(place);
        raw.pause();
        raws.push(raw);
      }
      for (const raw of raws) {
        for (let i = 0; i < 20; i++) {
          raw.send(...Array.from({ length: 1000 }, () => raw.frame(encode('ping', 0, 1n))));
        }
      }
      let most = 0;
      await waitFor(() => {
        most = Math.max(most, ownMemory(store.pid));
        return store.stats().then(({ timed_out: count }) => count === FLOODERS, () => false);
      });
      t.diagnostic(`${Math.round(most / MIB)} MiB, of which ${Math.round(bare / MIB)} before`);
      assert.ok(most <= bare + MOST * MIB, `${most} bytes`);
      assert.ok((await store.stats()).memory_now < MIB);
      gone(raws);
    });
  }, BIN_RELEASE);
});

describe('silence', { skip: missing() }, () => serving({ silent_s: 2, idle_s: 1 }, (place) => {
  test('a stream makes it last longer, and it ends with a goodbye', async () => {
    const { store } = place;
    const grant = store.mint(ALICE, 'record');
    const connection = await Connection.open(place.known);
    const recording = await Recording.open(connection, grant, { id: newRecordingId() });
    const writer = await recording.track({ type: 'video/webm' });
    await writer.append(SOURCE.subarray(0, 9));
    const since = Date.now();
    assert.equal((await connection.over).message, 'ok: idle');
    assert.ok(Date.now() - since > 1900);
    assert.equal(await playedLength(store, recording), 9);
  });
}));

/** One call of 2 Mbit/s: what it sends when, and how long each byte waited to be durable at most. */
class Call {
  static TICK = 100;
  static BYTES = 25_000;
  worst = 0;
  sent = 0;
  #waiting = [];
  #over = false;

  static async begin(store, connection) {
    const call = new Call();
    call.recording = await begin(store, connection);
    call.stream = connection.stream();
    await call.stream.send('record.track', {
      grant: store.mint(ALICE, 'record'), recording: call.recording.id, nonce: Buffer.alloc(16, 1), track: 0, start: 0,
      type: 'video/webm', label: '',
    });
    await call.stream.next('record.ready');
    call.done = Promise.all([call.#speak(), call.#hear()]);
    return call;
  }

  async #speak() {
    await delay(Math.random() * Call.TICK);
    while (!this.#over && this.sent + Call.BYTES <= SOURCE.length) {
      const media = SOURCE.subarray(this.sent, this.sent + Call.BYTES);
      await this.stream.send('record.append', { offset: this.sent, mediaTime: null, media });
      this.sent += media.length;
      this.#waiting.push([this.sent, performance.now()]);
      await delay(Call.TICK);
    }
    await this.stream.send('close', {});
  }

  async #hear() {
    for (;;) {
      const { name, durable } = await this.stream.next('record.ack', 'closed');
      while (this.#waiting.length > 0 && this.#waiting[0][0] <= durable) {
        this.worst = Math.max(this.worst, performance.now() - this.#waiting.shift()[1]);
      }
      if (name === 'closed') {
        this.durable = durable;
        return;
      }
    }
  }

  /** The longest that anything has waited, and that what is waiting has by now. */
  get longest() {
    return Math.max(this.worst, this.#waiting.length > 0 ? performance.now() - this.#waiting[0][1] : 0);
  }

  end() {
    this.#over = true;
    return this.done;
  }
}

const SECONDS = LONG ? 60 : 8;
// A loaded machine's: what counts is that nobody waits for as long as the crowd stays.
const BOUND_MS = 5000;
const MEMORY_MIB = LONG ? 512 : 64;
// So many half-open ones there may be; more than that come, of which the others are refused.
const HELD = LONG ? 2000 : 500;
const ROWDY = LONG ? { halfOpen: 2200, stalled: 500, slow: 500, garbage: 20, bulk: 0 }
  : { halfOpen: 550, stalled: 50, slow: 50, garbage: 4, bulk: 0 };
const UPLOADS = { halfOpen: 0, stalled: 0, slow: 0, garbage: 0, bulk: 2 };
const timeout = LONG ? 600_000 : 3 * DEADLINE;

describe('a crowd', { skip: missing(['sealreeld', 'sealreel'], BIN_RELEASE), timeout }, () => {
  let store;

  before(async () => {
    store = await Store.serve({
      bin: BIN_RELEASE,
      options: limits({
        memory_mib: MEMORY_MIB, stall_s: 3600, half_open: HELD, half_open_per_address: HELD,
      }),
    });
  });
  after(() => store?.remove());

  /** The crowd in its thread: `assembled` once those who get in are in, until they `leave`. */
  async function assemble(crowd) {
    const credential = await store.service('ingest,playback');
    const recording = await store.connected(credential,
      (client) => store.record(client, ALICE, { tracks: [{ media: SOURCE }] }));
    const worker = new Worker(new URL('crowd.mjs', import.meta.url), {
      workerData: {
        credential, recording, crowd,
        grants: { play: store.mint(ALICE, 'play'), record: store.mint(ALICE, 'record') },
      },
    });
    // If the test fails it must not wait for a crowd that nobody sends away.
    worker.unref();
    const said = () => new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    return {
      assembled: said(),
      async leave() {
        const last = said();
        worker.postMessage('leave');
        await last;
      },
    };
  }

  /** 20 calls with this crowd beside them: nobody waits for long, and all that was sent plays. Returns the counters. */
  async function beside(crowd, t) {
    return connecting(await store.service('ingest', 'calls'), 20, async (...connections) => {
      const calls = [];
      for (const connection of connections) {
        calls.push(await Call.begin(store, connection));
      }
      // Inside, and proved by its first word, before the crowd is at the door.
      const operator = await Client.connect(readCredential(store.operator));
      await operator.ping();
      const others = await assemble(crowd);
      await others.assembled;
      const was = await operator.stats();
      let [memory, held] = [0, 0];
      for (let second = 0; second < SECONDS; second++) {
        await delay(1000);
        memory = Math.max(memory, ownMemory(store.pid));
        held += (await operator.stats()).half_open_now / SECONDS;
      }
      const counters = await operator.stats();
      await operator.close();
      const longest = Math.max(...calls.map((call) => call.longest));
      t.diagnostic(`memory ${Math.round(memory / MIB)} MiB of ${MEMORY_MIB}; in the account, at the end, `
        + `${Math.round(counters.memory_now / MIB)} MiB; ${Math.round(held)} of ${HELD} half-open on average`);
      t.diagnostic(`${Math.round((counters.bytes_durable - was.bytes_durable) / MIB / SECONDS)} MiB/s became durable; `
        + `the longest wait for an acknowledgement was ${Math.round(longest)} ms`);
      await others.leave();
      await Promise.all(calls.map((call) => call.end()));
      assert.ok(memory <= MEMORY_MIB * MIB, `${memory} bytes`);
      assert.ok(longest <= BOUND_MS, `${longest} ms`);
      for (const call of calls) {
        assert.equal(call.durable, call.sent);
        await call.recording.finish();
        assert.equal(await playedLength(store, call.recording), call.sent);
      }
      return { was, counters, held };
    });
  }

  const named = (crowd) => Object.entries(crowd).filter(([, count]) => count)
    .map(([what, count]) => `${count} ${what}`).join(', ');

  test(`${named(UPLOADS)} beside 20 live calls`, (t) => beside(UPLOADS, t));

  test(`${named(ROWDY)} beside 20 live calls`, async (t) => {
    const { was, counters, held } = await beside(ROWDY, t);
    assert.ok(held >= 0.8 * HELD, `${held} half-open ones were held`);
    assert.equal(counters.writers_now, 20 + ROWDY.slow);
    assert.equal(counters.players_now, ROWDY.stalled);
    assert.ok(counters.refused_half_open > was.refused_half_open);
    assert.ok(counters.handshakes_refused > was.handshakes_refused);
    assert.ok(counters.timed_out > was.timed_out);
  });
});
