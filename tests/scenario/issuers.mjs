// Issuers with keys of every kind, and tokens made of any text at all.
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';

const PAIRS = {
  ed: () => generateKeyPairSync('ed25519'),
  ec: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  rsa: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
};

export const ALGORITHMS = { ed: 'EdDSA', ec: 'ES256', rsa: 'RS256' };

/** A key pair of each kind: { privateKey, jwk (public, with its kid) }. */
export function makeKeys() {
  return Object.fromEntries(Object.entries(PAIRS).map(([kid, make]) => {
    const { publicKey, privateKey } = make();
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: ALGORITHMS[kid] };
    return [kid, { privateKey, jwk }];
  }));
}

/** Adds an issuer to a store that is not served yet: its section, and the file of these public keys. */
export function addIssuer(store, name, iss, jwks, options = {}) {
  writeFileSync(store.path('issuers', `${name}.jwks`), JSON.stringify({ keys: jwks }), { mode: 0o600 });
  const section = `issuer ${name}`;
  for (const [option, value] of Object.entries({ iss, jwks: `issuers/${name}.jwks`, ...options }).reverse()) {
    store.set(section, option, value);
  }
}

const encoded = (part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(JSON.stringify(part)))
  .toString('base64url');

/** What is signed: header and payload, each an object or its JSON text. */
export const signingInput = (header, payload) => `${encoded(header)}.${encoded(payload)}`;

/** The signature that a key of this kind makes. */
export function signWith(kind, privateKey, input) {
  const [hash, key] = kind === 'ed' ? [null, privateKey] : ['sha256', { key: privateKey, dsaEncoding: 'ieee-p1363' }];
  return sign(hash, Buffer.from(input), key);
}

/** A token. `by`: the kind of the key that signs; `text`: what becomes of the whole at last. */
export function token(keys, header, payload, by = 'ed') {
  const input = signingInput(header, payload);
  return `${input}.${signWith(by, keys[by].privateKey, input).toString('base64url')}`;
}

/** A token with a MAC where a signature belongs. */
export function macToken(secret, header, payload) {
  const input = signingInput(header, payload);
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}
