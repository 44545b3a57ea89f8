// The daemon is killed at its n-th call that changes a file or sends, while it lists, plays and records: whatever a client
// got has its entry in the account, in the order that was promised; and the next start settles what was left open, with
// bounds that hold. And when the account cannot be written nothing is given, while what is being recorded goes on.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Client } from '../peer/client.mjs';
import { Refusal } from '../peer/connection.mjs';
import { readEntries } from '../scenario/entries.mjs';
import { LONG, FaultStore, generator, killAnywhere, missing } from './rig.mjs';

const POINTS = LONG ? Infinity : 40;
const LISTED = 'https://clinic.example/mrn|listed';
const MEDIA = randomBytes(700_000);

const entriesOf = (rig) => readEntries(rig.store.path('audit', 'records'));

describe('the account', { skip: missing() }, () => {
  const random = generator(11);
  let whole;
  let ids;
  let most = 0;

  before(async () => {
    whole = await FaultStore.make();
    await whole.store.start();
    const ingest = await Client.connect(whole.credential('ingest'));
    ids = [];
    for (let count = 0; count < 3; count++) {
      ids.push(await whole.store.record(ingest, LISTED, { tracks: [{ media: MEDIA }] }));
    }
    await ingest.close();
    await whole.store.stop();
  });

  after(() => whole?.remove());

  /** Lists, plays and records; notes in `got` what came of it, each thing when it is there. */
  async function work(rig, got) {
    const playback = await Client.connect(rig.credential('playback'));
    const ingest = await Client.connect(rig.credential('ingest'));
    const mint = (scope) => rig.store.mint(LISTED, scope);
    const { recordings } = await playback.list(mint('list'));
    got.listed = recordings.map(({ recording }) => recording);
    await playback.info(mint('list'), ids[1]);
    got.informed = ids[1];
    const player = await playback.play(mint('play'), ids[0]);
    got.opened = ids[0];
    await player.update(1);
    for (const [from, to] of [[0, 100_000], [100_000, 300_000], [500_000, 700_000]]) {
      let at = from;
      for await (const piece of player.read(1, from, to)) {
        assert.ok(piece.equals(MEDIA.subarray(at, at + piece.length)));
        at += piece.length;
        got.ranges.push([at - piece.length, at]);
      }
    }
    await player.close();
    const recording = await ingest.record(mint('record'), {});
    got.recorded = recording.id;
    const writer = await recording.track({ type: 'video/webm' });
    got.tracked = true;
    await writer.append(MEDIA.subarray(0, 50_000));
    await writer.close();
    await recording.finish();
    got.finished = true;
    await playback.close();
    await ingest.close();
  }

  /** Everything that was got stands in the log as it lies there. */
  function assertTold(entries, from, got) {
    const own = entries.filter(({ number }) => number >= from);
    const find = (kind, operation) => own.find((entry) => entry.kind === kind && entry.operation === operation);
    if (got.listed) {
      assert.deepEqual(find('presented', 'list')?.recordings.map(({ id }) => id), got.listed, 'the list');
    }
    if (got.informed) {
      assert.equal(find('presented', 'info')?.recordings[0].id, got.informed, 'info');
    }
    if (got.opened) {
      assert.equal(find('presented', 'play.open')?.recordings[0].id, got.opened, 'play.open');
    }
    const windows = own.filter(({ kind }) => kind === 'authorised').flatMap(({ recordings }) => recordings);
    for (const [start, end] of got.ranges) {
      assert.ok(windows.some((range) => range.from <= start && range.to >= end), `bytes ${start} to ${end}`);
    }
    for (const [operation, done] of [['record.open', got.recorded], ['record.track', got.tracked],
      ['record.finish', got.finished]]) {
      assert.ok(!done || find('intent', operation), operation);
    }
  }

  /** What the next start left: all is settled, as it is, and the bounds hold. */
  async function assertSettled(rig, from, got) {
    const entries = entriesOf(rig);
    for (const { number, operation } of entries.filter(({ kind }) => kind === 'intent')) {
      const ends = entries.filter(({ kind, of, operation: what }) => of === number && what === operation &&
        (kind === 'outcome' || kind === 'recovered'));
      assert.equal(ends.length, 1, `${operation} ${number} has ${ends.length} ends`);
      assert.ok(ends[0].number > number);
    }
    const own = entries.filter(({ number }) => number >= from);
    const taken = got.ranges.reduce((sum, [start, end]) => sum + end - start, 0);
    if (own.some(({ kind }) => kind === 'authorised')) {
      const ends = own.filter(({ kind, counts, outcome }) => (kind === 'sent' && outcome) ||
        (kind === 'recovered' && counts));
      assert.equal(ends.length, 1, 'one end of the stream');
      const [{ counts }] = ends;
      assert.ok((counts.bytes ?? counts.authorised) >= taken, 'possibly delivered');
      assert.ok((counts.confirmed ?? 0) <= taken, 'surely delivered');
    }
    const opening = own.find(({ kind, operation }) => kind === 'intent' && operation === 'record.open');
    if (opening) {
      const end = entries.find(({ of, operation }) => of === opening.number && operation === 'record.open');
      const playback = await Client.connect(rig.credential('playback'));
      const there = await playback.info(rig.store.mint(LISTED, 'list'), opening.recordings[0].id).then(() => true,
        (error) => {
          assert.ok(error instanceof Refusal, error);
          return false;
        });
      await playback.close();
      assert.equal(end.outcome, there ? 'applied' : 'not_applied', 'what became of record.open');
    }
  }

  async function attempt(at) {
    const rig = whole.copy();
    const got = { ranges: [] };
    try {
      const from = entriesOf(rig).length;
      const started = await rig.start({ FAULT: 'kill', FAULT_AT: at });
      const outcome = started ? await work(rig, got).catch((error) => error) : null;
      const hit = rig.control.hits > 0;
      if (!hit) {
        assert.equal(outcome ?? null, null, 'nothing was killed, and the work came to no end');
        most = Math.max(most, rig.control.counted);
        await rig.kill();
      } else {
        await rig.store.ended;
      }
      assertTold(entriesOf(rig), from, got);
      assert.ok(await rig.start(), 'it does not start again');
      await assertSettled(rig, from, got);
      await rig.store.stop();
      return hit;
    } finally {
      await rig.remove();
    }
  }

  test('killed at any call: what was given is told, and what was open is settled', async (t) => {
    await killAnywhere(t, { attempt, counted: () => most, points: POINTS, least: 0.9, random });
  });

  for (const fault of ['ENOSPC', 'EIO']) {
    test(`${fault} of the account: nothing is given or begun, and what is being recorded goes on`, async () => {
      const rig = whole.copy();
      try {
        rig.control.off = true;
        assert.ok(await rig.start({ FAULT: fault, FAULT_CALL: 'write,fdatasync', FAULT_PATH: 'audit/', FAULT_AT: 1,
          FAULT_EVERY: 1 }));
        const ingest = await Client.connect(rig.credential('ingest'));
        const playback = await Client.connect(rig.credential('playback'));
        const recording = await ingest.record(rig.store.mint(LISTED, 'record'), {});
        const writer = await recording.track({ type: 'video/webm' });
        await writer.append(MEDIA.subarray(0, 10_000));
        await writer.sync();
        const player = await playback.play(rig.store.mint(LISTED, 'play'), ids[0]);
        await player.update(1);
        rig.control.off = false;
        const refusal = (error) => error instanceof Refusal && ['no_space', 'io'].includes(error.code);
        await assert.rejects(playback.list(rig.store.mint(LISTED, 'list')), refusal);
        await assert.rejects(playback.info(rig.store.mint(LISTED, 'list'), ids[0]), refusal);
        await assert.rejects(playback.play(rig.store.mint(LISTED, 'play'), ids[0]), refusal);
        await assert.rejects(player.readAll(1, 0, 1000), refusal);
        await assert.rejects(ingest.record(rig.store.mint(LISTED, 'record'), {}), refusal);
        await writer.append(MEDIA.subarray(10_000, 30_000));
        assert.equal(Number(await writer.sync()), 30_000, 'what is being recorded goes on');
        const before = entriesOf(rig).length;
        await ingest.close();
        await playback.close();
        await rig.kill();
        assert.ok(await rig.start(), 'it does not start again');
        assert.ok(entriesOf(rig).length >= before);
        const again = await Client.connect(rig.credential('playback'));
        const { recordings } = await again.list(rig.store.mint(LISTED, 'list'));
        assert.equal(recordings.length, ids.length + 1);
        await again.close();
        await rig.store.stop();
      } finally {
        await rig.remove();
      }
    });
  }
});
