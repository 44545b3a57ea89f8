// The corpus of grants, sent to the real daemon: each is refused with its own code and text, and told to the log
// without the token or whom it names. (tests/unit/test_grant_refusals.c has the corpus in full.)
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { readCredential } from '../peer/client.mjs';
import { Refusal } from '../peer/connection.mjs';
import { keyPair } from '../peer/noise.mjs';
import { newRecordingId } from '../peer/writer.mjs';
import { Store, missing } from './harness.mjs';
import { ALGORITHMS, addIssuer, macToken, makeKeys, signWith, signingInput, token } from './issuers.mjs';

const ISS = 'https://id.example';
const ALICE = 'urn:mrn|alice-4711';
const ACTOR = 'dr-secretname';

const keys = makeKeys();
const now = () => Math.floor(Date.now() / 1000);

let store;
let playback;
let other;
let recording;

/** A service's thumbprint (RFC 7638), for cnf. */
function thumbprint(path) {
  const x = keyPair(readCredential(path).secretKey).publicKey.toString('base64url');
  return createHash('sha256').update(`{"crv":"X25519","kty":"OKP","x":"${x}"}`).digest('base64url');
}

const HEADER = { alg: 'EdDSA', typ: 'sealreel-grant+jwt', kid: 'ed' };
const payload = (changes = {}) => ({
  iss: ISS, sub: ALICE, aud: store.id, iat: now(), exp: now() + 300, jti: randomUUID(), scope: 'list play',
  act: { sub: ACTOR, role: 'clinician' }, ...changes,
});

/** A token that differs from a good one in these claims, or in these members of the header. */
const claims = (changes) => () => token(keys, HEADER, payload(changes));
const header = (changes, by) => () => token(keys, { ...HEADER, ...changes }, payload(), by);
/** The same where the JSON text itself is changed. */
const text = (from, to) => () => token(keys, HEADER, JSON.stringify(payload()).replace(from, to));
const headerText = (from, to) => () => token(keys, JSON.stringify(HEADER).replace(from, to), payload());
const cut = (change) => () => change(token(keys, HEADER, payload()).split('.')).join('.');

const VALID = [
  ['EdDSA', claims({})],
  ['ES256', header({ alg: 'ES256', kid: 'ec' }, 'ec')],
  ['RS256', header({ alg: 'RS256', kid: 'rsa' }, 'rsa')],
  ['an array of audiences', () => claims({ aud: ['elsewhere', store.id] })()],
  ['nbf in the past', () => claims({ nbf: now() - 10 })()],
  ['cnf of this service', () => claims({ cnf: { jkt: thumbprint(playback) } })()],
  ['this one recording', () => claims({ recording })()],
  ['claims it does not know', claims({ email: 'a@b', amr: ['pwd'], act: { sub: ACTOR, role: 'guardian', x: 1 } })],
];

