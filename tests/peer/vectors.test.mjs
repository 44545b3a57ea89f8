// The published vectors, held against this second implementation: Noise, Cobblestone-256, RFC 5869, RFC 8037.
import assert from 'node:assert/strict';
import { createHash, createPrivateKey, createPublicKey, hkdfSync, sign, verify } from 'node:crypto';
import { test } from 'node:test';
import { CHUNK, TAG, HEADER, hkdfExpand, hkdfExtract, open, openRange, seal, sealedBody } from './chunked.mjs';
import { Initiator, Responder, keyPair, dh } from './noise.mjs';
import { hex, vectors } from './shared.mjs';

/** Both ends of one vector, with the keys that it names. */
function noisePair(v) {
  const initiator = new Initiator({
    prologue: hex(v.init_prologue),
    s: keyPair(hex(v.init_static)),
    e: keyPair(hex(v.init_ephemeral)),
    rs: hex(v.init_remote_static),
    psk: hex(v.init_psks[0]),
  });
  const responder = new Responder({
    prologue: hex(v.resp_prologue),
    s: keyPair(hex(v.resp_static)),
    e: keyPair(hex(v.resp_ephemeral)),
  });
  return { initiator, responder };
}

test('Noise: both ends give the published handshake, hash and transport messages', (t) => {
  const all = vectors(t, 'noise.json');
  if (!all) {
    return;
  }
  assert.ok(all.length > 0);
  for (const v of all) {
    assert.equal(v.protocol_name, 'Noise_IKpsk2_25519_AESGCM_SHA512');
    const { initiator, responder } = noisePair(v);
    const [first, second, ...transport] = v.messages;

    const message1 = initiator.writeMessage1(hex(first.payload));
    assert.equal(message1.toString('hex'), first.ciphertext);
    const read1 = responder.readMessage1(message1);
    assert.equal(read1.payload.toString('hex'), first.payload);
    assert.deepEqual(read1.rs, keyPair(hex(v.init_static)).publicKey);

    const server = responder.writeMessage2(hex(v.resp_psks[0]), hex(second.payload));
    assert.equal(server.message.toString('hex'), second.ciphertext);
    const client = initiator.readMessage2(server.message);
    assert.equal(client.payload.toString('hex'), second.payload);
    assert.equal(client.hash.toString('hex'), v.handshake_hash);
    assert.deepEqual(server.hash, client.hash);

    assert.ok(transport.length > 0);
    transport.forEach(({ payload, ciphertext }, i) => {
      const [from, to] = i % 2 === 0 ? [client, server] : [server, client];
      const sealed = from.send.encrypt(hex(payload));
      assert.equal(sealed.toString('hex'), ciphertext);
      assert.equal(to.receive.decrypt(sealed).toString('hex'), payload);
    });
  }
});

test('Noise: after a rekey both directions still agree, and old and new keys do not', () => {
  const [s, rs] = [keyPair(), keyPair()];
  const [prologue, psk] = [Buffer.from('one'), Buffer.alloc(32, 1)];
  const initiator = new Initiator({ prologue, s, rs: rs.publicKey, psk });
  const responder = new Responder({ prologue, s: rs });
  responder.readMessage1(initiator.writeMessage1());
  const server = responder.writeMessage2(psk);
  const client = initiator.readMessage2(server.message);
  for (const [from, to] of [[client.send, server.receive], [server.send, client.receive]]) {
    from.rekey();
    const sealed = from.encrypt(Buffer.from('after'));
    assert.throws(() => to.decrypt(sealed));
    to.rekey();
    assert.equal(to.decrypt(sealed).toString(), 'after');
  }
});

