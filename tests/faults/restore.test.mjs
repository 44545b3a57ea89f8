// A restore is killed at its n-th call that changes a file, or that call fails: what it leaves is never served. Either it
// is whole, and asks for the erasure ledger first; or it is no store, the next restore says that it can be removed, and
// with it removed makes a whole one.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { BIN_RELEASE, Store, run } from '../scenario/harness.mjs';
import { Control, LIBRARY, LONG, generator, missing, sample } from './rig.mjs';

const ALICE = 'https://clinic.example/mrn|alice';
const MEDIA = randomBytes(60_000);
// A store has a thousand directories for its files, which are all made alike: they are counted for themselves.
const CALLS = 'write,write-synced,fsync,fsync-directory,fdatasync,syncfs,truncate,create,rename,unlink';

describe('a restore cut off at any call', { skip: missing() }, () => {
  const random = generator(23);
  let store;
  let credential;
  let control;
  let backup;
  let id;

  before(async () => {
    store = await Store.serve({ bin: BIN_RELEASE });
    credential = await store.service('ingest,playback');
    id = await store.connected(credential, (client) => store.record(client, ALICE, { tracks: [{ media: MEDIA }] }));
    backup = store.beside('backup');
    await store.done(['backup', '--rate', '0', backup], { credential: store.operator });
    await store.stop();
    control = new Control(store.beside('control'));
  });

  after(async () => {
    control?.close();
    await store?.remove();
  });

  const daemon = (...args) => run(join(BIN_RELEASE, 'sealreeld'), args);

  /** Restores into `directory`, with this fault at the call of that number. */
  function restore(directory, fault = null, { at = 0, calls = CALLS } = {}) {
    const args = ['--restore', backup, '--keyring', store.path('keyring'), '--key-source',
      `file:${store.path('keyring.key')}`, '--ledger', store.path('ledger'), directory];
    const env = fault && {
      LD_PRELOAD: LIBRARY, FAULT_ROOT: directory, FAULT_CONTROL: store.beside('control'), FAULT: fault,
      FAULT_AT: String(at), FAULT_CALL: calls,
    };
    return run(join(BIN_RELEASE, 'sealreeld'), args, { env: env ?? {} });
  }

  /** It serves what was recorded, and nothing of it is amiss. */
  async function assertWhole(directory) {
    const other = new Store();
    Object.assign(other, { bin: BIN_RELEASE, id: store.id, directory, root: directory });
    copyFileSync(store.path('issuers', 'dev.jwks'), other.path('issuers', 'dev.jwks'));
    copyFileSync(store.path('dev-issuer.jwk'), other.path('dev-issuer.jwk'));
    other.set('issuer dev', 'jwks', 'issuers/dev.jwks');
    other.set('issuer dev', 'iss', 'sealreel-dev');
    await other.start();
    const played = await other.cli(['play', '--quiet', '-o', '-', id], { credential, grant: other.mint(ALICE, 'play') });
    await other.stop();
    assert.equal(played.code, 0, played.stderr);
    assert.ok(played.stdout.equals(MEDIA));
    const scrubbed = await daemon('--scrub', directory);
    assert.equal(scrubbed.code, 0, scrubbed.stdout.toString());
  }

  async function attempt(fault, options, seen) {
    const root = mkdtempSync(join(tmpdir(), 'sealreel-'));
    const directory = join(root, 'store');
    try {
      control.reset();
      const cut = await restore(directory, fault, options);
      assert.equal(control.hits, 1, 'there is no such call');
      if (fault === 'kill') {
        assert.equal(cut.signal, 'SIGKILL', cut.stderr);
      } else if (/^(truncate|write) lock$/.test(control.hit)) {
        assert.equal(cut.code, 0, 'what stands in it is for people');
      } else {
        assert.ok(cut.code === 1 || cut.code === 2, `${cut.code} ${cut.signal}`);
        assert.match(cut.stderr, /^sealreeld: [^\n]+\n$/);
      }
      const early = await daemon(directory);
      assert.equal(early.code, 2, 'it is served');
      assert.match(early.stderr, /^(time=[^\n]+\n)*sealreeld: [^\n]+\n$/);
      const there = existsSync(directory);
      if ((await daemon('--replay', directory)).code === 0) {
        seen.whole++;
      } else {
        seen.half++;
        const again = await restore(directory);
        assert.equal(again.code, there ? 2 : 0, again.stderr);
        if (there) {
          assert.match(again.stderr, /is there already; what a restore that failed has left can be removed\n$/);
          rmSync(directory, { recursive: true });
          assert.equal((await restore(directory)).code, 0);
        }
        assert.equal((await daemon('--replay', directory)).code, 0);
      }
      await assertWhole(directory);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  }

  async function allOf(t, fault, calls, count) {
    const seen = { whole: 0, half: 0 };
    const failures = [];
    const root = mkdtempSync(join(tmpdir(), 'sealreel-'));
    control.reset();
    assert.equal((await restore(join(root, 'store'), fault, { calls })).code, 0);
    rmSync(root, { recursive: true });
    const most = control.counted;
    const points = [...new Set([...sample(most, count, random), most])];
    for (const at of points) {
      try {
        await attempt(fault, { at, calls }, seen);
      } catch (error) {
        failures.push(`${fault} at ${at}, ${control.hit}: ${error.stack}`);
      }
    }
    t.diagnostic(`${fault} at ${points.length} of ${most} calls: ${JSON.stringify(seen)}`);
    assert.deepEqual(failures.slice(0, 5), [], `${failures.length} of ${points.length}`);
    assert.ok(seen.half > 0);
    return seen;
  }

  test('killed before it changes a file', async (t) => {
    const { whole } = await allOf(t, 'kill', CALLS, LONG ? Infinity : 10);
    assert.ok(whole > 0, 'killed before its last call it is whole');
  });

  test('killed before it makes a directory', (t) => allOf(t, 'kill', 'mkdir', LONG ? 200 : 2));

  test('with an error of a call', async (t) => {
    await allOf(t, 'EIO', CALLS, LONG ? Infinity : 5);
    await allOf(t, 'ENOSPC', 'mkdir,create,write', LONG ? 200 : 3);
  });
});
