// Who calls without being a service, and what it gets: nothing, and nobody else notices.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { readCredential } from '../peer/client.mjs';
import { keyPair } from '../peer/noise.mjs';
import { PREAMBLE, REPLY_SIZE, Session } from '../peer/session.mjs';
import { encode } from '../peer/wire.mjs';
import { Store, missing, waitFor } from './harness.mjs';
import { Raw } from './raw.mjs';

const HELLO = 106;
const HALF_OPEN = 4;

describe('callers that are no service', { skip: missing() }, () => {
  let store;
  let known;
  // What a service once sent: its hello and its first frame.
  let recorded;

  before(async () => {
    store = await Store.serve({
      options: [['limits', 'half_open_s', '1'], ['limits', 'half_open', String(HALF_OPEN + 2)],
        ['limits', 'half_open_per_address', String(HALF_OPEN)]],
    });
    known = readCredential(await store.service('playback'));
    const raw = await Raw.connect(known);
    raw.session = new Session(known);
    const hello = raw.session.hello();
    raw.send(hello);
    raw.session.established(await raw.read(REPLY_SIZE));
    const frame = raw.frame(encode('stats', 0, 7n));
    raw.send(frame);
    assert.equal((await raw.next()).name, 'stats.reply');
    raw.destroy();
    recorded = { hello, frame };
  });

  after(() => store?.remove());

  const helloOf = (changes) => new Session({ ...known, ...changes }).hello();
  const flipped = (bytes, at) => {
    const copy = Buffer.from(bytes);
    copy[at] ^= 1;
    return copy;
  };
  const withPreamble = (preamble) => Buffer.concat([preamble, recorded.hello.subarray(PREAMBLE.length)]);

  const frameOf = (size) => Buffer.concat([Buffer.from([0, size]), randomBytes(size)]);

  // What is sent; `then`: what is sent behind message 2, which anybody may have, as it opens only with the pre-shared
  // key; and the line in the log, where there is one. Each row ends with the daemon closing without a word.
  const table = [
    { what: 'garbage', send: () => randomBytes(HELLO) },
    { what: 'garbage of one byte', send: () => Buffer.from('G') },
    { what: 'a request of another protocol', send: () => Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n') },
    { what: 'wrong magic', send: () => withPreamble(Buffer.from('Sealreel\0\x01', 'latin1')) },
    { what: 'version 0', send: () => withPreamble(Buffer.from('sealreel\0\0', 'latin1')) },
    { what: 'version 2', send: () => withPreamble(Buffer.from('sealreel\0\x02', 'latin1')) },
    { what: 'version 257', send: () => withPreamble(Buffer.from('sealreel\x01\x01', 'latin1')) },
    { what: 'another store\'s id', send: () => helloOf({ store: randomBytes(16) }) },
    { what: 'another daemon\'s key', send: () => helloOf({ serverKey: keyPair().publicKey }) },
    { what: 'an unknown service', send: () => helloOf({ secretKey: randomBytes(32) }), logged: 'unknown_service' },
    { what: 'an ephemeral key of all zeros', send: () => Buffer.concat([PREAMBLE, Buffer.alloc(HELLO - 10)]) },
    { what: 'a replayed hello, then its own first frame', send: () => recorded.hello, then: () => recorded.frame },
    { what: 'a replayed hello, then garbage', send: () => recorded.hello, then: () => frameOf(29) },
    { what: 'a replayed hello, then a frame too short', send: () => recorded.hello, then: () => frameOf(28) },
    { what: 'a wrong pre-shared key', send: () => helloOf({ psk: randomBytes(32) }), then: () => frameOf(29) },
  ];

  /** Everybody else is served, nobody got in: the only sessions are those of the test itself. */
  async function nobodyGotIn(body) {
    const was = await store.stats();
    await body();
    const now = await store.stats();
    assert.equal(now.sessions, was.sessions + 1, 'sessions, of which one is the second look\'s');
    return { was, now };
  }

  for (const { what, send, then, logged } of table) {
    test(`${what}: closed without a word`, async () => {
      const from = store.log.length;
      const { was, now } = await nobodyGotIn(async () => {
        const raw = await Raw.connect(known);
        raw.send(send());
        if (then) {
          assert.ok(await raw.read(REPLY_SIZE));
          raw.send(then());
        }
        assert.equal(await raw.read(1), null);
      });
      assert.equal(now.handshakes_refused, was.handshakes_refused + 1);
      assert.equal(store.events('unknown_service', from).length, logged ? 1 : 0);
    });
  }

  test('a hello with any one byte changed is none', async () => {
    await nobodyGotIn(async () => {
      for (let at = 0; at < HELLO; at++) {
        const raw = await Raw.connect(known);
        raw.send(flipped(recorded.hello, at));
        assert.equal(await raw.read(1), null, `byte ${at}`);
      }
    });
  });

  test('a caller that leaves at any byte of its hello leaves nothing behind', async () => {
    const { now } = await nobodyGotIn(async () => {
      for (let size = 0; size < HELLO; size++) {
        const raw = await Raw.connect(known);
        raw.send(recorded.hello.subarray(0, size));
        raw.end();
        assert.equal(await raw.read(1), null, `${size} bytes`);
      }
    });
    assert.equal(now.half_open_now, 0);
    assert.equal(now.sessions_now, 1);
  });

  test('a wrong pre-shared key shows at the client, whose own check it is', async () => {
    await assert.rejects(Raw.open({ ...known, psk: randomBytes(32) }), /unable to authenticate/);
  });

  test('a hello that is never finished, or never proved, is closed when its time is up', async () => {
    await nobodyGotIn(async () => {
      const half = await Raw.connect(known);
      half.send(recorded.hello.subarray(0, 50));
      const unproved = await Raw.connect(known);
      unproved.send(recorded.hello);
      assert.ok(await unproved.read(REPLY_SIZE));
      assert.equal(await half.read(1), null);
      assert.equal(await unproved.read(1), null);
    });
  });

  test('too many half-open connections: the newest is closed, those that have proved themselves stay', async () => {
    const settled = await Raw.open(known);
    settled.say('ping', 0);
    await settled.until('pong');
    const waiting = [];
    for (let i = 0; i < HALF_OPEN; i++) {
      waiting.push(await Raw.connect(known));
    }
    settled.say('stats', 0);
    await waitFor(async () => {
      const { counters } = await settled.until('stats.reply');
      settled.say('stats', 0);
      return counters.find(({ name }) => name === 'half_open_now').value === HALF_OPEN;
    });
    const tooMany = await Raw.connect(known);
    assert.equal(await tooMany.read(1), null);
    // Their time passes, and there is room again.
    for (const raw of waiting) {
      assert.equal(await raw.read(1), null);
    }
    settled.say('ping', 0);
    assert.ok(await settled.until('pong'));
    settled.destroy();
    await store.connected(known, (client) => client.ping());
  });
});