test('Noise: another pre-shared key, prologue or server key does not shake hands', () => {
  const [s, rs] = [keyPair(), keyPair()];
  const [prologue, psk] = [Buffer.from('one'), Buffer.alloc(32, 1)];
  const attempt = (ours, theirs) => {
    const initiator = new Initiator({ prologue, s, rs: rs.publicKey, psk, ...ours });
    const responder = new Responder({ prologue, s: rs, ...theirs });
    responder.readMessage1(initiator.writeMessage1());
    initiator.readMessage2(responder.writeMessage2(psk).message);
  };
  attempt({}, {});
  assert.throws(() => attempt({ psk: Buffer.alloc(32, 2) }, {}));
  assert.throws(() => attempt({ prologue: Buffer.from('two') }, {}));
  assert.throws(() => attempt({ rs: keyPair().publicKey }, {}));
});

test('Noise: a public key of low order gives no secret', () => {
  assert.throws(() => dh(keyPair(), Buffer.alloc(32)), /no shared secret/);
  assert.throws(() => dh(keyPair(), Buffer.concat([Buffer.of(1), Buffer.alloc(31)])), /no shared secret/);
});

/** SHA-512 of seed and counter, over and over: the message that a Cobblestone-256 vector is about. */
function seededMessage(seed, length) {
  const parts = [];
  const counter = Buffer.alloc(8);
  for (let i = 0; i * 64 < length; i++) {
    counter.writeBigUInt64BE(BigInt(i));
    parts.push(createHash('sha512').update(seed).update(counter).digest());
  }
  return Buffer.concat(parts).subarray(0, length);
}

test('Cobblestone-256: seals to the published bytes and opens them again', (t) => {
  const all = vectors(t, 'cobblestone256.json');
  if (!all) {
    return;
  }
  assert.ok(all.length > 0);
  for (const v of all) {
    const message = seededMessage(v.message_seed, v.message_length);
    const sealed = seal(hex(v.input_key), hex(v.context), message, hex(v.salt));
    assert.equal(sealed.length, v.ciphertext_length);
    assert.equal(sealed.length, HEADER + sealedBody(message.length));
    assert.equal(createHash('sha256').update(sealed).digest('hex'), v.ciphertext_sha256);
    if (v.ciphertext !== undefined) {
      assert.equal(message.toString('hex'), v.message);
      assert.equal(sealed.toString('hex'), v.ciphertext);
    }
    assert.ok(open(hex(v.input_key), hex(v.context), sealed).equals(message));
  }
});

test('Cobblestone-256: ranges at every edge of a chunk equal the message', () => {
  const key = Buffer.alloc(32, 7);
  const message = seededMessage('ranges', 2 * CHUNK + 5);
  const sealed = seal(key, Buffer.from('range'), message);
  const edges = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1, message.length];
  for (const from of edges) {
    for (const to of edges.filter((edge) => edge >= from)) {
      const range = openRange(key, Buffer.from('range'), sealed, from, to);
      assert.ok(range.equals(message.subarray(from, to)), `${from} to ${to}`);
    }
  }
  assert.throws(() => openRange(key, Buffer.from('range'), sealed, 0, message.length + 1), RangeError);
});

test('Cobblestone-256: every flipped byte and every cut of a short message is refused', () => {
  const key = Buffer.alloc(32, 9);
  const context = Buffer.from('damage');
  const sealed = seal(key, context, Buffer.from('seventeen bytes..'));
  for (let i = 0; i < sealed.length; i++) {
    const damaged = Buffer.from(sealed);
    damaged[i] ^= 1;
    assert.throws(() => open(key, context, damaged), `byte ${i}`);
    assert.throws(() => open(key, context, sealed.subarray(0, i)), `cut at ${i}`);
  }
  assert.throws(() => open(key, Buffer.from('other'), sealed), /commitment/);
  assert.throws(() => open(Buffer.alloc(32, 8), context, sealed), /commitment/);
});

