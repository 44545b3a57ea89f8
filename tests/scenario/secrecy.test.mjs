// No identity, actor, label, media type, token, key or run of media lies in any file of a store, in the log, or, once
// nobody is connected, in the daemon's memory: whatever was asked of it, and however it was left.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Connection } from '../peer/connection.mjs';
import { readCredential } from '../peer/credential.mjs';
import { dh } from '../peer/noise.mjs';
import { Session } from '../peer/session.mjs';
import { MAX_APPEND, NO_ID, encode } from '../peer/wire.mjs';
import { newRecordingId } from '../peer/writer.mjs';
import { BIN_RELEASE, Store, media, missing, refused, waitFor } from './harness.mjs';
import { misfile } from './index_file.mjs';
import { openKeyring, patientTag, recordingKeys } from './keys.mjs';
import { Raw } from './raw.mjs';
import { Search, unsearchable } from './search.mjs';

const skip = missing(['sealreeld', 'sealreel', 'misfile'], BIN_RELEASE);
const PLANT = 'the planted string';
const SETTLED = 20_000;
const PLAY_KEY = 0x35;

// What must not be found anywhere; beside it what the daemon may keep in memory but never write; and what stands in the
// account as it is, and so may be in memory, but is in no other file and no line of the log.
const search = new Search();
const keysAtRest = new Search();
const accounted = new Search();

/** Words that are nowhere else, added to what is searched for. */
function secret(name, front = '', among = search) {
  const text = front + randomBytes(16).toString('hex');
  among.add(name, text);
  return text;
}

function addKey(name, key) {
  search.add(name, key).add(`${name} in hex`, key.toString('hex'));
}

function secretMedia(size) {
  const bytes = randomBytes(size);
  search.add('media', bytes);
  return bytes;
}

const ALICE = secret('an identity', 'mrn|');
const BOB = secret('an identity', 'mrn|');
const CAROL = secret('an identity', 'mrn|');
const ACT = {
  sub: secret('an actor', 'dr-'),
  role: 'clinician',
  purpose: secret('a purpose', '', accounted),
  sid: secret('a sid', '', accounted),
};
const CONSULTATION = secret('a consultation');
const TYPE = secret('a media type', 'video/x-');
const WORDS = secret('a label', 'call ');
const TRACK_WORDS = secret('a track\'s label', 'track ');
const SOURCE = secretMedia(300_000);

let store;
let clinic;
let plant;
let unsearched = false;
// Alice's recording, which all can ask for.
let call;

/** A grant that is searched for as well, whether it is good or not. */
function grantOf(identity, { scope = 'record list play', claims = {}, ...rest } = {}) {
  const token = store.mint(identity, scope, { claims: { act: ACT, ...claims }, ...rest });
  search.add('a token', token);
  return token;
}

// Every key that this client comes to know is searched for: its sessions', and those that are released to it.
const { established, openFrame } = Session.prototype;
Session.prototype.established = function known(reply) {
  const { handshake } = this;
  established.call(this, reply);
  addKey('a transport key', Buffer.from(this.sending.key));
  addKey('a transport key', Buffer.from(this.receiving.key));
  addKey('a handshake\'s chaining key', Buffer.from(handshake.state.ck));
  addKey('a handshake\'s shared secret', Buffer.from(dh(handshake.e, handshake.rs)));
};
Session.prototype.openFrame = function known(sealed) {
  const plain = openFrame.call(this, sealed);
  if (plain[0] === PLAY_KEY) {
    addKey('a released segment key', Buffer.from(plain.subarray(19, 51)));
  }
  return plain;
};

/** Records the source for an identity; its keys are searched for from then on. */
async function recordFor(client, identity, { finish = true, claims } = {}) {
  const recording = await client.record(grantOf(identity, { claims }), { label: WORDS });
  const writer = await recording.track({ type: TYPE, label: TRACK_WORDS });
  await writer.append(SOURCE.subarray(0, 100_000));
  await writer.sync();
  await writer.append(SOURCE.subarray(100_000));
  await writer.close();
  if (finish) {
    await recording.finish();
  }
  addKeys(identity, recording.id);
  return recording;
}

