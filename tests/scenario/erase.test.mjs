// Erasing a patient: streams end, key, name, recordings and files go, whatever stops the daemon on the way; and a
// recording whose row is beyond repair is ended.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { cpSync, readFileSync, readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { BIN, Store, missing, refused, run, waitFor } from './harness.mjs';
import { readEntries } from './entries.mjs';
import { tables } from './index_tables.mjs';
import { newRecordingId } from '../peer/writer.mjs';

const ALICE = 'https://clinic.example/mrn|alice';
const BOB = 'https://clinic.example/mrn|bob';
const MEDIA = randomBytes(300_000);
const LINE = 90;
const hexOf = (id) => id.replaceAll('-', '');
const filesOf = (store, ids) => readdirSync(store.path('blobs'), { recursive: true })
  .filter((name) => ids.some((id) => name.includes(id)));

describe('erasing a patient', { skip: missing(['sealreeld', 'sealreel', 'damage']) }, () => {
  let store;
  let client;

  before(async () => {
    store = await Store.serve();
    client = await store.service('ingest,playback');
  });

  after(() => store?.remove());

  const ask = (body) => store.connected(client, body);
  const operate = (body) => store.connected(store.operator, body);
  const record = (identity, options = {}) => ask((peer) =>
    store.record(peer, identity, { tracks: [{ media: MEDIA }], ...options }));
  const listed = (identity) => ask(async (peer) => {
    const { recordings, withheld } = await peer.list(store.mint(identity, 'list'));
    assert.equal(withheld, 0);
    return recordings.map(({ recording }) => recording);
  });
  const gone = (identity) => operate((operator) => waitFor(async () =>
    (await operator.erase(identity, { look: true })).waiting === 0 && store.events('patient_removed').length > 0));

  test('nothing of theirs is served from then on, and in the end nothing of it is there', async () => {
    const claims = { consultation: 'visit-1' };
    const ids = [await record(ALICE), await record(ALICE, { claims }), await record(ALICE, { finish: false })];
    const deleted = await record(ALICE);
    await ask((peer) => peer.delete(store.mint(ALICE, 'delete'), deleted));
    const others = await record(BOB);
    const alarms = store.log.length;
    await ask(async (peer) => {
      const player = await peer.play(store.mint(ALICE, 'play'), ids[0]);
      await player.update(1);
      await operate(async (operator) => {
        const { state, recordings, epoch, unretired, returned } = await operator.erase(ALICE);
        assert.deepEqual({ state, recordings, epoch, unretired, returned },
          { state: 'pending', recordings: 4, epoch: 1, unretired: 1, returned: false });
      });
      await assert.rejects(player.readAll(1), refused('not_found'));
      assert.deepEqual(await listed(ALICE), []);
      await assert.rejects(peer.info(store.mint(ALICE, 'list'), ids[0]), refused('not_found'));
      await assert.rejects(peer.undelete(store.mint(ALICE, 'delete'), deleted), refused('not_found'));
    });
    await gone(ALICE);
    assert.deepEqual(filesOf(store, [...ids, deleted]), []);
    assert.deepEqual(store.lines(alarms).filter(({ level }) => level === 'alarm'), []);
    await store.stop();
    const index = tables(store);
    for (const id of [...ids, deleted]) {
      for (const [table, rows] of Object.entries(index)) {
        assert.deepEqual(Object.keys(rows).filter((key) => key.includes(hexOf(id))), [], table);
      }
    }
    assert.equal(Object.keys(index.patients).length, 1);
    assert.equal(Object.keys(index.consultations ?? {}).length, 0);
    const removals = readEntries(store.path('audit', 'records')).filter(({ operation }) => operation === 'removal');
    assert.deepEqual(removals.map(({ kind, outcome, facts }) => [kind, outcome, facts.was]), [['control', 'removed', 'erased']]);
    const ledger = readFileSync(store.path('ledger'));
    assert.equal(ledger.length, LINE);
    assert.ok(!ledger.includes('alice'));
    const scrubbed = await run(join(BIN, 'sealreeld'), ['--scrub', store.directory]);
    assert.equal(scrubbed.code, 0, scrubbed.stdout.toString());
    await store.start();
    assert.deepEqual(await listed(BOB), [others]);
  });

  test('once more it says how it stands, and who comes back is somebody new', async () => {
    await operate(async (operator) => {
      assert.equal((await operator.erase(ALICE)).state, 'pending');
      assert.equal((await operator.erase(BOB, { look: true })).state, 'none');
      await assert.rejects(operator.erase('https://clinic.example/mrn|nobody'), refused('not_found'));
    });
    assert.equal(statSync(store.path('ledger')).size, LINE, 'a repeated erasure writes nothing');
    const id = await record(ALICE);
    assert.deepEqual(await listed(ALICE), [id]);
    await operate(async (operator) => {
      const { state, returned } = await operator.erase(ALICE, { look: true });
      assert.deepEqual({ state, returned }, { state: 'pending', returned: true });
    });
    await ask(async (peer) => {
      const player = await peer.play(store.mint(ALICE, 'play'), id);
      await player.update(1);
      assert.ok((await player.readAll(1)).equals(MEDIA));
    });
  });

  test('a daemon that is killed right after goes on at its next start', async () => {
    const carol = 'https://clinic.example/mrn|carol';
    const ids = [];
    for (let at = 0; at < 5; at++) {
      ids.push(await record(carol));
    }
    await operate((operator) => operator.erase(carol));
    await store.kill();
    const from = store.log.length;
    await store.start();
    await waitFor(() => filesOf(store, ids).length === 0);
    await operate((operator) => waitFor(async () => (await operator.erase(carol, { look: true })).waiting === 0));
    assert.deepEqual(store.lines(from).filter(({ level }) => level === 'alarm'), []);
    assert.deepEqual(await listed(carol), []);
  });

  test('with the keyring from after it, what an older copy of the disk holds needs the salt that is gone', async () => {
    const dave = 'https://clinic.example/mrn|dave';
    const id = await record(dave);
    await store.stop();
    cpSync(store.path('index'), store.beside('older-index'), { recursive: true });
    await store.start();
    await operate((operator) => operator.erase(dave));
    await waitFor(() => filesOf(store, [id]).length === 0);
    await store.stop();
    const salts = (rows) => Object.values(rows).map((row) => row.slice(44, 108));
    const before = salts(tables({ path: (...names) => store.beside(join('older-index', ...names.slice(1))) }).patients);
    const now = salts(tables(store).patients);
    assert.equal(before.filter((salt) => !now.includes(salt)).length, 1);
    await store.start();
  });

  test('the command line: erase, its status, and what is wrong with it', async () => {
    const erin = 'https://clinic.example/mrn|erin';
    await record(erin);
    const options = { credential: store.operator };
    const cli = (...args) => store.cli(['patient', 'erase', ...args], options);
    const none = await cli(erin, '--status', '--json');
    assert.equal(none.code, 0, none.stderr);
    assert.equal(JSON.parse(none.stdout).state, 'none');
    const { code, stdout } = await cli(erin, '--reason', 'request 88', '--json');
    assert.equal(code, 6, 'pending');
    const told = JSON.parse(stdout);
    assert.deepEqual(Object.keys(told).sort(),
      ['epoch', 'erased', 'kept_until', 'openable_backups', 'recordings', 'returned', 'state', 'unretired', 'waiting']);
    assert.equal(told.state, 'pending');
    const again = await cli(erin, '--status');
    assert.equal(again.code, 6);
    assert.match(again.stdout.toString(), /^pending: erased 20.*1 epochs up to 1 are not retired: their keys open/);
    for (const [args, status, text] of [
      [[], 2, /there is no ID/], [[erin], 2, /no --reason/], [[erin, '--status', '--reason', 'x'], 2, /takes neither/],
      [[erin, 'x', '--reason', 'x'], 2, /too much/], [['nobody', '--reason', 'x'], 1, /not_found/],
    ]) {
      const ended = await cli(...args);
      assert.equal(ended.code, status, ended.stderr);
      assert.match(ended.stderr, text);
    }
    assert.match(await store.done(['patient', 'erase', '--help'], {}), /Example:/);
    assert.equal((await store.cli(['patient', 'erase', erin, '--reason', 'x'], { credential: client })).code, 1);
  });

  test('a row beyond repair is discarded, with its files; a whole one is not', async () => {
    const frank = 'https://clinic.example/mrn|frank';
    const [bad, good] = [await record(frank), await record(frank)];
    await store.stop();
    const row = Object.keys(tables(store).recordings).sort()
      .findIndex((name) => name.includes(hexOf(bad)) && name.endsWith('0000'));
    const damaged = await run(join(BIN, 'damage'), [store.directory, 'recordings', String(row), '40', '1']);
    assert.equal(damaged.code, 0, damaged.stderr);
    await store.start();
    const options = { credential: store.operator };
    const discard = (id, ...args) => store.cli(['scrub', '--discard', id, ...args], options);
    for (const [ended, status, text] of [
      [await discard(good, '--reason', 'x'), 1, /its row is whole/],
      [await discard(newRecordingId(), '--reason', 'x'), 1, /not_found/],
      [await discard(bad), 2, /needs a --reason/], [await discard('x', '--reason', 'x'), 2, /is no id/],
      [await discard(bad, '--reason', 'x', '--rate', '1'), 2, /stands alone/],
    ]) {
      assert.equal(ended.code, status, ended.stderr);
      assert.match(ended.stderr, text);
    }
    await operate(async (operator) => {
      const hold = await operator.hold({ identity: frank });
      const { code, stderr } = await discard(bad, '--reason', 'x');
      assert.equal(code, 1);
      assert.match(stderr, /on hold/);
      await operator.releaseHold(hold);
    });
    assert.equal((await discard(bad, '--reason', 'a flipped bit')).code, 0);
    await waitFor(() => filesOf(store, [bad]).length === 0);
    assert.deepEqual(await listed(frank), [good]);
    await store.stop();
    assert.deepEqual(Object.values(tables(store)).flatMap((rows) => Object.keys(rows)
      .filter((name) => name.includes(hexOf(bad)))), []);
    await store.start();
  });

  test('of one that was moved and then erased the tombstone is left, which is not discarded', async () => {
    const [heidi, ivan] = ['heidi', 'ivan'].map((name) => `https://clinic.example/mrn|${name}`);
    const id = await record(heidi);
    await store.done(['patient', 'rename', heidi, ivan, '--issuer-key', store.path('dev-issuer.jwk')],
      { credential: store.operator });
    await operate((operator) => operator.erase(ivan));
    await waitFor(() => filesOf(store, [id]).length === 0);
    await operate((operator) => waitFor(async () => (await operator.erase(ivan, { look: true })).waiting === 0));
    const { code, stderr } = await store.cli(['scrub', '--discard', id, '--reason', 'x'], { credential: store.operator });
    assert.equal(code, 1);
    assert.match(stderr, /conflict: only its tombstone is left, which is whole: there is nothing to discard/);
  });

  test('without its line in the ledger nothing is destroyed', async () => {
    const grace = 'https://clinic.example/mrn|grace';
    const id = await record(grace);
    await store.stop();
    const salts = () => Object.values(tables(store).patients).map((row) => row.slice(44, 108));
    const before = salts().sort();
    // So long that a limit on the size of files stops its next line, and no other file.
    const most = 90 * 12_000_000;
    truncateSync(store.path('ledger'), most);
    await store.start();
    const limited = await run('prlimit', ['--pid', String(store.pid), `--fsize=${most}`]);
    assert.equal(limited.code, 0, limited.stderr);
    await assert.rejects(operate((operator) => operator.erase(grace)));
    await store.kill(); // so that nothing is tried again before the limit is gone
    assert.deepEqual(salts().sort(), before);
    assert.equal(statSync(store.path('ledger')).size, most);
    await store.start();
    await waitFor(() => filesOf(store, [id]).length === 0);
    assert.equal(statSync(store.path('ledger')).size, most + LINE);
    assert.deepEqual(await listed(grace), []);
  });

  test('a ledger that lost an erasure is refused', async () => {
    await store.stop();
    truncateSync(store.path('ledger'), 0);
    const { code, stderr } = await run(join(BIN, 'sealreeld'), [store.directory]);
    assert.equal(code, 2);
    assert.match(stderr, /erasure ledger has 0 lines/);
  });
});