const U = 'unauthenticated';
const REFUSED = [
  ['nothing', () => '', U, 'not a token of three parts'],
  ['no token', () => 'no', U, 'not a token of three parts'],
  ['four parts', cut((parts) => [...parts, 'AA']), U, 'not a token of three parts'],
  ['padding', cut(([h, p, s]) => [`${h}=`, p, s]), U, 'the header is not strict base64url'],
  ['base64 of the other alphabet', cut(([h, p, s]) => [h, `${p.slice(0, -1)}+`, s]), U,
    'the payload is not strict base64url'],
  ['a space in base64', cut(([h, p, s]) => [h, p, ` ${s}`]), U, 'the signature is not strict base64url'],
  ['no signature', cut(([h, p]) => [h, p, '']), U, 'the signature does not verify'],
  ['a changed signature', cut(([h, p, s]) => [h, p, s.slice(0, 9) + (s[9] === 'A' ? 'B' : 'A') + s.slice(10)]), U,
    'the signature does not verify'],
  ['another payload\'s signature', cut(([h, , s]) => [h, signingInput({}, payload({ sub: 'urn:mrn|bob' }))
    .split('.')[1], s]), U, 'the signature does not verify'],
  ['alg none', cut(([, p]) => [...signingInput({ ...HEADER, alg: 'none' }, {}).split('.', 1), p, '']), U,
    'the alg is not the key\'s own'],
  ['HS256 with the public key as secret', () => macToken(Buffer.from(keys.ed.jwk.x, 'base64url'),
    { ...HEADER, alg: 'HS256' }, payload()), U, 'the alg is not the key\'s own'],
  ['HS256 under the name of EdDSA', () => macToken(Buffer.from(keys.ed.jwk.x, 'base64url'), HEADER, payload()), U,
    'the signature does not verify'],
  ...['ed', 'ec', 'rsa'].flatMap((kid) => ['ed', 'ec', 'rsa'].filter((by) => by !== kid).flatMap((by) => [
    [`${ALGORITHMS[by]} against a key for ${ALGORITHMS[kid]}`, header({ alg: ALGORITHMS[by], kid }, by), U,
      'the alg is not the key\'s own'],
    [`${ALGORITHMS[by]} under the name of ${ALGORITHMS[kid]}`, header({ alg: ALGORITHMS[kid], kid }, by), U,
      'the signature does not verify'],
  ])),
  ['the typ of another token', header({ typ: 'JWT' }), U, 'the typ is not the issuer\'s'],
  ['no typ', header({ typ: undefined }), U, 'header typ is missing'],
  ['an unknown kid', header({ kid: 'nobody' }), U, 'the issuer has no key of this kid'],
  ['no kid', header({ kid: undefined }), U, 'header kid is missing'],
  ['crit', header({ crit: ['exp'] }), U, 'header crit is not accepted'],
  ['jku', header({ jku: 'https://evil.example' }), U, 'header jku is not accepted'],
  ['a member of the header twice', headerText('{', '{"alg":"EdDSA",'), U, 'the header has a member twice'],
  ['a claim twice', text('{', '{"sub":"urn:mrn|bob",'), U, 'the payload has a member twice'],
  ['a claim twice, once spelt otherwise', text('{', '{"s\\u0075b":"urn:mrn|bob",'), U,
    'the payload has a member twice'],
  ['no JSON', text('{', '{{'), U, 'the payload is not JSON'],
  ['an array', text(/.*/, '[]'), U, 'the payload is not a JSON object'],
  ['a NUL in a name', text(ALICE, 'urn:mrn|a\\u0000b'), U, 'the payload has a NUL in a string'],
  ['an unknown issuer', claims({ iss: 'https://evil.example' }), U, 'the issuer is not known'],
  ['an issuer spelt otherwise', claims({ iss: `${ISS}/` }), U, 'the issuer is not known'],
  ['another store', claims({ aud: '00112233445566778899aabbccddeeff' }), U, 'not for this store'],
  ['no audience', claims({ aud: undefined }), U, 'claim aud is missing'],
  ['no subject', claims({ sub: undefined }), U, 'claim sub is missing'],
  ['an empty subject', claims({ sub: '' }), U, 'claim sub is not of 1 to 255 bytes'],
  ['no jti', claims({ jti: undefined }), U, 'claim jti is missing'],
  ['no act', claims({ act: undefined }), U, 'claim act is missing'],
  ['no act.sub', claims({ act: { role: 'clinician' } }), U, 'claim act.sub is missing'],
  ['an unknown role', claims({ act: { sub: ACTOR, role: 'nurse' } }), U, 'the role is not understood'],
  ['an unknown scope', claims({ scope: 'list openid' }), U, 'the scope is not understood'],
  ['a time as text', () => claims({ exp: String(now() + 300) })(), U, 'claim exp is not an integer'],
  ['exp before iat', () => claims({ exp: now() - 1 })(), U, 'claim exp is not after iat'],
  ['not yet valid', () => claims({ nbf: now() + 30 })(), U, 'not yet valid'],
  ['issued in the future', () => claims({ iat: now() + 30, exp: now() + 200 })(), U, 'issued in the future'],
  ['expired', () => claims({ iat: now() - 200, exp: now() - 100 })(), 'expired', 'expired'],
  ['a life longer than the issuer may give', () => claims({ exp: now() + 601 })(), 'denied',
    'its life is longer than the issuer may give'],
  ['an identity the issuer may not name', claims({ sub: 'urn:other|1' }), 'denied',
    'the issuer may not name this identity'],
  ['a scope the issuer may not give', claims({ scope: 'list manage' }), 'denied', 'the issuer may not give this scope'],
  ['a role the issuer may not name', claims({ act: { sub: ACTOR, role: 'system' } }), 'denied',
    'the issuer may not name this role'],
  ['no recording where the issuer must name one', claims({ iss: 'https://bound.example' }), 'denied',
    'the issuer must name a recording'],
  ['cnf of another service', () => claims({ cnf: { jkt: thumbprint(other) } })(), 'denied',
    'for another service (cnf)'],
  ['cnf with more than jkt', () => claims({ cnf: { jkt: thumbprint(playback), kid: 'k' } })(), U,
    'claim cnf has more than jkt'],
  ['without the scope', claims({ scope: 'record' }), 'denied', 'without the scope for this'],
  ['another recording', claims({ recording: newRecordingId() }), 'denied', 'for another recording'],
  ['a recording that is no id', claims({ recording: 'all' }), U, 'claim recording is not a UUID'],
];