function addKeys(identity, recording) {
  for (const [name, key] of Object.entries(recordingKeys(store, openKeyring(store), identity, recording, WORDS))) {
    addKey(name, key);
  }
}

const told = (found) => found.map(({ name, from, length, where }) => `${name} [${from}, +${length}] in ${where}`);

/** Searches the memory until nothing but the plant is left in it: what is on its way out may take a moment. */
async function nothingLeft(t) {
  if (unsearched) {
    t.skip(unsearched);
    return;
  }
  let left;
  await waitFor(() => {
    const found = search.memory(store.pid);
    assert.ok(found.some(({ name, length }) => name === PLANT && length === plant.length), 'the search finds nothing');
    left = found.filter(({ name }) => name !== PLANT);
    return left.length === 0;
  }, { deadline: SETTLED }).catch(() => assert.deepEqual(told(left), []));
}

before(async () => {
  if (skip) {
    return;
  }
  store = await Store.make({ bin: BIN_RELEASE });
  store.set('log', 'level', 'debug');
  // What is recorded while the memory is searched is still unsealed when the search comes to it.
  store.set('store', 'max_delay_ms', '10000');
  plant = secret(PLANT);
  await store.start({ env: { SCENARIO_PLANT: plant } });
  unsearched = unsearchable(store.pid);
  clinic = await store.service('ingest,playback');
  const { secretKey, psk } = readCredential(clinic);
  keysAtRest.add('a service\'s secret key', secretKey).add('a pre-shared key', psk);
  const keyring = openKeyring(store);
  for (const name of ['tagKey', 'rowKey', 'root', 'epochKey']) {
    keysAtRest.add(`the keyring's ${name}`, keyring[name]);
  }
}, { timeout: 60_000 });

after(() => store?.remove(), { timeout: 60_000 });

test('a daemon that has only started holds nothing but the plant', { skip }, nothingLeft);

test('after recording', { skip }, async (t) => {
  await store.connected(clinic, async (client) => {
    call = (await recordFor(client, ALICE, { claims: { consultation: CONSULTATION } })).id;
  });
  await nothingLeft(t);
});

test('while somebody records or plays, what they need is there: the search would find it', { skip }, async (t) => {
  if (unsearched) {
    t.skip(unsearched);
    return;
  }
  await store.connected(clinic, async (client) => {
    const recording = await client.record(grantOf(BOB), { label: WORDS });
    const writer = await recording.track({ type: TYPE });
    await writer.append(SOURCE.subarray(0, 1000));
    await writer.sync();
    await writer.append(SOURCE.subarray(1000, 2000));
    await client.ping();
    addKeys(BOB, recording.id);
    const player = await client.play(grantOf(ALICE), call);
    await player.update(1);
    await player.readAll(1);
    try {
      const found = new Set(search.memory(store.pid).map(({ name }) => name));
      for (const name of ['an identity', 'an actor', 'media', 'DEK', 'extent key', 'a transport key']) {
        assert.ok(found.has(name), `${name} is not among what is found: ${[...found].join(', ')}`);
      }
    } finally {
      await writer.close();
      await player.close();
      // What an unfinished track is told apart by from one that somebody has changed is kept until then.
      await recording.finish();
    }
  });
  await nothingLeft(t);
});

test('after taking an unfinished recording over and renewing a grant', { skip }, async (t) => {
  await store.connected(clinic, async (client) => {
    const recording = await recordFor(client, BOB, { finish: false });
    const connection = await Connection.open(readCredential(clinic));
    const stream = connection.stream();
    await stream.send('record.resume', { grant: grantOf(BOB), recording: recording.id, track: 1 });
    await stream.next('record.ready');
    await stream.send('grant.renew', { grant: grantOf(BOB) });
    await stream.next('grant.renewed');
    await stream.send('grant.renew', { grant: grantOf(CAROL) });
    await assert.rejects(stream.next('grant.renewed'));
    await stream.send('close', {});
    await stream.next('closed');
    await recording.finish();
    await connection.close();
  });
  await nothingLeft(t);
});

