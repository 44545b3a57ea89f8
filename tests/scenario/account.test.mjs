// What the account says of reads and changes: nothing is answered before its entry, every change has an intent before
// it and an outcome behind it, what was played stands there as it was played, and a crash leaves bounds that hold.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readEntries } from './entries.mjs';
import { tables } from './index_tables.mjs';
import { Store, missing, refused, run, waitFor } from './harness.mjs';

const MIB = 1 << 20;

const entriesOf = (store) => readEntries(store.path('audit', 'records'));

/** Waits until the log has an entry that `wanted` accepts, and returns all of them. */
const said = (store, wanted, what) => waitFor(() => {
  const found = entriesOf(store).filter(wanted);
  return found.length > 0 && found;
}, { what });

const bytesOf = ({ recordings = [] }) => recordings.reduce((sum, { from = 0, to = 0 }) => sum + to - from, 0);

describe('the account', { skip: missing() }, () => {
  let store;
  let both;
  before(async () => {
    store = await Store.serve();
    both = await store.service('ingest,playback');
  });
  after(() => store?.remove());

  const connected = (body) => store.connected(both, body);
  const record = (client, identity, bytes, rest) => store.record(client, identity,
    { tracks: [{ media: bytes }], ...rest });
  const since = (number) => entriesOf(store).filter((entry) => entry.number >= number);
  const next = () => entriesOf(store).length;

  test('a list is there before its reply, with every recording that it gave', () => connected(async (client) => {
    const ids = [];
    for (let count = 0; count < 5; count++) {
      ids.push(await record(client, 'listed', randomBytes(1000)));
    }
    const from = next();
    const { recordings } = await client.list(store.mint('listed', 'list'));
    const [entry] = since(from).filter(({ kind }) => kind === 'presented');
    assert.ok(entry, 'the reply came before the entry');
    assert.deepEqual(entry.recordings.map(({ id }) => id), recordings.map(({ recording }) => recording));
    assert.deepEqual(entry.recordings.map(({ id }) => id).sort(), ids.sort());
    assert.deepEqual(entry.counts, { presented: 5, withheld: 0 });
    assert.equal(entry.operation, 'list');
    assert.equal(entry.service, 'ingest-playback');
    assert.equal(entry.role, 'clinician');
    assert.match(entry.tag, /^[0-9a-f]{64}$/);
    assert.match(entry.actor, /^[0-9a-f]{64}$/);
  }));

  test('what is refused is there before its refusal, and foreign apart from never there', () => connected(
    async (client) => {
      const theirs = await record(client, 'owner', randomBytes(1000));
      const never = '01936f6e-8c3a-7000-8000-00000000abcd';
      for (const [id, withheld] of [[theirs, 'foreign'], [never, 'not_found']]) {
        const from = next();
        await assert.rejects(client.play(store.mint('somebody', 'play'), id), refused('not_found'));
        const [entry, ...more] = since(from).filter(({ kind }) => kind !== 'outcome');
        assert.deepEqual(more, [], 'as many entries for one as for the other');
        assert.equal(entry.kind, 'refused');
        assert.equal(entry.outcome, 'not_found');
        assert.equal(entry.recordings[0].id, id);
        assert.equal(entry.recordings[0].withheld, withheld);
        assert.equal(entry.facts?.alarm, withheld === 'foreign' ? 'foreign' : undefined);
      }
    },
  ));

  test('a change is intended, made, answered, and then settled', () => connected(async (client) => {
    const from = next();
    const recording = await client.record(store.mint('changes', 'record'), {});
    const writer = await recording.track({ type: 'video/webm' });
    await writer.append(randomBytes(2000));
    await writer.close();
    await recording.finish();
    await said(store, ({ operation, kind, number }) => number >= from && operation === 'record.finish' &&
      kind === 'outcome', 'the outcome');
    const entries = since(from);
    const operations = ['record.open', 'record.track', 'record.finish'];
    assert.deepEqual(entries.filter(({ kind }) => kind === 'intent').map(({ operation }) => operation), operations);
    for (const operation of operations) {
      const intent = entries.find((entry) => entry.kind === 'intent' && entry.operation === operation);
      const outcome = entries.find((entry) => entry.kind === 'outcome' && entry.operation === operation);
      assert.equal(outcome.of, intent.number);
      assert.equal(outcome.outcome, 'applied');
      assert.equal(outcome.request, intent.request);
      assert.equal(outcome.recordings[0].id, recording.id);
    }
    const { recordings: [track] } = entries.find(({ kind, operation }) => kind === 'outcome' &&
      operation === 'record.finish');
    assert.equal(track.length, 2000);
    assert.match(track.manifest, /^[0-9a-f]{64}$/);
    assert.ok(!entries.some(({ operation }) => operation === 'record.append' || operation === 'record.sync'));
  }));

  test('a writer that is cut off leaves how long the track is', async () => {
    const from = next();
    await connected(async (client) => {
      const recording = await client.record(store.mint('cut', 'record'), {});
      const writer = await recording.track({ type: 'video/webm' });
      await writer.append(randomBytes(3000));
      await writer.sync();
    });
    const [cut] = await said(store, ({ operation, number }) => number >= from && operation === 'record.cut', 'the cut');
    assert.equal(cut.recordings[0].length, 3000);
    assert.equal(cut.outcome, 'gone');
    assert.equal(cut.of, since(from).find(({ operation, kind }) => operation === 'record.track' &&
      kind === 'intent').number);
  });

  test('ranges are authorised before a byte comes, and sent ones merged at the close', () => connected(
    async (client) => {
      const media = randomBytes(3 * MIB);
      const id = await record(client, 'played', media);
      const from = next();
      const player = await client.play(store.mint('played', 'play'), id);
      const opened = since(from).find(({ operation }) => operation === 'play.open');
      await player.update(1);
      assert.equal(opened.kind, 'presented');
      for (const [start, end] of [[0, 100], [100, 200], [2 * MIB, 3 * MIB]]) {
        assert.deepEqual(await player.readAll(1, start, end), media.subarray(start, end));
        const covered = since(from).filter(({ kind }) => kind === 'authorised').some(({ of, recordings: [range] }) =>
          of === opened.number && range.from <= start && range.to >= end);
        assert.ok(covered, `${start} to ${end} came unauthorised`);
      }
      await player.close();
      const [sent] = await said(store, ({ kind, number }) => number >= from && kind === 'sent', 'sent');
      assert.equal(sent.of, opened.number);
      assert.equal(sent.outcome, 'closed');
      assert.deepEqual(sent.recordings.map((range) => [range.from, range.to]), [[0, 200], [2 * MIB, 3 * MIB]]);
      assert.deepEqual(sent.counts, { bytes: 200 + MIB });
      const confirmed = since(from).filter(({ kind }) => kind === 'confirmed');
      assert.equal(confirmed.reduce((sum, entry) => sum + bytesOf(entry), 0), 200 + MIB);
    },
  ));

  test('refusals of one kind without proof are counted together', () => connected(async (client) => {
    const from = next();
    for (let count = 0; count < 50; count++) {
      await assert.rejects(client.list('no.token.atall'), refused('unauthenticated'));
    }
    const count = () => since(from).reduce((sum, { kind, counts }) => sum + (kind === 'refused' ? counts.times : 0), 0);
    await waitFor(() => count() === 50, { what: 'fifty refusals' });
    assert.ok(since(from).length <= 5, `${since(from).length} entries`);
  }));

  test('what a viewer was shown stands there as the service\'s word', () => connected(async (client) => {
    const id = await record(client, 'viewed', randomBytes(1000));
    const from = next();
    await client.shown(store.mint('viewed', 'play'), id, { track: 1, from: 5000, to: 10000, who: 'dr-other' });
    const stated = since(from).filter(({ kind }) => kind === 'shown');
    assert.equal(stated.length, 1, 'it is durable when it is answered');
    const [{ service, linked, actor, recordings: [part] }] = stated;
    assert.equal(service, 'ingest-playback');
    assert.match(linked, /^[0-9a-f]{64}$/);
    assert.notEqual(linked, actor);
    assert.deepEqual([part.id, part.track, part.media_from, part.media_to], [id, 1, 5000, 10000]);
    await store.done(['shown', id, '--from', '5', '--to', '10.5', '--who', 'dr-scenario'],
      { credential: both, grant: store.mint('viewed', 'play') });
    const [, own] = since(from).filter(({ kind }) => kind === 'shown');
    assert.equal(own.linked, own.actor, 'one person has one tag');
    assert.equal(own.recordings[0].media_to, 10500);
    await assert.rejects(client.shown(store.mint('somebody', 'play'), id, { track: 1, from: 0, to: 1 }),
      refused('not_found'));
    await assert.rejects(client.shown(store.mint('viewed', 'play'), id, { track: 2, from: 0, to: 1 }),
      refused('not_found'));
    await assert.rejects(client.shown(store.mint('viewed', 'list'), id, { track: 1, from: 0, to: 1 }),
      refused('denied'));
  }));

  test('after a crash every intent is settled and what was delivered lies between the bounds', async () => {
    const media = randomBytes(8 * MIB);
    let id;
    let taken = 0;
    const from = next();
    await connected(async (client) => {
      id = await record(client, 'crashed', media);
      const player = await client.play(store.mint('crashed', 'play'), id);
      await player.update(1);
      await player.readAll(1, 0, MIB);
      taken += MIB;
      for await (const piece of player.read(1, MIB, 6 * MIB)) {
        taken += piece.length;
        if (taken > 3 * MIB) {
          break;
        }
      }
      await store.kill();
    }).catch(() => {});
    await store.start();
    const [recovered] = since(from).filter(({ kind, counts }) => kind === 'recovered' && counts);
    assert.ok(recovered, 'no recovery of the stream');
    assert.equal(recovered.recordings[0].id, id);
    assert.ok(recovered.counts.authorised >= taken, `${taken} taken, ${recovered.counts.authorised} authorised`);
    assert.ok(recovered.counts.confirmed <= taken);
    assert.equal(bytesOf(recovered), recovered.counts.authorised);
    const entries = entriesOf(store);
    for (const { number, operation } of entries.filter(({ kind }) => kind === 'intent')) {
      const ends = entries.filter(({ kind, of }) => of === number && (kind === 'outcome' || kind === 'recovered'));
      assert.ok(ends.some(({ outcome }) => outcome === 'applied' || outcome === 'not_applied'),
        `${operation} ${number} is not settled`);
    }
    const before = next();
    await store.kill();
    await store.start();
    assert.deepEqual(since(before).filter(({ kind }) => kind === 'recovered'), [], 'it is recovered once');
  });

  test('every tag in the log has its person', async () => {
    await connected(async (client) => {
      for (const name of ['one', 'two', 'three']) {
        await record(client, `patient-${name}`, randomBytes(10));
        const claims = { act: { sub: `dr-${name}`, role: 'clinician' } };
        await client.list(store.mint(`patient-${name}`, 'list', { claims }));
      }
    });
    await store.stop();
    const people = new Set(Object.keys(tables(store).people));
    const tags = new Set(entriesOf(store).flatMap(({ tag, actor }) => [tag, actor]).filter(Boolean));
    assert.ok(tags.size >= 6);
    tags.forEach((tag) => assert.ok(people.has(tag), `${tag} has none`));
    assert.deepEqual(tables(store).done, {}, 'no mark is left of what was settled');
  });

  test('only a build for measuring leaves entries unsynced', async () => {
    const { code, stderr } = await run(join(store.bin, 'sealreeld'), [store.directory],
      { env: { SEALREEL_BENCH_NOT_SYNCED: '1' } });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /SEALREEL_BENCH_NOT_SYNCED is for builds with SR_BENCH alone/);
  });
});
