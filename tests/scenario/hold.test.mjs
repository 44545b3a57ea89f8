// Holds, and times until which a recording must be kept: while they stand nothing deletes, erases or removes it, and
// each refusal says why.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Store, missing, refused, waitFor } from './harness.mjs';
import { newRecordingId } from '../peer/writer.mjs';

const ALICE = 'https://clinic.example/mrn|alice';
const BOB = 'https://clinic.example/mrn|bob';
const CAROL = 'https://clinic.example/mrn|carol';
const NOBODY = 'https://clinic.example/mrn|nobody';
const MEDIA = Buffer.alloc(50_000, 7);

describe('holds', { skip: missing() }, () => {
  let store;
  let client;

  before(async () => {
    store = await Store.serve({ options: [['store', 'undelete_window_s', '2']] });
    client = await store.service('ingest,playback');
  });

  after(() => store?.remove());

  const ask = (body) => store.connected(client, body);
  const operate = (body) => store.connected(store.operator, body);
  const record = (identity, options = {}) => ask((peer) =>
    store.record(peer, identity, { tracks: [{ media: MEDIA }], ...options }));
  const remove = (identity, id) => ask((peer) => peer.delete(store.mint(identity, 'delete'), id));
  const because = (code, text) => (error) => refused(code)(error) && text.test(error.message);
  const isHeld = (identity, id) => ask(async (peer) => (await peer.info(store.mint(identity, 'list'), id)).held);

  test('a held recording is not deleted, and its patient not erased, until the last hold is released', async () => {
    const id = await record(ALICE);
    await operate(async (operator) => {
      const holds = [await operator.hold({ recording: id }), await operator.hold({ recording: id, reason: 'another' })];
      assert.equal(await isHeld(ALICE, id), true);
      for (const hold of holds) {
        await assert.rejects(remove(ALICE, id), because('conflict', /on hold/));
        await assert.rejects(operator.erase(ALICE), because('conflict', /a recording of this patient is on hold/));
        await operator.releaseHold(hold);
        await assert.rejects(operator.releaseHold(hold), refused('not_found'));
      }
      assert.equal(await isHeld(ALICE, id), false);
      await remove(ALICE, id);
    });
  });

  test('a held patient: what is there, what is recorded later, and their erasure', async () => {
    const early = await record(BOB);
    await operate(async (operator) => {
      await assert.rejects(operator.hold({ identity: NOBODY }), refused('not_found'));
      const hold = await operator.hold({ identity: BOB, reason: 'case 1' });
      const later = await record(BOB);
      for (const id of [early, later]) {
        await assert.rejects(remove(BOB, id), because('conflict', /on hold/));
        assert.equal(await isHeld(BOB, id), true);
      }
      await assert.rejects(operator.erase(BOB), because('conflict', /this patient is on hold/));
      const { total, holds } = await operator.holds();
      assert.equal(total, 1);
      assert.equal(holds[0].reason, 'case 1');
      assert.equal(holds[0].service, 'operator');
      assert.ok(!holds[0].tag.equals(Buffer.alloc(32)));
      await store.stop();
      await store.start();
    });
    await assert.rejects(remove(BOB, early), because('conflict', /on hold/));
    await operate(async (operator) => {
      await operator.releaseHold((await operator.holds()).holds[0].hold);
    });
    await remove(BOB, early);
  });

  test('what was deleted is kept by a hold past its window, but comes back no more; released, it goes', async () => {
    const id = await record(ALICE);
    await operate(async (operator) => {
      // Connected before: the hold must come within the window.
      const until = await remove(ALICE, id);
      const hold = await operator.hold({ recording: id });
      await delay(until - Date.now() + 50);
      await ask((peer) => assert.rejects(peer.undelete(store.mint(ALICE, 'delete'), id),
        because('conflict', /time in which it could come back is over/)));
      await store.logged('removal_waits');
      assert.ok(!store.events('recording_removed').some(({ recording }) => recording === id));
      await operator.releaseHold(hold);
      await waitFor(() => store.events('recording_removed').some(({ recording }) => recording === id));
    });
  });

  test('at most sixteen on the same, and none on what is not there', async () => {
    const id = await record(ALICE);
    await operate(async (operator) => {
      await assert.rejects(operator.hold({ recording: newRecordingId() }), refused('not_found'));
      for (let at = 0; at < 16; at++) {
        await operator.hold({ recording: id, reason: `number ${at}` });
      }
      await assert.rejects(operator.hold({ recording: id }), because('conflict', /16 holds/));
      const { total, holds } = await operator.holds();
      assert.equal(total, 16);
      assert.deepEqual((await operator.holds(10)).holds, holds.slice(10));
      for (const { hold } of holds) {
        await operator.releaseHold(hold);
      }
      assert.equal((await operator.holds()).total, 0);
    });
  });

  test('what must be kept is not deleted before its time, by its recorder\'s word or its issuer\'s rule', async () => {
    const soon = Date.now() + 1500;
    const [short, long] = await ask((peer) => Promise.all([soon, soon + 3600_000].map(async (retainUntil) => {
      const recording = await peer.record(store.mint(CAROL, 'record'), { retainUntil });
      await recording.finish();
      return recording.id;
    })));
    await assert.rejects(remove(CAROL, long), because('conflict', /to be kept until 20\d\d-\d\d-\d\dT/));
    await operate((operator) => assert.rejects(operator.erase(CAROL), because('conflict', /to be kept/)));
    // Refused until then, and not a moment longer; how often that is asked before does not matter.
    await waitFor(() => remove(CAROL, short).then(() => true, (error) => {
      assert.ok(because('conflict', /to be kept/)(error), error.message);
      return false;
    }), { what: 'the end of the time' });
    assert.ok(Date.now() >= soon, 'it was deleted before its time');
    store.set('issuer dev', 'retain_days', '2');
    await store.stop();
    await store.start();
    const ruled = await record(ALICE);
    const { retainUntil } = await ask(async (peer) => (await peer.info(store.mint(ALICE, 'list'), ruled)).entry);
    assert.ok(Math.abs(retainUntil - Date.now() - 2 * 86400_000) < 60_000);
    await assert.rejects(remove(ALICE, ruled), because('conflict', /to be kept until/));
  });

  test('the command line says how long a recording must be kept, when it makes one', async () => {
    const grant = store.mint(ALICE, 'record');
    const ingest = (args) => store.cli(['ingest', ...args, '-'], { credential: client, grant, stdin: MEDIA });
    const made = await ingest(['--retain-until', '2099-12-31']);
    assert.equal(made.code, 0, made.stderr);
    const id = made.stdout.toString().trim();
    const { retainUntil } = await ask(async (peer) => (await peer.info(store.mint(ALICE, 'list'), id)).entry);
    assert.equal(Number(retainUntil), Date.UTC(2099, 11, 31));
    await assert.rejects(remove(ALICE, id), because('conflict', /to be kept until 2099-12-31T/));
    for (const args of [['--retain-until', 'soon'], ['--retain-until', '2099-12-31', '--recording', id]]) {
      const { code, stderr } = await ingest(args);
      assert.equal(code, 2);
      assert.match(stderr, /--retain-until/);
    }
  });

  test('the command line', async () => {
    const id = await record(BOB);
    const options = { credential: store.operator };
    const { holds } = JSON.parse(await store.done(
      ['hold', 'place', '--json', '--recording', id, '--reason', 'case 2'], options));
    assert.deepEqual(Object.keys(holds[0]).sort(), ['by', 'hold', 'placed', 'reason', 'recording', 'tag']);
    assert.equal(holds[0].recording, id);
    assert.equal(holds[0].tag, null);
    await store.done(['hold', 'place', '--patient', BOB, '--reason', 'case 3'], options);
    const listed = JSON.parse(await store.done(['hold', 'list', '--json'], options)).holds;
    assert.equal(listed.length, 2);
    assert.match(await store.done(['hold', 'list'], options), /case 2[^]*case 3|case 3[^]*case 2/);
    for (const { hold } of listed) {
      await store.done(['hold', 'release', hold, '--reason', 'closed'], options);
    }
    assert.equal(await store.done(['hold', 'list'], options), '');
    for (const [args, status, text] of [
      [[], 2, /place, release or list/], [['keep'], 2, /place, release or list/], [['place', '--reason', 'x'], 2, /one of/],
      [['place', '--recording', id], 2, /no --reason/], [['place', '--recording', id, '--reason', ''], 2, /1 to 255/],
      [['place', '--recording', id, '--patient', BOB, '--reason', 'x'], 2, /one of/],
      [['place', '--recording', '1', '--reason', 'x'], 2, /is no id/], [['release', '--reason', 'x'], 2, /no HOLD/],
      [['release', 'x', '--reason', 'x'], 2, /no hold's id/], [['list', '--reason', 'x'], 2, /takes no --reason/],
      [['release', newRecordingId(), '--reason', 'x'], 1, /not_found/],
      [['place', '--recording', newRecordingId(), '--reason', 'x'], 1, /not_found/],
    ]) {
      const { code, stderr } = await store.cli(['hold', ...args], options);
      assert.equal(code, status, stderr);
      assert.match(stderr, text);
    }
    const { code } = await store.cli(['hold', 'list'], { credential: client });
    assert.equal(code, 1, 'a service that does not operate');
    assert.match(await store.done(['hold', '--help'], {}), /Example:/);
  });
});
