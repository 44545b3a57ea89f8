// Every worked example of PROTOCOL.md, made again from the document's text by this client.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CHUNK, TAG, HEADER, deriveMessage, hkdfExpand, open, openChunk, seal } from './chunked.mjs';
import { parseCredential } from './credential.mjs';
import { Responder, keyPair } from './noise.mjs';
import { chainNext, chainStart } from './player.mjs';
import { Session, PREAMBLE } from './session.mjs';
import { CODES, MESSAGES, NO_ID, ProtocolError, decode, encode, segmentRecord } from './wire.mjs';
import { hex } from './shared.mjs';

const text = readFileSync(new URL('../../proto/PROTOCOL.md', import.meta.url), 'utf8');
const EXAMPLES = new Map(
  [...text.matchAll(/^Example `(\S+)`:\n```\n([^`]*)```/gm)].map(([, name, body]) => [name, body]),
);

/** An example's bytes; asking for one that is not there fails the test. */
function example(name) {
  assert.ok(EXAMPLES.has(name), `the document has no example ${name}`);
  return hex(EXAMPLES.get(name).replaceAll(/\s/g, ''));
}

const run = (from, size) => Buffer.from(Array.from({ length: size }, (_, i) => from + i));
const context = (label, ...fields) => Buffer.concat([Buffer.from(`sealreel v1 ${label}\0`), ...fields]);
const field = (value) => Buffer.concat([Buffer.of(0, value.length), Buffer.from(value)]);

// The inputs that the document's introduction names.
const RECORDING = '018fa3c4-5b6d-7e8f-90a1-b2c3d4e5f607';
const ID = hex(RECORDING.replaceAll('-', ''));
const STORE = run(0x00, 16);
const DEK = run(0x20, 32);
const SALT = run(0x40, 24);
const SERVER = keyPair(run(0x60, 32));
const CLIENT_SECRET = run(0x80, 32);
const PSK = run(0xa0, 32);
const CLIENT_EPHEMERAL = keyPair(run(0xc0, 32));
const SERVER_EPHEMERAL = keyPair(run(0xe0, 32));
const TRACK = Buffer.of(0, 1);
const ZERO = Buffer.alloc(4);

/** The client's session of the examples, its hello, and the daemon's side of it. */
function handshake(options) {
  const credential = { store: STORE, serverKey: SERVER.publicKey, secretKey: CLIENT_SECRET, psk: PSK };
  const session = new Session(credential, { e: CLIENT_EPHEMERAL, ...options });
  const daemon = new Responder({ prologue: Buffer.concat([PREAMBLE, STORE]), s: SERVER, e: SERVER_EPHEMERAL });
  const hello = session.hello();
  daemon.readMessage1(hello.subarray(PREAMBLE.length));
  const reply = daemon.writeMessage2(PSK);
  session.established(reply.message);
  return { session, hello, reply };
}

test('PROTOCOL.md: the handshake', () => {
  assert.deepEqual(SERVER.publicKey, example('server-public'));
  assert.deepEqual(keyPair(CLIENT_SECRET).publicKey, example('client-public'));
  assert.deepEqual(Buffer.concat([PREAMBLE, STORE]), example('prologue'));
  const { session, hello, reply } = handshake();
  assert.deepEqual(hello, example('hello'));
  assert.deepEqual(reply.message, example('reply'));
  assert.deepEqual(session.hash, example('handshake-hash'));
});

test('PROTOCOL.md: the first messages of the session, in the clear and as frames', () => {
  const { session, reply } = handshake();
  const fromDaemon = (name) => {
    const frame = example(`${name}-frame`);
    assert.equal(session.frameSize(frame.subarray(0, 2)), frame.length - 2);
    const plain = session.openFrame(frame.subarray(2));
    assert.deepEqual(plain, example(`${name}-plain`));
    return decode(plain);
  };
  const fromClient = (name, ...message) => {
    assert.deepEqual(encode(...message), example(`${name}-plain`));
    const frame = session.frame(...message);
    assert.deepEqual(frame, example(`${name}-frame`));
    assert.deepEqual(reply.receive.decrypt(frame.subarray(2)), example(`${name}-plain`));
  };

  fromClient('ping', 'ping', 0, 1n, {});
  assert.deepEqual(fromDaemon('pong'), { name: 'pong', stream: 0, request: 1n });
  const request = 0x1122334455667788n;
  fromClient('play-open', 'play.open', 1, request, { grant: 'TOKEN', recording: RECORDING });
  assert.deepEqual(fromDaemon('error'), {
    name: 'error', stream: 1, request, code: 'not_found', ended: true, retryMs: 0, text: 'no such recording',
  });
});

test('PROTOCOL.md: each direction rekeys before the message whose count is a multiple', () => {
  const { session, reply } = handshake({ rekeyEvery: 4n });
  for (let count = 0; count < 10; count++) {
    if (count === 4 || count === 8) {
      reply.receive.rekey();
      reply.send.rekey();
    }
    const frame = session.frame('ping', 0, BigInt(count), {});
    assert.equal(decode(reply.receive.decrypt(frame.subarray(2)), 'C').request, BigInt(count));
    const pong = reply.send.encrypt(encode('pong', 0, BigInt(count)));
    assert.equal(decode(session.openFrame(pong)).request, BigInt(count));
  }
});

test('PROTOCOL.md: this client knows every message and every code, and no other', () => {
  const rows = [...text.matchAll(/^\| `([0-9a-f]{2})` \| `(\S+)` \| ([CD ]+) \| ([0n ]+) \|/gm)];
  const told = Object.fromEntries(rows.map(([, type, name, from, on]) => (
    [name, { type: parseInt(type, 16), from: from.replace(' ', ''), on: on.replace(' ', '') }])));
  assert.ok(rows.length > 0);
  assert.deepEqual(Object.fromEntries(Object.entries(MESSAGES).map(([name, [type, from, on]]) => (
    [name, { type, from, on }]))), told);
  const codes = [...text.matchAll(/^\| ([0-9]+) \| `([a-z_]+)` \|/gm)];
  assert.deepEqual(codes.map(([, number, name]) => [Number(number), name]), [...CODES.entries()]);
});

test('PROTOCOL.md: the credential file', () => {
  const file = EXAMPLES.get('credential');
  const credential = parseCredential(file);
  assert.deepEqual(credential, {
    name: 'clinic-playback',
    address: 'unix:/run/sealreel/sealreel.sock',
    store: STORE,
    serverKey: SERVER.publicKey,
    secretKey: CLIENT_SECRET,
    psk: PSK,
  });
  for (let i = 0; i < file.length; i++) {
    assert.throws(() => parseCredential(file.slice(0, i)), `cut at ${i}`);
  }
  const lines = file.split('\n');
  for (const bad of [`${file}\n`, file.replaceAll('\n', '\r\n'), file.replace('psk a0', 'psk A0'),
    file.replace('reel-credential 1', 'reel-credential 2'), file.replace('name ', 'name  '),
    [lines[0], lines[2], lines[1], ...lines.slice(3)].join('\n')]) {
    assert.throws(() => parseCredential(bad), bad);
  }
});

test('PROTOCOL.md: the contexts', () => {
  assert.deepEqual(context('patient key', field('https://clinic.example/mrn|4711')), example('context-patient-key'));
  assert.deepEqual(context('consultation', field('https://id.example'), field('c-9')), example('context-consultation'));
  assert.deepEqual(context('outer wrap', ID, Buffer.of(0, 0, 0, 1)), example('context-outer-wrap'));
  assert.deepEqual(context('track key', TRACK), example('context-track-key'));
  assert.deepEqual(context('segment', ID, TRACK, ZERO), example('context-segment'));
  assert.deepEqual(context('chain', ID, TRACK), example('context-chain'));
});

test('PROTOCOL.md: the segment, its record and the chain', () => {
  const trackKey = hkdfExpand(DEK, context('track key', TRACK), 32);
  assert.deepEqual(trackKey, example('track-key'));
  const segment = context('segment', ID, TRACK, ZERO);
  const keys = deriveMessage(trackKey, SALT, segment);
  assert.deepEqual(keys.key, example('segment-key'));
  assert.deepEqual(keys.nonce, example('segment-base-nonce'));
  assert.deepEqual(keys.commitment, example('segment-commitment'));

  const plain = Buffer.from(Array.from({ length: 16389 }, (_, i) => i % 251));
  const sealed = seal(trackKey, segment, plain, SALT);
  assert.deepEqual(sealed.subarray(HEADER, HEADER + 32), example('segment-first-chunk-begins'));
  assert.deepEqual(sealed.subarray(HEADER + CHUNK + TAG), example('segment-last-chunk'));
  assert.deepEqual(createHash('sha256').update(sealed).digest(), example('segment-sha-256'));
  assert.deepEqual(open(trackKey, segment, sealed), plain);
  // As a player has it: the released key, and the chunk as the document prints it.
  assert.deepEqual(openChunk(keys, 1, example('segment-last-chunk')), plain.subarray(CHUNK));

  const record = { number: 0, offset: 0, length: plain.length, mediaTime: 0, salt: SALT, commitment: keys.commitment };
  assert.deepEqual(segmentRecord.put(record), example('segment-record'));
  const chain0 = chainStart(RECORDING, 1);
  assert.deepEqual(chain0, example('chain-0'));
  assert.deepEqual(chainNext(chain0, record), example('chain-1'));
});

test('PROTOCOL.md: retiring an epoch, and a step of a rotation', () => {
  const retire = { number: 3, noBackup: true };
  assert.deepEqual(encode('epoch.retire', 0, 1n, retire), example('epoch-retire-plain'));
  const step = { to: 0, first: 1, last: 2, limit: 1000, place: Buffer.alloc(0) };
  assert.deepEqual(encode('rotate.step', 0, 1n, step), example('rotate-step-plain'));
  assert.deepEqual(decode(example('rotate-stepped-plain')), {
    name: 'rotate.stepped', stream: 0, request: 1n, to: 3, place: Buffer.of(1, 0xaa), progress: 6667, passed: 1234,
    moved: 1000, left: 0, recording: NO_ID,
  });
});

test('PROTOCOL.md: a recording that is merged, and what the daemon says to it', () => {
  const merge = { from: 'a.b.c', to: 'd.e.f', recording: RECORDING };
  assert.deepEqual(encode('patient.merge', 0, 1n, merge), example('patient-merge-plain'));
  assert.deepEqual(decode(example('patient-moved-plain')), {
    name: 'patient.moved', stream: 0, request: 1n, recordings: 64, left: 0, rootVersion: 2, more: true,
  });
});

test('a message cut anywhere, or with a byte too many, is refused', () => {
  for (const name of ['error-plain', 'pong-plain']) {
    const plain = example(name);
    // Cuts within the text of the error as well: its length no longer fits.
    for (let i = 0; i < plain.length; i++) {
      assert.throws(() => decode(plain.subarray(0, i)), ProtocolError, `${name} cut at ${i}`);
    }
    assert.throws(() => decode(Buffer.concat([plain, Buffer.of(0)])), ProtocolError);
  }
  assert.throws(() => decode(example('play-open-plain'), 'D'), ProtocolError);
  assert.throws(() => decode(Buffer.concat([Buffer.of(0x7f), example('ping-plain').subarray(1)])), ProtocolError);
});
