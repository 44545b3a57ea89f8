// Deleting: what is deleted is neither listed nor played, whoever plays or writes it is ended, it comes back while its
// window lasts, and afterwards nothing of it is left but a line in the erasure ledger.
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { copyFileSync, readFileSync, readdirSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { assertNamedOnce } from './entries.mjs';
import { Store, missing, refused, run, waitFor } from './harness.mjs';
import { tables } from './index_tables.mjs';
import { newRecordingId } from '../peer/writer.mjs';

const ALICE = 'https://clinic.example/mrn|alice';
const BOB = 'https://clinic.example/mrn|bob';
const SOURCE = createCipheriv('aes-128-ctr', Buffer.alloc(16, 9), Buffer.alloc(16)).update(Buffer.alloc(600_000));
const LINE = 90;
const hexOf = (id) => id.replaceAll('-', '');

const filesOf = (store, id) => readdirSync(store.path('blobs'), { recursive: true })
  .filter((name) => name.includes(id));
const rowsOf = (store, id) => Object.entries(tables(store))
  .flatMap(([table, rows]) => Object.keys(rows).filter((key) => table === 'control'
    ? Buffer.from(key, 'hex').toString().includes(hexOf(id)) : key.includes(hexOf(id))).map(() => table));

async function serve(window) {
  const store = await Store.serve({ options: [['store', 'undelete_window_s', String(window)]] });
  return { store, client: await store.service('ingest,playback') };
}

const record = (store, credential, options = {}) => store.connected(credential, (client) =>
  store.record(client, options.identity ?? ALICE, { tracks: [{ media: SOURCE }, { media: SOURCE.subarray(0, 1000) }], ...options }));

async function scrub(store) {
  const { code, stdout, stderr } = await run(`${store.bin}/sealreeld`, ['--scrub', store.directory]);
  assert.equal(code, 0, `${stdout}${stderr}`);
}

describe('within the window', { skip: missing() }, () => {
  let store;
  let client;

  before(async () => {
    ({ store, client } = await serve(3600));
  });

  after(() => store?.remove());

  const ask = (body) => store.connected(client, body);
  const listed = (identity = ALICE) => ask(async (peer) => {
    const { recordings, withheld } = await peer.list(store.mint(identity, 'list'));
    assert.equal(withheld, 0);
    return recordings.map(({ recording }) => recording);
  });

  test('a deleted recording is nowhere, and comes back whole', async () => {
    const id = await record(store, client);
    const before = Date.now();
    const until = await ask((peer) => peer.delete(store.mint(ALICE, 'delete'), id));
    assert.ok(until >= before + 3600_000 && until <= Date.now() + 3600_000);
    assert.deepEqual(await listed(), []);
    const alarms = store.log.length;
    await ask(async (peer) => {
      await assert.rejects(peer.info(store.mint(ALICE, 'list'), id), refused('not_found'));
      await assert.rejects(peer.play(store.mint(ALICE, 'play'), id), refused('not_found'));
      assert.deepEqual(await peer.check(store.mint(ALICE, 'list'), [id]), [false]);
      await assert.rejects(peer.record(store.mint(ALICE, 'record'), { id }), refused('conflict'));
      assert.equal(await peer.delete(store.mint(ALICE, 'delete'), id), until, 'a repeated delete has the same answer');
    });
    assert.deepEqual(store.lines(alarms).filter(({ level }) => level === 'alarm'), []);
    assert.ok(filesOf(store, id).length === 2, 'its files stay while it can come back');
    await ask((peer) => peer.undelete(store.mint(ALICE, 'delete'), id));
    await ask((peer) => peer.undelete(store.mint(ALICE, 'delete'), id));
    assert.deepEqual(await listed(), [id]);
    await ask(async (peer) => {
      const player = await peer.play(store.mint(ALICE, 'play'), id);
      await player.update(1);
      assert.ok((await player.readAll(1)).equals(SOURCE));
      await peer.delete(store.mint(ALICE, 'delete'), id);
    });
  });

  test('only by a grant of its patient with the scope, and a role that may', async () => {
    const id = await record(store, client);
    await ask(async (peer) => {
      await assert.rejects(peer.delete(store.mint(BOB, 'delete'), id), refused('not_found'));
      await assert.rejects(peer.delete(store.mint(BOB, 'delete'), newRecordingId()), refused('not_found'));
      await assert.rejects(peer.delete(store.mint(ALICE, 'list play record manage'), id), refused('denied'));
      await assert.rejects(peer.undelete(store.mint(BOB, 'delete'), id), refused('not_found'));
    });
    await store.connected(await store.service('ingest'), (peer) =>
      assert.rejects(peer.delete(store.mint(ALICE, 'delete'), id), refused('denied')));
    assert.ok((await listed()).includes(id));
    await store.connected(store.operator, (peer) => peer.delete(store.mint(ALICE, 'delete'), id));
    await ask((peer) => assert.rejects(peer.undelete(store.mint(BOB, 'delete'), id), refused('not_found')));
    assert.ok(!(await listed()).includes(id));
  });

  test('players and writers end, and an unfinished recording goes on after it has come back', async () => {
    await ask(async (writing) => {
      const recording = await writing.record(store.mint(ALICE, 'record'));
      const writer = await recording.track({ type: 'audio/webm' });
      await writer.append(SOURCE.subarray(0, 100_000));
      await writer.sync();
      await ask(async (peer) => {
        const player = await peer.play(store.mint(ALICE, 'play'), recording.id);
        await player.update(1);
        await peer.delete(store.mint(ALICE, 'delete'), recording.id);
        await assert.rejects(player.readAll(1), refused('not_found'));
      });
      await assert.rejects(async () => {
        for (let at = 0; at < 50; at++) {
          await writer.append(SOURCE.subarray(100_000, 110_000));
          await writer.sync();
        }
      }, refused('not_found'));
      await ask((peer) => peer.undelete(store.mint(ALICE, 'delete'), recording.id));
      const again = await recording.resume(1);
      assert.equal(again.durable, 100_000);
      await again.append(SOURCE.subarray(100_000, 200_000));
      await again.close();
      await recording.finish();
      await ask(async (peer) => {
        const player = await peer.play(store.mint(ALICE, 'play'), recording.id);
        await player.update(1);
        assert.ok((await player.readAll(1)).equals(SOURCE.subarray(0, 200_000)));
      });
    });
  });

  test('the command line: delete, undelete, and what is wrong with them', async () => {
    const id = await record(store, client);
    const grant = store.mint(ALICE, 'delete list');
    const options = { credential: client, grant };
    const told = JSON.parse(await store.done(['delete', '--json', id], options));
    assert.deepEqual(Object.keys(told).sort(), ['id', 'undo_until']);
    assert.equal(told.id, id);
    assert.ok(Date.parse(told.undo_until) > Date.now() + 3500_000);
    assert.match(await store.done(['delete', id], options), /^deleted; undelete brings it back until 20\d\d-/);
    assert.deepEqual(JSON.parse(await store.done(['undelete', '--json', id], options)), { id });
    assert.equal(await store.done(['undelete', id], options), '');
    for (const [args, status, text] of [
      [['delete'], 2, /there is no id/], [['undelete'], 2, /there is no id/], [['delete', 'x'], 2, /x is no id/],
      [['delete', id, id], 2, /an id too much/], [['delete', newRecordingId()], 1, /not_found/],
      [['undelete', newRecordingId()], 1, /not_found/],
    ]) {
      const { code, stderr } = await store.cli(args, options);
      assert.equal(code, status, stderr);
      assert.match(stderr, text);
      assert.equal(stderr.trim().split('\n').length, 1);
    }
    for (const name of ['delete', 'undelete']) {
      assert.match(await store.done([name, '--help'], {}), new RegExp(`Example:\\s+sealreel ${name} `));
    }
  });

  test('a restart forgets nothing of it, and a scrub has nothing to say', async () => {
    const id = await record(store, client, { identity: BOB });
    await ask((peer) => peer.delete(store.mint(BOB, 'delete'), id));
    await store.stop();
    await scrub(store);
    await store.start();
    assert.deepEqual(await listed(BOB), []);
    await ask((peer) => peer.undelete(store.mint(BOB, 'delete'), id));
    assert.deepEqual(await listed(BOB), [id]);
  });
});

describe('after the window', { skip: missing() }, () => {
  let store;
  let client;

  before(async () => {
    ({ store, client } = await serve(0));
  });

  after(() => store?.remove());

  const ask = (body) => store.connected(client, body);
  const removed = (id) => waitFor(() => store.events('recording_removed').some(({ recording }) => recording === id),
    { what: 'the removal' });

  test('files, rows, hint and consultation are gone, and the ledger has a line', async () => {
    const kept = await record(store, client);
    const claims = { consultation: 'visit-1' };
    const id = await record(store, client, { claims });
    const unfinished = await record(store, client, { claims, finish: false });
    const lines = statSync(store.path('ledger')).size / LINE;
    for (const one of [id, unfinished]) {
      await ask((peer) => peer.delete(store.mint(ALICE, 'delete'), one));
      await removed(one);
      assert.deepEqual(filesOf(store, one), []);
      await ask((peer) => assert.rejects(peer.undelete(store.mint(ALICE, 'delete'), one), refused('not_found')));
    }
    await store.stop();
    for (const one of [id, unfinished]) {
      assert.deepEqual(rowsOf(store, one), []);
    }
    assert.deepEqual(tables(store).consultations ?? {}, {}, 'the last of a consultation takes its binding along');
    assert.equal(statSync(store.path('ledger')).size, (lines + 2) * LINE);
    const ledger = readFileSync(store.path('ledger'));
    assert.ok(ledger.includes(Buffer.from(hexOf(id), 'hex')));
    assert.ok(!ledger.includes('alice'));
    await scrub(store);
    await store.start();
    await ask(async (peer) => {
      const { recordings } = await peer.list(store.mint(ALICE, 'list'));
      assert.deepEqual(recordings.map(({ recording }) => recording), [kept]);
    });
  });

  test('a consultation stays bound while another recording is of it', async () => {
    const claims = { consultation: 'visit-2' };
    const [one, other] = [await record(store, client, { claims }), await record(store, client, { claims })];
    await ask((peer) => peer.delete(store.mint(ALICE, 'delete'), one));
    await removed(one);
    await assert.rejects(record(store, client, { identity: BOB, claims }), refused('conflict'));
    await ask((peer) => peer.delete(store.mint(ALICE, 'delete'), other));
    await removed(other);
    await record(store, client, { identity: BOB, claims });
  });

  test('a recording that is being written goes with its file', async () => {
    await ask(async (writing) => {
      const recording = await writing.record(store.mint(ALICE, 'record'));
      const writer = await recording.track({ type: 'audio/webm' });
      await writer.append(SOURCE.subarray(0, 200_000));
      await writer.sync();
      await ask((peer) => peer.delete(store.mint(ALICE, 'delete'), recording.id));
      await assert.rejects(async () => {
        for (;;) {
          await writer.append(SOURCE.subarray(0, 10_000));
          await writer.sync();
        }
      });
      await removed(recording.id);
      assert.deepEqual(filesOf(store, recording.id), []);
    });
  });

  test('when its time is over it cannot come back, whatever is left of it', async () => {
    const id = await record(store, client);
    // Without its directory its files cannot be removed: so it stays what it was, but for its time.
    const fan = store.path('blobs', filesOf(store, id)[0].slice(0, 3));
    renameSync(fan, store.beside('fan'));
    const from = store.log.length;
    await ask((peer) => peer.delete(store.mint(ALICE, 'delete'), id));
    await store.logged('removal_waits', { from });
    await ask((peer) => assert.rejects(peer.undelete(store.mint(ALICE, 'delete'), id), refused('not_found')));
    renameSync(store.beside('fan'), fan);
    await store.stop();
    assert.ok(rowsOf(store, id).includes('recordings'), 'its row goes last');
    await store.start();
    await removed(id);
    assert.deepEqual(filesOf(store, id), []);
  });

  test('a daemon that was killed finishes at its next start', async () => {
    const id = await record(store, client);
    store.set('store', 'undelete_window_s', '3600');
    await store.stop();
    await store.start();
    await ask((peer) => peer.delete(store.mint(ALICE, 'delete'), id));
    await store.kill();
    store.set('store', 'undelete_window_s', '0');
    await store.start();
    await removed(id);
    assert.deepEqual(filesOf(store, id), []);
  });

  test('an older ledger, another one, or none is refused at start', async () => {
    await store.stop();
    assertNamedOnce(store);
    const path = store.path('ledger');
    const size = statSync(path).size;
    copyFileSync(path, store.beside('newest'));
    const start = () => run(`${store.bin}/sealreeld`, [store.directory]);
    truncateSync(path, size - LINE);
    let ended = await start();
    assert.equal(ended.code, 2);
    assert.match(ended.stderr, /has \d+ lines, and this store has seen \d+: put the newest one there/);
    truncateSync(path, 0);
    assert.equal((await start()).code, 2);
    const other = readFileSync(store.beside('newest'));
    other[other.length - 40] ^= 1;
    writeFileSync(path, other);
    ended = await start();
    assert.equal(ended.code, 2);
    assert.match(ended.stderr, /line \d+ is not one of this store's erasure ledger/);
    copyFileSync(store.beside('newest'), path);
    await store.start();
  });
});