test('Cobblestone-256: a message that lost its last chunk, or has two chunks exchanged, is refused', () => {
  const key = Buffer.alloc(32, 9);
  const context = Buffer.alloc(0);
  const full = CHUNK + TAG;
  const sealed = seal(key, context, Buffer.alloc(2 * CHUNK));
  for (const cut of [HEADER + 2 * full, HEADER + full, HEADER]) {
    assert.throws(() => open(key, context, sealed.subarray(0, cut)), /cut/);
  }
  const exchanged = Buffer.concat([sealed.subarray(0, HEADER), sealed.subarray(HEADER + full, HEADER + 2 * full),
    sealed.subarray(HEADER, HEADER + full), sealed.subarray(HEADER + 2 * full)]);
  assert.throws(() => open(key, context, exchanged), /chunk 0/);
});

const run = (from, to) => Buffer.from(Array.from({ length: to - from + 1 }, (_, i) => from + i));

// RFC 5869, appendix A.1 to A.3.
const RFC5869 = [
  {
    ikm: Buffer.alloc(22, 0x0b), salt: run(0x00, 0x0c), info: run(0xf0, 0xf9), length: 42,
    prk: '077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5',
    okm: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  },
  {
    ikm: run(0x00, 0x4f), salt: run(0x60, 0xaf), info: run(0xb0, 0xff), length: 82,
    prk: '06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244',
    okm: 'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09' +
      'da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
  },
  {
    ikm: Buffer.alloc(22, 0x0b), salt: Buffer.alloc(0), info: Buffer.alloc(0), length: 42,
    prk: '19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04',
    okm: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
  },
];

test('HKDF: the vectors of RFC 5869', () => {
  for (const v of RFC5869) {
    const prk = hkdfExtract(v.salt, v.ikm, 'sha256');
    assert.equal(prk.toString('hex'), v.prk);
    assert.equal(hkdfExpand(prk, v.info, v.length, 'sha256').toString('hex'), v.okm);
  }
});

test('HKDF-SHA-512: equals the one of node for every length of up to three blocks, and at the limit', () => {
  const [ikm, salt, info] = [run(1, 32), run(40, 71), Buffer.from('some info')];
  const prk = hkdfExtract(salt, ikm);
  for (const length of [...run(1, 192), 255 * 64]) {
    const expected = Buffer.from(hkdfSync('sha512', ikm, salt, info, length));
    assert.ok(hkdfExpand(prk, info, length).equals(expected), `${length} bytes`);
  }
  assert.throws(() => hkdfExpand(prk, info, 255 * 64 + 1), RangeError);
});

// RFC 8037, appendix A.1 to A.5.
const JWK = {
  kty: 'OKP',
  crv: 'Ed25519',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
};
const JWS_SIGNED = 'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc';
const JWS_SIGNATURE = 'hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg';

test('RFC 8037: keys, thumbprint, signing and validation', () => {
  const secret = createPrivateKey({ key: JWK, format: 'jwk' });
  const { d: _, ...publicJwk } = JWK;
  const publicKey = createPublicKey({ key: publicJwk, format: 'jwk' });
  assert.deepEqual(createPublicKey(secret).export({ format: 'jwk' }), publicKey.export({ format: 'jwk' }));

  const canonical = JSON.stringify({ crv: JWK.crv, kty: JWK.kty, x: JWK.x });
  const thumbprint = createHash('sha256').update(canonical).digest('base64url');
  assert.equal(thumbprint, 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');

  const [header, payload] = JWS_SIGNED.split('.').map((part) => Buffer.from(part, 'base64url').toString());
  assert.deepEqual(JSON.parse(header), { alg: 'EdDSA' });
  assert.equal(payload, 'Example of Ed25519 signing');
  assert.equal(sign(null, Buffer.from(JWS_SIGNED), secret).toString('base64url'), JWS_SIGNATURE);

  const signature = Buffer.from(JWS_SIGNATURE, 'base64url');
  assert.ok(verify(null, Buffer.from(JWS_SIGNED), publicKey, signature));
  for (let i = 0; i < signature.length; i++) {
    const forged = Buffer.from(signature);
    forged[i] ^= 1;
    assert.ok(!verify(null, Buffer.from(JWS_SIGNED), publicKey, forged), `byte ${i}`);
  }
});
