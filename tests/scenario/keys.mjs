// The keys of a store, from its keyring and its rows, as FORMAT.md and PROTOCOL.md section 9 say: so that a scenario
// can look for them where they must not be.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { HEADER, TAG, hkdfExpand, hkdfExtract, open } from '../peer/chunked.mjs';
import { rowKey, value } from './index_file.mjs';

const KEY = 32;
const FRONT = 67;
const PATIENT_ROW = 134;
const RECORDING_ROW = 436;

const number = (size, n) => {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntBE(n, 0, size);
  return bytes;
};
const field = (text) => Buffer.concat([number(2, Buffer.byteLength(text)), Buffer.from(text)]);
const context = (label, ...fields) => Buffer.concat([Buffer.from(`sealreel v1 ${label}\0`), ...fields]);
const idBytes = (id) => Buffer.from(id.replaceAll('-', ''), 'hex');

/** The body of the keyring of a store made with a key file, opened: what follows its front and revision. */
function openBody(store) {
  const file = readFileSync(store.path('keyring'));
  const id = Buffer.from(store.id, 'hex');
  const prk = hkdfExtract(Buffer.alloc(64), readFileSync(store.path('keyring.key')));
  const body = open(hkdfExpand(prk, context('keyring key', id), KEY), context('keyring', id), file.subarray(FRONT));
  assert.ok(body.subarray(0, FRONT).equals(file.subarray(0, FRONT)));
  let at = FRONT + 8;
  const take = (size) => body.subarray(at, (at += size));
  const list = (size) => Array.from({ length: take(2).readUInt16BE() }, () => take(size));
  return { take, list };
}

/** The keyring of a store made with a key file: { tagKey, rowKey, root, epoch, epochKey }, the newest of each. */
export function openKeyring(store) {
  const { take, list } = openBody(store);
  const keyring = { tagKey: take(KEY), rowKey: take(KEY) };
  // The daemon's key, the log's seed, the recovery and the auditor's public keys.
  take(4 * KEY);
  keyring.root = list(4 + KEY).pop().subarray(4);
  const last = list(4 + 1 + KEY).pop();
  return { ...keyring, epoch: last.readUInt32BE(), epochKey: last.subarray(5) };
}

/** { number: key } of every epoch in the keyring that has one. */
export function epochKeys(store) {
  const { take, list } = openBody(store);
  take(6 * KEY);
  list(4 + KEY);
  return Object.fromEntries(list(4 + 1 + KEY).map((epoch) => [epoch.readUInt32BE(), epoch.subarray(5)])
    .filter(([, key]) => key.some((byte) => byte !== 0)));
}

/** All that a keyring opens with: { tagKey, roots, epochs }, the last two as lists of { number, key }. */
export function everyKey(store) {
  const { take, list } = openBody(store);
  const tagKey = take(KEY);
  take(5 * KEY);
  const roots = list(4 + KEY).map((root) => ({ number: root.readUInt32BE(), key: root.subarray(4) }));
  const epochs = list(4 + 1 + KEY).map((epoch) => ({ number: epoch.readUInt32BE(), key: epoch.subarray(5) }));
  return { tagKey, roots, epochs: epochs.filter(({ key }) => key.some((byte) => byte !== 0)) };
}

/** What `body` gives, or null if something in it does not open. */
function attempt(body) {
  try {
    return body();
  } catch {
    return null;
  }
}

/**
 * Tries everything that a thief could: each of these wraps ({ recording, epoch, wrap }) with each key of the keyring,
 * each root and each salt, for the identity. The ids whose data key comes out.
 */
export function forceWraps({ roots, epochs }, identity, salts, wraps) {
  const info = context('patient key', field(identity));
  const patients = roots.flatMap(({ key }) => salts.map((salt) => hkdfExpand(hkdfExtract(salt, key), info, KEY)));
  const opened = wraps.filter(({ recording, epoch, wrap }) => epochs.some(({ number: own, key }) =>
    [own, epoch].some((named) => {
      const inner = attempt(() => open(key, context('outer wrap', recording, number(4, named)), wrap));
      return inner && patients.some((patient) => attempt(() => open(patient, context('inner wrap', recording), inner)));
    })));
  return opened.map(({ recording }) => recording.toString('hex'));
}

/** The same for the box with a person's name ({ tag, epoch, sealed }): whether any key of the keyring opens it. */
export function forcePerson({ epochs }, { tag, epoch, sealed }) {
  return epochs.some(({ number: own, key }) => [own, epoch].some((named) =>
    attempt(() => open(key, context('person', tag, number(4, named)), sealed)) !== null));
}

/** The hex tag of an identity. */
export function patientTag(keyring, identity) {
  const info = context('patient tag', field(identity));
  return createHmac('sha512', keyring.tagKey).update(info).digest('hex').slice(0, 2 * KEY);
}

/** What a short text takes in a row: nothing, or a sealed message of one chunk. */
const sealedSize = (text) => (text === '' ? 0 : HEADER + Buffer.byteLength(text) + TAG);

/** What opens one recording of `identity` with this label, down to its first track: names and keys of 32 bytes. */
export function recordingKeys(store, keyring, identity, recording, label) {
  const tag = patientTag(keyring, identity);
  const salt = value(store, Buffer.from(tag, 'hex'), PATIENT_ROW).subarray(22, 22 + KEY);
  const id = idBytes(recording);
  const patient = hkdfExpand(hkdfExtract(salt, keyring.root), context('patient key', field(identity)), KEY);
  const wrap = value(store, rowKey(tag, recording), RECORDING_ROW + sealedSize(label)).subarray(31, 31 + 176);
  const inner = open(keyring.epochKey, context('outer wrap', id, number(4, keyring.epoch)), wrap);
  const dek = open(patient, context('inner wrap', id), inner);
  return {
    'patient key': patient,
    'DEK': dek,
    'entry key': hkdfExpand(dek, context('entry key'), KEY),
    'head key': hkdfExpand(dek, context('head key'), KEY),
    'manifest key': hkdfExpand(dek, context('manifest key'), KEY),
    'track key': hkdfExpand(dek, context('track key', number(2, 1)), KEY),
    // Of the first extent of its file. It opens nothing, but makes sums.
    'extent key': createHmac('sha512', keyring.rowKey)
      .update(context('extent key', id, number(2, 1), number(2, 0), number(4, 0))).digest().subarray(0, KEY),
  };
}
