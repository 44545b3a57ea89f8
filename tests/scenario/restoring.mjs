// Making a store again from a backup of it, as an operator does.
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Store, run } from './harness.mjs';

/** Another store, made again from the backup `dest` with the keyring of `store`, and not yet served. */
export async function restoreFrom(store, dest) {
  const other = new Store();
  other.root = mkdtempSync(join(tmpdir(), 'sealreel-'));
  Object.assign(other, { bin: store.bin, id: store.id, directory: join(other.root, 'store') });
  const secrets = ['--keyring', store.path('keyring'), '--key-source', `file:${store.path('keyring.key')}`, '--ledger',
    store.path('ledger')];
  const made = await run(join(store.bin, 'sealreel'), ['restore', ...secrets, dest, other.directory]);
  assert.equal(made.code, 0, made.stderr + made.stdout);
  const daemon = join(store.bin, 'sealreeld');
  const early = await run(daemon, [other.directory]);
  assert.equal(early.code, 2, 'it was served before its ledger was replayed');
  assert.match(early.stderr, /--replay/);
  const replayed = await run(daemon, ['--replay', other.directory]);
  assert.equal(replayed.code, 0, replayed.stderr);
  copyFileSync(store.path('issuers', 'dev.jwks'), other.path('issuers', 'dev.jwks'));
  copyFileSync(store.path('dev-issuer.jwk'), other.path('dev-issuer.jwk'));
  copyFileSync(store.operator, other.operator);
  other.set('issuer dev', 'jwks', 'issuers/dev.jwks');
  other.set('issuer dev', 'iss', 'sealreel-dev');
  return other;
}