describe('grants', { skip: missing() }, () => {
  before(async () => {
    store = await Store.make();
    const jwks = Object.values(keys).map(({ jwk }) => jwk);
    const limits = { identity_prefix: 'urn:mrn|', roles: 'clinician guardian', max_life_s: '600' };
    addIssuer(store, 'clinic', ISS, jwks, limits);
    addIssuer(store, 'bound', 'https://bound.example', jwks, { recording_required: 'yes' });
    store.set('grants', 'skew_s', '0');
    await store.start();
    playback = await store.service('playback');
    other = await store.service('playback', 'other');
    recording = await store.connected(await store.service('ingest'), (client) => store.record(client, ALICE, {
      tracks: [{ media: Buffer.from('some media') }],
    }));
  });

  after(() => store?.remove());

  for (const [what, make] of VALID) {
    test(`valid: ${what}`, () => store.connected(playback, async (client) => {
      assert.equal((await client.info(make(), recording)).entry.recording, recording);
    }));
  }

  for (const [what, make, code, words] of REFUSED) {
    test(`refused: ${what}`, () => store.connected(playback, async (client) => {
      const grant = make();
      const from = store.log.length;
      await assert.rejects(client.info(grant, recording), (error) => {
        assert.ok(error instanceof Refusal, error.message);
        assert.deepEqual([error.code, error.message], [code, `${code}: grant: ${words}`]);
        return true;
      });
      const [event] = await store.logged('refused', { from });
      assert.equal(event.operation, 'info');
      assert.equal(event.service, 'playback');
      assert.equal(event.code, code);
      assert.equal(event.text, `grant: ${words}`);
      // The connection has lived through it.
      await client.ping();
    }));
  }

  test('nothing of a token, and no name, is in the log', async () => {
    const log = store.log.join('\n');
    const good = token(keys, HEADER, payload());
    for (const secret of [ALICE, 'mrn|', ACTOR, 'urn:', good.split('.')[0], ...good.split('.')[1].match(/.{24}/g)
      .slice(0, 4)]) {
      assert.ok(!log.includes(secret), secret);
    }
    assert.ok((await store.stats()).refused >= REFUSED.length);
  });

  test('an RSA key under 2,048 bits, and keys that are none, are no issuer\'s', async () => {
    const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
    for (const [jwk, words] of [
      [{ ...short, kid: 'short' }, /2048|2,048/], [{ kty: 'oct', k: 'AAAA', kid: 'mac' }, /key 1 of the key set/],
      [{ ...keys.ed.jwk, kid: undefined }, /key 1 of the key set/],
    ]) {
      const spoilt = await Store.make();
      addIssuer(spoilt, 'clinic', ISS, [jwk]);
      await assert.rejects(spoilt.start(), (error) => {
        assert.match(error.message, words);
        assert.match(error.message, /sealreel\.ini:\d+: /);
        return true;
      });
      await spoilt.remove();
    }
  });

  test('an ES256 signature in DER is none', () => store.connected(playback, async (client) => {
    const input = signingInput({ ...HEADER, alg: 'ES256', kid: 'ec' }, payload());
    const der = sign('sha256', Buffer.from(input), keys.ec.privateKey);
    assert.notEqual(der.length, signWith('ec', keys.ec.privateKey, input).length);
    await assert.rejects(client.info(`${input}.${der.toString('base64url')}`, recording), /does not verify/);
  }));
});
