// A store restored from a backup serves nothing until the erasure ledger has been replayed: then who was erased is gone
// again, and who has come back since is not.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { BIN, Store, missing, run, waitFor } from './harness.mjs';

const ALICE = 'https://clinic.example/mrn|alice';
const BOB = 'https://clinic.example/mrn|bob';
const MEDIA = Buffer.alloc(40_000, 5);

describe('a restored store', { skip: missing(['sealreeld', 'sealreel', 'mark-restored']) }, () => {
  let store;
  let client;
  let older;
  let newer;
  let kept;
  let returned;

  const replay = (of) => run(join(BIN, 'sealreeld'), ['--replay', of.directory]);
  const filesOf = (of) => readdirSync(of.path('blobs'), { recursive: true }).filter((name) => name.length > 10);

  before(async () => {
    store = await Store.serve({ options: [['store', 'undelete_window_s', '0']] });
    client = await store.service('ingest,playback');
    const record = (identity) => store.connected(client, (peer) =>
      store.record(peer, identity, { tracks: [{ media: MEDIA }] }));
    await record(ALICE);
    kept = await record(BOB);
    const deleted = await record(BOB);
    await store.stop();
    older = store.copy();
    await store.start();
    await store.connected(store.operator, (operator) => operator.erase(ALICE));
    await store.connected(client, (peer) => peer.delete(store.mint(BOB, 'delete'), deleted));
    await waitFor(() => filesOf(store).length === 1);
    await waitFor(async () => (await store.connected(store.operator, (operator) =>
      operator.erase(ALICE, { look: true }))).waiting === 0);
    returned = await record(ALICE);
    await store.stop();
    newer = store.copy();
    for (const of of [older, newer]) {
      const marked = await run(join(BIN, 'mark-restored'), [of.directory]);
      assert.equal(marked.code, 0, marked.stderr);
    }
  });

  after(() => Promise.all([store, older, newer].map((one) => one?.remove())));

  /** The credential with the address of this copy. */
  function credentialOf(of) {
    const path = of.beside('client.cred');
    const text = readFileSync(client, 'utf8');
    writeFileSync(path, text.replace(/^address .*$/m, `address ${of.server}`), { mode: 0o600 });
    return path;
  }

  const listed = (of, identity) => of.connected(credentialOf(of), async (peer) =>
    (await peer.list(of.mint(identity, 'list'))).recordings.map(({ recording }) => recording));

  test('is not served before, and says what to do', async () => {
    const { code, stderr } = await run(join(BIN, 'sealreeld'), [older.directory]);
    assert.equal(code, 2);
    assert.match(stderr, /was restored from a backup: put the newest erasure ledger at .*, then sealreeld --replay/);
    const whole = await replay(store);
    assert.equal(whole.code, 2, 'a store that was not restored has nothing to replay');
  });

  test('a ledger of another store is refused, and the store stays as it was', async () => {
    const foreign = readFileSync(store.path('ledger'));
    foreign[60] ^= 1;
    writeFileSync(older.path('ledger'), foreign);
    const { code, stderr } = await replay(older);
    assert.equal(code, 2);
    assert.match(stderr, /line 1 is not one of this store's erasure ledger/);
    assert.equal((await run(join(BIN, 'sealreeld'), [older.directory])).code, 2);
  });

  test('after it, who was erased and what was deleted is gone', async () => {
    copyFileSync(store.path('ledger'), older.path('ledger'));
    const { code, stdout, stderr } = await replay(older);
    assert.equal(code, 0, stderr);
    assert.match(stdout.toString(), /replayed 2 lines/);
    assert.equal(filesOf(older).length, 1);
    const scrubbed = await run(join(BIN, 'sealreeld'), ['--scrub', older.directory]);
    assert.equal(scrubbed.code, 0, scrubbed.stdout.toString());
    await older.start();
    assert.deepEqual(await listed(older, ALICE), []);
    assert.deepEqual(await listed(older, BOB), [kept]);
  });

  test('who came back after the erasure is untouched', async () => {
    assert.equal((await replay(newer)).code, 0);
    await newer.start();
    assert.deepEqual(await listed(newer, ALICE), [returned]);
    await newer.stop();
    rmSync(newer.path('ledger'));
    assert.equal((await run(join(BIN, 'sealreeld'), [newer.directory])).code, 2, 'its lines have been seen');
  });

  test('with a keyring that it could not be served with, nothing is replayed', async () => {
    const turned = store.copy();
    const [oldest, newest] = [turned.beside('oldest'), turned.beside('newest')];
    try {
      copyFileSync(turned.path('keyring'), oldest);
      await turned.start();
      await turned.done(['epoch', 'new'], { credential: turned.operator });
      await turned.stop();
      copyFileSync(turned.path('keyring'), newest);
      assert.equal((await run(join(BIN, 'mark-restored'), [turned.directory])).code, 0);
      copyFileSync(oldest, turned.path('keyring'));
      const { code, stdout, stderr } = await replay(turned);
      assert.equal(code, 2);
      assert.match(stderr, /the keyring is older than the store/);
      assert.equal(stdout.toString(), '');
      copyFileSync(newest, turned.path('keyring'));
      assert.equal((await replay(turned)).code, 0, 'it is marked as before');
      await turned.start();
    } finally {
      await turned.remove();
    }
  });
});