test('after list, info and check', { skip }, async (t) => {
  await store.connected(clinic, async (client) => {
    const { recordings } = await client.list(grantOf(ALICE));
    assert.equal(recordings[0].label, WORDS);
    assert.equal(recordings[0].tracks[0].type, TYPE);
    await client.info(grantOf(ALICE), call);
    assert.deepEqual(await client.check(grantOf(ALICE), [call, newRecordingId()]), [true, false]);
  });
  await nothingLeft(t);
});

test('after playing, whole and in ranges', { skip }, async (t) => {
  await store.connected(clinic, async (client) => {
    const player = await client.play(grantOf(ALICE), call);
    await player.update(1);
    assert.ok((await player.readAll(1)).equals(SOURCE));
    assert.ok((await player.readAll(1, 99_999, 100_002)).equals(SOURCE.subarray(99_999, 100_002)));
    await player.close();
  });
  await nothingLeft(t);
});

test('after the command line\'s ingest and play', { skip }, async (t) => {
  const file = media('call-video.webm');
  // Not its front: there lie words that any such file has.
  search.add('media of a file', readFileSync(file).subarray(100_000, 900_000));
  const options = { credential: clinic, grant: grantOf(CAROL) };
  const id = await store.done(['ingest', '--quiet', '--label', WORDS, '--type', TYPE, file], options);
  addKeys(CAROL, id);
  await store.done(['play', '--quiet', id, '-o', store.beside('out.webm')], options);
  assert.ok(readFileSync(store.beside('out.webm')).equals(readFileSync(file)));
  for (const args of [['list'], ['info', id], ['check', id], ['stats'], ['health']]) {
    await store.done(args, options);
  }
  await nothingLeft(t);
});

test('after grants that are refused', { skip }, async (t) => {
  const now = Math.floor(Date.now() / 1000);
  const good = grantOf(ALICE);
  const [head, body, signature] = good.split('.');
  const unsigned = Buffer.from(JSON.stringify({ alg: 'none', typ: 'sealreel-grant+jwt' })).toString('base64url');
  const twice = Buffer.from(`{"sub":"${ALICE}","sub":"${BOB}"}`).toString('base64url');
  const bad = [
    [`${head}.${body}.${signature.slice(0, -4)}AAAA`, 'unauthenticated'],
    [`${head}.${body}`, 'unauthenticated'],
    [`${unsigned}.${body}.`, 'unauthenticated'],
    [`${head}.${twice}.${signature}`, 'unauthenticated'],
    [grantOf(ALICE, { claims: { iat: now - 900, exp: now - 600 } }), 'expired'],
    [grantOf(ALICE, { claims: { aud: '0'.repeat(32) } }), 'unauthenticated'],
    [grantOf(ALICE, { claims: { iss: secret('an issuer') } }), 'unauthenticated'],
    [grantOf(ALICE, { header: { kid: secret('a kid') } }), 'unauthenticated'],
    [grantOf(ALICE, { claims: { act: { sub: ACT.sub, role: secret('a role') } } }), 'unauthenticated'],
    [grantOf(ALICE, { claims: { cnf: { jkt: secret('a thumbprint') } } }), /unauthenticated|denied/],
    [grantOf(ALICE, { claims: { recording: newRecordingId() } }), /denied|not_found/],
    [grantOf(ALICE, { scope: 'manage' }), 'denied'],
    [grantOf(ALICE, { claims: { filler: 'x'.repeat(4000) } }), null],
  ];
  await store.connected(clinic, async (client) => {
    for (const [token, code] of bad) {
      search.add('a token', token);
      const asking = [client.info(token, call), client.record(token, { label: WORDS }), client.play(token, call)];
      const ends = await Promise.allSettled(asking);
      for (const { status, reason } of code ? ends : []) {
        assert.equal(status, 'rejected');
        assert.match(reason.code, new RegExp(code));
      }
    }
  });
  await nothingLeft(t);
});

