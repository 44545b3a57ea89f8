// Identities that change: what moves, what is refused before anything is changed, and new keys.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { assertNamedOnce } from './entries.mjs';
import { Store, missing, refused } from './harness.mjs';

const PREFIX = 'https://clinic.example/mrn|';

describe('identities that change', { skip: missing() }, () => {
  let store;
  let recorder;
  let player;
  let auditor;
  let names = 0;

  before(async () => {
    store = await Store.serve();
    [recorder, player, auditor] = [
      await store.service('ingest'), await store.service('playback'), await store.service('audit'),
    ];
  });

  after(() => store?.remove());

  /** An identity that nothing is recorded for yet. */
  const fresh = () => `${PREFIX}${names++}`;

  /** Records for an identity; resolves to { id, bytes }. */
  async function record(identity, { finish = true, claims } = {}) {
    const bytes = randomBytes(3000);
    const id = await store.connected(recorder, (client) => store.record(client, identity, {
      tracks: [{ media: bytes }], label: 'a call', finish, claims,
    }));
    return { id, bytes };
  }

  const listed = (identity) => store.connected(player, async (client) => {
    const { recordings, withheld } = await client.list(store.mint(identity, 'list'));
    assert.equal(withheld, 0);
    return recordings.map(({ recording }) => recording);
  });

  const plays = (identity, { id, bytes }) => store.connected(player, async (client) => {
    const opened = await client.play(store.mint(identity, 'play'), id);
    await opened.update(1);
    assert.ok((await opened.readAll(1)).equals(bytes), id);
    await opened.close();
  });

  const operate = (body) => store.connected(store.operator, body);
  const merge = (from, to, id) => operate((client) => (
    client.merge(store.mint(from, 'manage'), store.mint(to, 'manage'), id)));
  const rename = (from, to) => operate((client) => (
    client.rename(store.mint(from, 'manage'), store.mint(to, 'manage'))));

  const patient = (args, options = {}) => store.cli(['patient', ...args, '--issuer-key', store.path('dev-issuer.jwk')], {
    credential: store.operator, ...options,
  });

  test('a rename takes everything to an identity that had nothing, and may be repeated', async () => {
    const [from, to] = [fresh(), fresh()];
    const recordings = [await record(from), await record(from)];
    const done = await rename(from, to);
    assert.deepEqual([done.recordings, done.left, done.more], [2, 0, false]);
    assert.deepEqual(await listed(from), []);
    assert.deepEqual((await listed(to)).sort(), recordings.map(({ id }) => id).sort());
    await plays(to, recordings[0]);
    await assert.rejects(plays(from, recordings[1]), refused('not_found'));
    assert.equal((await rename(from, to)).recordings, 0);
    // Whoever comes back begins anew.
    const again = await record(from);
    assert.deepEqual(await listed(from), [again.id]);
    await plays(from, again);
    await assert.rejects(rename(from, to), refused('conflict'));
    assert.equal((await merge(from, to)).recordings, 1);
    await plays(to, again);
  });

  test('more than one request can take are moved by several', async () => {
    const [from, to] = [fresh(), fresh()];
    const ids = [];
    await store.connected(recorder, async (client) => {
      for (let i = 0; i < 70; i++) {
        ids.push(await store.record(client, from, { tracks: [] }));
      }
    });
    const run = await patient(['rename', from, to, '--json']);
    assert.equal(run.code, 0, run.stderr);
    assert.deepEqual(JSON.parse(run.stdout), { recordings: 70, left: 0, root_version: 1 });
    assert.deepEqual((await listed(to)).sort(), ids.sort());
  });

  test('one recording that was filed under the wrong patient goes with its consultation, and back', async () => {
    const [wrong, right] = [fresh(), fresh()];
    const stays = await record(wrong);
    const claims = { consultation: 'filed-wrongly' };
    const goes = await record(wrong, { claims });
    assert.equal((await merge(wrong, right, goes.id)).recordings, 1);
    assert.deepEqual(await listed(wrong), [stays.id]);
    assert.deepEqual(await listed(right), [goes.id]);
    await assert.rejects(record(wrong, { claims }), refused('conflict'));
    await record(right, { claims });
    assert.equal((await merge(wrong, right, goes.id)).recordings, 0, 'a repeat does nothing');
    assert.equal((await merge(right, wrong, goes.id)).recordings, 1);
    await plays(wrong, goes);
    await assert.rejects(merge(right, wrong, goes.id.replace(/.$/, (c) => (c === '0' ? '1' : '0'))), refused('not_found'));
    await assert.rejects(merge(right, wrong, stays.id), refused('not_found'));
  });

  test('what makes no sense is refused, and nothing is changed', async () => {
    const [from, to] = [fresh(), fresh()];
    const [own, others] = [await record(from), await record(to)];
    const live = await record(from, { finish: false });
    await assert.rejects(merge(from, from), refused('usage'));
    await assert.rejects(merge(fresh(), to), refused('not_found'));
    await assert.rejects(rename(from, to), refused('conflict'));
    await assert.rejects(merge(from, to), (error) => refused('conflict')(error) && error.message.includes(live.id));
    await assert.rejects(merge(from, to, live.id), refused('conflict'));
    await operate(async (client) => {
      await assert.rejects(client.merge(store.mint(from, 'manage'), store.mint(to, 'list')), refused('denied'));
      await assert.rejects(client.merge(store.mint(from, 'play'), store.mint(to, 'manage')), refused('denied'));
      await assert.rejects(client.rekey(store.mint(from, 'list')), refused('denied'));
    });
    await store.connected(player, (client) => assert.rejects(
      client.merge(store.mint(from, 'manage'), store.mint(to, 'manage')), refused('denied')));
    assert.deepEqual((await listed(from)).sort(), [own.id, live.id].sort());
    assert.deepEqual(await listed(to), [others.id]);
  });

  test('a map with a bad line 7,001 changes nothing; a good one is done as far as it can be', async () => {
    const [from, to, busy, other] = [fresh(), fresh(), fresh(), fresh()];
    const moves = await record(from);
    await record(busy, { finish: false });
    const map = store.beside('map');
    const lines = Array.from({ length: 7000 }, (_, i) => (i === 0 ? `${from}\t${to}` : `x${i}\ty${i}`));
    writeFileSync(map, [...lines, `${from}x ${to}`, 'z\tq', ''].join('\n'));
    const bad = await patient(['rename', '--map', map]);
    assert.equal(bad.code, 2);
    assert.match(bad.stderr.toString(), /line 7001: there is no tab/);
    assert.deepEqual(await listed(from), [moves.id]);

    writeFileSync(map, `${busy}\t${other}\n${from}\t${to}\n`);
    const part = await patient(['rename', '--map', map, '--json']);
    assert.equal(part.code, 6, part.stderr);
    const told = JSON.parse(part.stdout);
    assert.deepEqual([told.pairs, told.done, told.recordings], [2, 1, 1]);
    assert.deepEqual([told.refused[0].line, told.refused[0].code], [1, 'conflict']);
    assert.deepEqual(await listed(to), [moves.id]);
  });

  test('a grant that is given must be for the identity that is named', async () => {
    const [from, to, third] = [fresh(), fresh(), fresh()];
    const own = await record(from);
    const args = (identity) => ['patient', 'merge', from, to, '--grant', store.mint(identity, 'manage'),
      '--to-grant', store.mint(to, 'manage')];
    const wrong = await store.cli(args(third), { credential: store.operator });
    assert.equal(wrong.code, 2, wrong.stderr);
    assert.deepEqual(await listed(from), [own.id]);
    assert.equal((await store.cli(args(from), { credential: store.operator })).code, 0);
    await plays(to, own);
  });

  test('a new key opens all that the old one did, and what is recorded meanwhile', async () => {
    const identity = fresh();
    const before = [await record(identity), await record(identity)];
    const live = await store.connected(recorder, async (client) => {
      const recording = await client.record(store.mint(identity, 'record'), { label: 'live' });
      const writer = await recording.track({ type: 'video/webm', label: '', start: 0 });
      const bytes = randomBytes(4000);
      await writer.append(bytes.subarray(0, 2000));
      const version = await operate((operator) => operator.newRoot());
      const done = await operate((operator) => operator.rekey(store.mint(identity, 'manage')));
      assert.deepEqual([done.recordings, done.left, done.rootVersion], [3, 0, version]);
      await writer.append(bytes.subarray(2000));
      await writer.close();
      await recording.finish();
      return { id: recording.id, bytes };
    });
    for (const one of [...before, live, await record(identity)]) {
      await plays(identity, one);
    }
    await assert.rejects(operate((client) => client.rekey(store.mint(fresh(), 'manage'))), refused('not_found'));
    // It is in the keyring for good.
    await store.stop();
    await store.start();
    await plays(identity, live);
  });

  test('the identity under a tag is found with the auditor\'s key alone', async () => {
    const [from, to] = [fresh(), fresh()];
    await record(from);
    const since = store.log.length;
    await merge(from, to);
    const [{ from: tag }] = await store.logged('patient_merged', { from: since });
    const args = ['patient', 'identity', '--tag', tag, '--auditor-key', store.path('auditor.key')];
    const found = await store.cli(args, { credential: auditor });
    assert.equal(found.stdout.toString(), `${from}\n`, found.stderr);
    assert.equal((await store.cli(args, { credential: player })).code, 1);
    const none = args.with(3, '0'.repeat(64));
    assert.match((await store.cli(none, { credential: auditor })).stderr.toString(), /not_found/);
  });

  test('a scrub finds nothing wrong with what has moved', async () => {
    const [from, to] = [fresh(), fresh()];
    const { id } = await record(from);
    await rename(from, to);
    const { stdout } = await store.cli(['scrub', '--quiet'], { credential: store.operator });
    assert.ok(!stdout.toString().includes(id), stdout.toString());
  });

  test('a hold goes along: nobody escapes it by another identity or another key', async () => {
    const [from, to] = [fresh(), fresh()];
    const [held, other] = [await record(from), await record(from)];
    const remove = (identity, id) => store.connected(player, (client) => client.delete(store.mint(identity, 'delete'), id));
    await operate(async (client) => {
      const [one, whole] = [await client.hold({ recording: held.id }), await client.hold({ identity: from })];
      for (const change of [rename, merge]) {
        await assert.rejects(change(from, to), (error) => refused('conflict')(error) && /on hold/.test(error.message));
      }
      assert.deepEqual((await listed(from)).sort(), [held.id, other.id].sort(), 'nothing was moved');
      assert.equal((await client.rekey(store.mint(from, 'manage'))).recordings, 2);
      assert.equal((await client.deepen(store.mint(from, 'manage'))).recordings, 1);
      await assert.rejects(remove(from, other.id), refused('conflict'));
      await client.releaseHold(whole);
      // That of one recording is the recording's.
      assert.equal((await rename(from, to)).recordings, 2);
      await assert.rejects(remove(to, held.id), refused('conflict'));
      await assert.rejects(client.erase(to), refused('conflict'));
      const both = [await client.hold({ identity: to }), await client.hold({ identity: to })];
      const last = fresh();
      await record(last);
      await assert.rejects(merge(to, last), refused('conflict'));
      both.push(await client.hold({ identity: last }));
      assert.equal((await merge(to, last)).recordings, 2);
      for (const hold of [one, ...both]) {
        await client.releaseHold(hold);
      }
      await remove(last, held.id);
      await plays(last, other);
    });
  });

  test('what was moved stands once in each entry of the account', async () => {
    await store.stop();
    assertNamedOnce(store);
    await store.start();
  });
});
