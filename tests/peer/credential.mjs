// The credential file of PROTOCOL.md section 4: what a service needs to call one store.
import { readFileSync } from 'node:fs';

const LINES = [
  ['sealreel-credential', /^1$/],
  ['name', /^[a-z0-9._-]{1,63}$/],
  ['address', /^(unix:.+|tcp:.+:[0-9]{1,5})$/],
  ['store', /^[0-9a-f]{32}$/],
  ['server-key', /^[0-9a-f]{64}$/],
  ['secret-key', /^[0-9a-f]{64}$/],
  ['psk', /^[0-9a-f]{64}$/],
];

/** { name, address, store, serverKey, secretKey, psk }: the keys and the store id as bytes. */
export function parseCredential(text) {
  const lines = text.split('\n');
  if (lines.length !== LINES.length + 1 || lines.pop() !== '') {
    throw new Error(`a credential has ${LINES.length} lines and nothing else`);
  }
  const [, name, address, ...hex] = LINES.map(([word, pattern], i) => {
    const value = lines[i].slice(word.length + 1);
    if (!lines[i].startsWith(`${word} `) || !pattern.test(value)) {
      // Not the line itself: it may be a secret.
      throw new Error(`line ${i + 1} of the credential is not "${word} …"`);
    }
    return value;
  });
  if (Buffer.byteLength(address) > 511) {
    throw new Error('the address of the credential has more than 511 bytes');
  }
  const [store, serverKey, secretKey, psk] = hex.map((value) => Buffer.from(value, 'hex'));
  return { name, address, store, serverKey, secretKey, psk };
}

export function readCredential(path) {
  return parseCredential(readFileSync(path, 'utf8'));
}

/** What net.connect takes for an address. */
export function socketOptions(address) {
  if (address.startsWith('unix:')) {
    return { path: address.slice('unix:'.length) };
  }
  const colon = address.lastIndexOf(':');
  const host = address.slice('tcp:'.length, colon).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(address.slice(colon + 1)) };
}