test('after asking for what is somebody else\'s, and for what is bound to somebody else', { skip }, async (t) => {
  await store.connected(clinic, async (client) => {
    const grant = grantOf(BOB, { claims: { consultation: CONSULTATION } });
    for (const id of [call, newRecordingId()]) {
      await assert.rejects(client.info(grant, id), refused('not_found'));
      await assert.rejects(client.play(grant, id), refused('not_found'));
      await client.check(grant, [id]);
    }
    await assert.rejects(client.record(grant, { label: WORDS }), refused('conflict'));
    await assert.rejects(client.record(grantOf(BOB), { id: call, label: WORDS }), refused('conflict'));
  });
  await store.logged('foreign');
  await store.logged('consultation_conflict');
  await nothingLeft(t);
});

test('after many requests at once', { skip }, async (t) => {
  const one = (client, i) => {
    const identity = [ALICE, BOB][i % 2];
    return [
      () => client.list(grantOf(identity)),
      () => client.info(grantOf(identity), call),
      () => client.check(grantOf(identity), [call]),
      () => client.play(grantOf(identity), call).then((player) => player.close()),
      () => client.record(grantOf(identity), { label: WORDS }),
    ][i % 5]();
  };
  await Promise.all(Array.from({ length: 4 }, () => store.connected(clinic, async (client) => {
    const ends = await Promise.allSettled(Array.from({ length: 25 }, (_, i) => one(client, i)));
    assert.ok(ends.some(({ status }) => status === 'fulfilled'));
    assert.ok(ends.every(({ reason }) => !reason || ['not_found', 'busy'].includes(reason.code)));
  })));
  await nothingLeft(t);
});

/** The frame of a message with these fields. */
const framed = (raw, name, stream, fields) => raw.frame(encode(name, stream, 1n, fields));

/** A raw connection with a writer on stream 1. */
async function rawWriter() {
  const raw = await Raw.open(clinic);
  const grant = grantOf(ALICE);
  const recording = newRecordingId();
  raw.say('record.open', 0, { grant, recording, nonce: randomBytes(16), started: 0, retainUntil: 0, label: WORDS });
  await raw.until('record.opened');
  const track = { track: 0, start: 0, type: TYPE, label: TRACK_WORDS };
  raw.say('record.track', 1, { grant, recording, nonce: randomBytes(16), ...track });
  await raw.until('record.ready');
  return raw;
}

const append = (bytes) => ({ offset: 0, mediaTime: null, media: bytes });

// Each leaves the daemon in the middle of something.
const CUTS = {
  'within the handshake': async () => {
    const raw = await Raw.connect(clinic);
    raw.send(new Session(raw.credential).hello().subarray(0, 60));
    raw.destroy();
  },
  'within a frame of media': async () => {
    const raw = await rawWriter();
    const frame = framed(raw, 'record.append', 1, append(SOURCE.subarray(0, MAX_APPEND)));
    raw.send(frame.subarray(0, frame.length - 7));
    raw.destroy();
  },
  'after media that is not durable yet': async () => {
    const raw = await rawWriter();
    raw.say('record.append', 1, append(SOURCE.subarray(0, 20_000)));
    raw.say('ping', 0, {});
    await raw.until('pong');
    raw.destroy();
  },
  'with a stray message behind media': async () => {
    const raw = await rawWriter();
    raw.say('record.append', 1, append(SOURCE.subarray(0, MAX_APPEND)));
    raw.say('record.append', 7, append(SOURCE.subarray(0, MAX_APPEND)));
    await raw.rest();
  },
  'within a request\'s frame': async () => {
    const raw = await Raw.open(clinic);
    const fields = { grant: grantOf(ALICE), recording: call };
    const frame = framed(raw, 'info', 0, fields);
    raw.send(frame.subarray(0, frame.length - 1));
    raw.destroy();
  },
  'behind many requests': async () => {
    const raw = await Raw.open(clinic);
    for (let i = 0; i < 20; i++) {
      raw.say('list', 0, { grant: grantOf(ALICE), from: 0, to: 0, after: NO_ID, limit: 100 });
    }
    raw.destroy();
  },
  'while it plays': async () => {
    const raw = await Raw.open(clinic);
    raw.say('play.open', 1, { grant: grantOf(ALICE), recording: call });
    await raw.until('play.opened');
    raw.say('play.read', 1, { track: 1, from: 0, length: SOURCE.length });
    await raw.until('play.key');
    raw.destroy();
  },
  'while it is sent what it has started': async () => {
    const raw = await Raw.open(clinic);
    raw.say('play.start', 1, { grant: grantOf(ALICE), recording: call, track: 1, from: 0, length: SOURCE.length });
    await raw.until('play.opened');
    raw.destroy();
  },
  'by a malformed request': async () => {
    const raw = await Raw.open(clinic);
    const fields = { grant: grantOf(ALICE), recording: newRecordingId(), nonce: randomBytes(16), label: WORDS };
    const plain = encode('record.open', 0, 1n, { ...fields, started: 0, retainUntil: 0 });
    raw.send(raw.frame(Buffer.concat([plain, Buffer.from(ALICE)])));
    raw.end();
    await raw.rest();
  },
  'by a frame that does not open': async () => {
    const raw = await rawWriter();
    const frame = framed(raw, 'record.append', 1, append(SOURCE.subarray(0, 5000)));
    frame[100] ^= 1;
    raw.say('record.append', 1, append(SOURCE.subarray(0, 5000)));
    raw.send(frame);
    await raw.rest();
  },
};

for (const [name, cut] of Object.entries(CUTS)) {
  test(`after a connection that was cut off ${name}`, { skip }, async (t) => {
    await cut();
    await waitFor(async () => (await store.stats()).sessions_now === 1, { what: 'the end of the session' });
    await nothingLeft(t);
  });
}

test('after a list that withholds', { skip }, async (t) => {
  await store.stop();
  await misfile(store, call, patientTag(openKeyring(store), BOB));
  await store.start({ env: { SCENARIO_PLANT: plant } });
  await store.connected(clinic, async (client) => {
    assert.equal((await client.list(grantOf(BOB))).withheld, 1);
    await assert.rejects(client.play(grantOf(BOB), call), refused('not_found'));
  });
  await nothingLeft(t);
});

test('no file and no line of the log has any of it', { skip }, async () => {
  const line = Buffer.from(store.log.join('\n'));
  for (const running of [true, false]) {
    if (!running) {
      await store.stop();
    }
    assert.deepEqual(told([...search.files(store.directory), ...keysAtRest.files(store.directory)]), []);
  }
  assert.deepEqual(told([...search.in(line), ...keysAtRest.in(line), ...accounted.in(line)]), []);
  const kept = accounted.files(store.directory);
  assert.deepEqual(new Set(kept.map(({ name }) => name)), new Set(['a purpose', 'a sid']));
  assert.deepEqual(told(kept.filter(({ where }) => !where.startsWith(store.path('audit', '')))), []);

  // What ought to be found is: the recording's id in both, and the store's in the files.
  const ids = new Search().add('recording', Buffer.from(call.replaceAll('-', ''), 'hex')).add('its text', call);
  ids.add('store', Buffer.from(store.id, 'hex'));
  const found = ids.files(store.directory);
  assert.ok(['recording', 'store'].every((name) => found.some((one) => one.name === name)));
  assert.ok(ids.in(line).some((one) => one.name === 'its text'));
});
