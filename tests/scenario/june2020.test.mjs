// June 2020, replayed: 52 patients, a call that turns from audio to video, and each way in which it can go wrong. What
// the patient saw, how soon the alarm came and the freeze stopped it, and an incident's report whose every number is the
// scenario's own.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { newRecordingId } from '../peer/writer.mjs';
import { Store, media, missing, refused } from './harness.mjs';
import { misfile } from './index_file.mjs';
import { Raw } from './raw.mjs';

const PREFIX = 'https://clinic.example/mrn|';
const ALICE = `${PREFIX}alice-4711`;
const OTHERS = Array.from({ length: 51 }, (_, i) => `${PREFIX}other-${i}`);
const FIFTY = 50;
const ACTOR = 'portal-user-alice';
const RECORDER = 'call-system-9';
const CONSULTATION = 'visit-2020-06-09';
const SECONDS = 24;
const TURNS_AT = 12;
const FROZEN = 3;
const WITHHELD = 4;
const SECOND = 1000;
// A second is promised; a busy machine may let nobody run for longer.
const WITHIN = 3 * SECOND;

const audio = readFileSync(media('call-audio.webm'));
const video = readFileSync(media('call-video.webm'));

/** Where the piece of each second of a track begins. */
const begins = (bytes, seconds) => Array.from({ length: seconds + 1 },
  (_, i) => Math.floor((i * bytes.length) / seconds));

const act = (sub, role = 'patient') => ({ act: { sub, role } });
const none = { presented: 0, opened: 0, delivered: 0, delivered_at_most: 0, withheld: 0, denied: 0 };

describe('June 2020', { skip: missing(['sealreeld', 'sealreel', 'misfile']) }, () => {
  let store;
  let recorder;
  let portal;
  let auditor;
  let own;
  let others;
  const first = {}; // of each incident, its first report

  const audit = (args) => store.done(['audit', 'incident', ...args], { credential: auditor });
  const operate = (args) => store.done([...args, '--reason', 'June'], { credential: store.operator });
  /** A grant for Alice's session, for `identity`: whom the issuer takes her for. */
  const grant = (identity, scope = 'list play') => store.mint(identity, scope, { claims: act(ACTOR) });
  const now = () => new Date().toISOString();

  /** Records a call as it goes on: a segment for each second, with its media time. */
  async function writeTrack(recording, bytes, { type, from, to }) {
    const places = begins(bytes, to - from);
    const writer = await recording.track({ type, start: from * SECOND, label: `${type} of a call` });
    for (let at = 0; at < to - from; at++) {
      await writer.append(bytes.subarray(places[at], places[at + 1]), (from + at) * SECOND);
      await writer.sync();
    }
    await writer.close();
  }

  async function recordCall(client, identity, consultation) {
    const claims = { ...act(RECORDER, 'system'), consultation };
    const recording = await client.record(store.mint(identity, 'record', { claims }), { label: `call of ${identity}` });
    if (consultation === CONSULTATION) {
      await writeTrack(recording, audio, { type: 'audio/webm', from: 0, to: SECONDS });
      await writeTrack(recording, video, { type: 'video/webm', from: TURNS_AT, to: SECONDS });
    } else {
      await writeTrack(recording, audio, { type: 'audio/webm', from: 0, to: identity.endsWith('-0') ? SECONDS : 1 });
    }
    await recording.finish();
    return recording.id;
  }

  before(async () => {
    store = await Store.serve();
    recorder = await store.service('ingest', 'recorder');
    portal = await store.service('playback', 'portal');
    auditor = await store.service('audit');
    others = [];
    await store.connected(recorder, async (client) => {
      own = await recordCall(client, ALICE, CONSULTATION);
      for (const [i, identity] of OTHERS.entries()) {
        others.push(await recordCall(client, identity, `visit-${i}`));
      }
    });
  }, { timeout: 120_000 });

  after(() => store?.remove(), { timeout: 60_000 });

  /** In time, from the beginning of what went wrong to the alarm. */
  async function alarmed(event, from, begun) {
    const [line] = await store.logged(event, { from });
    const delay = Date.parse(line.time) - begun;
    assert.ok(delay < WITHIN, `the alarm came after ${delay} ms`);
  }

  /** Freezes, and sees in time from the command's return that Alice's session gets nothing any more; thaws. */
  async function freezes(args) {
    await store.connected(portal, async (client) => {
      await client.ping();
      await operate(['freeze', ...args]);
      const begun = Date.now();
      await assert.rejects(client.list(grant(ALICE)), refused('frozen'));
      assert.ok(Date.now() - begun < WITHIN);
    });
    const { code } = await store.cli(['list'], { credential: portal, grant: grant(ALICE) });
    assert.equal(code, FROZEN);
    await operate(['thaw', ...args]);
  }

  /** Makes a report of `name` and gives its JSON, parsed, with the files' bytes as `files`. */
  async function reported(name, args, directory = store.beside('reports')) {
    mkdirSync(directory, { recursive: true });
    const paths = (await audit(['report', name, ...args, '-o', directory])).split('\n');
    assert.equal(paths.length, 3);
    const files = Object.fromEntries(paths.map((path) => [path.slice(path.lastIndexOf('.') + 1), readFileSync(path)]));
    return { ...JSON.parse(files.json), files, paths };
  }

  /** Plays one way of going wrong, `body`, as an incident of its own; its report must have exactly these figures. */
  async function incident(name, body, { recordings, people, recipients }, notes = []) {
    const from = now();
    await body();
    const to = new Date(Date.now() + 1).toISOString();
    await audit(['open', name, 'wrong recordings in a list']);
    await audit(['note', name, 'aware_at', '--at', '2020-06-09T09:30:00Z']);
    await audit(['note', name, 'noticed_by', 'a clinician at the front desk']);
    for (const note of notes) {
      await audit(['note', name, ...note]);
    }
    const report = await reported(name, ['--from', from, '--to', to]);
    const { label, recordings: r, people: p, recipients: c } = report.nature.figures;
    assert.equal(label, 'proved by the store');
    assert.deepEqual({ r, p, c }, {
      r: { ...none, ...recordings }, p: { ...none, ...people }, c: { ...none, ...recipients },
    });
    assert.equal(report.clock.due, '2020-06-12T09:30:00.000Z');
    assert.equal(report.clock.aware_at.stated_by, 'audit');
    assert.ok(report.nature.began >= from && report.nature.ended < to, `${from} ${report.nature.began} ${to}`);
    first[name] = { report, from, to };
    return report;
  }

  test('(a) the index lists fifty others\' recordings under her: withheld', async () => {
    let shown;
    const report = await incident('a', async () => {
      const foreignAt = store.log.length;
      await store.connected(portal, (client) => assert.rejects(client.info(grant(ALICE), others[50]),
        refused('not_found')));
      const [{ tag }] = await store.logged('foreign', { from: foreignAt });
      await store.stop();
      for (const id of others.slice(0, FIFTY)) {
        await misfile(store, id, tag);
      }
      await store.start();
      const from = store.log.length;
      await store.connected(portal, async (client) => {
        await client.ping();
        const begun = Date.now();
        assert.equal((await client.list(grant(ALICE))).withheld, FIFTY);
        await alarmed('misfiled', from, begun);
      });
      shown = await store.cli(['list', '--json'], { credential: portal, grant: grant(ALICE) });
      await freezes(['--patient', ALICE]);
    }, {
      recordings: { withheld: FIFTY, denied: 1 }, people: { withheld: FIFTY, denied: 1 },
      recipients: { withheld: 1, denied: 1 },
    });
    assert.equal(shown.code, WITHHELD);
    const list = JSON.parse(shown.stdout);
    assert.deepEqual([list.recordings.map(({ id }) => id), list.withheld], [[own], FIFTY]);
    assert.equal(report.nature.figures.given_as_intended, 2, 'her own, in both lists');
    assert.equal(report.nature.figures.keys_released, 0);
    assert.ok(report.alarms.some(({ kind }) => kind === 'misfiled'));
    assert.deepEqual(report.freezes.map(({ what, scope, by }) => [what, scope, by]),
      [['freeze', 'patient', 'operator'], ['thaw', 'patient', 'operator']]);
    assert.equal(report.nature.contained.first_freeze, report.freezes[0].time);
  });

  test('(b) the application asks for fifty others\' ids: denied', async () => {
    const report = await incident('b', async () => {
      const from = store.log.length;
      let begun;
      await store.connected(portal, async (client) => {
        await client.ping();
        begun = Date.now();
        for (const id of others.slice(0, FIFTY)) {
          await assert.rejects(client.play(grant(ALICE), id), refused('not_found'));
        }
      });
      await alarmed('foreign', from, begun);
      await freezes(['--service', 'portal']);
    }, {
      recordings: { denied: FIFTY }, people: { denied: FIFTY }, recipients: { denied: 1 },
    });
    assert.equal(report.accesses.length, FIFTY);
    assert.ok(report.accesses.every(({ denied, presented, tracks }) => denied === 1 && presented === 0 &&
      tracks.length === 0));
  });

  test('(c) the switch binds the new track to the wrong patient: refused', async () => {
    const [bob] = OTHERS;
    const wrong = newRecordingId();
    const report = await incident('c', async () => {
      const from = store.log.length;
      const claims = { ...act(RECORDER, 'system'), consultation: CONSULTATION };
      await store.connected(recorder, async (client) => {
        await client.ping();
        const begun = Date.now();
        await assert.rejects(client.record(store.mint(bob, 'record', { claims }), { id: wrong }), refused('conflict'));
        await alarmed('consultation_conflict', from, begun);
      });
      const { code } = await store.cli(['list'], {
        credential: portal, grant: store.mint(bob, 'list', { claims: act('portal-user-bob') }),
      });
      assert.equal(code, 0, 'nothing came to stand in his list');
      await operate(['freeze', '--service', 'recorder', '--ingest']);
      await store.connected(recorder, (client) => assert.rejects(
        client.record(store.mint(bob, 'record'), {}), refused('frozen')));
      await operate(['thaw', '--service', 'recorder']);
    }, { recordings: { denied: 1 }, people: { denied: 1 }, recipients: { denied: 1 } });
    assert.equal(report.accesses[0].recipient_is, 'a patient');
  });

  test('(d) the issuer vouches wrongly: four are presented, one is watched for five seconds', async () => {
    const four = OTHERS.slice(0, 4);
    const watched = begins(audio, SECONDS)[5];
    const report = await incident('d', async () => {
      await store.connected(portal, async (client) => {
        for (const [i, identity] of four.entries()) {
          const { recordings } = await client.list(grant(identity));
          assert.deepEqual(recordings.map(({ recording }) => recording), [others[i]], 'it really is shown');
        }
        const player = await client.play(grant(four[0]), others[0]);
        await player.update(1);
        assert.ok((await player.readAll(1, 0, watched)).equals(audio.subarray(0, watched)));
        await client.shown(grant(four[0]), others[0], { track: 1, from: 0, to: 5 * SECOND });
        await player.close();
        await freezes(['--actor', ACTOR]);
        await client.info(grant(ALICE), own);
      });
    }, {
      recordings: { presented: 4, opened: 1, delivered: 1, delivered_at_most: 1 },
      people: { presented: 4, opened: 1, delivered: 1, delivered_at_most: 1 },
      recipients: { presented: 1, opened: 1, delivered: 1, delivered_at_most: 1 },
    }, [['wrong', 'the identity provider mixed up sessions', '--actor', ACTOR, '--except-patient', ALICE]]);
    const [opened, ...rest] = report.accesses.filter(({ opened: times }) => times > 0);
    assert.deepEqual(rest, []);
    const [track, ...more] = opened.tracks;
    assert.deepEqual(more, []);
    assert.deepEqual([track.bytes_at_least, track.bytes_at_most, track.length, track.extent],
      [watched, watched, audio.length, 'part']);
    assert.deepEqual([track.media_ms_at_least, track.media_ms_at_most], [5 * SECOND, 5 * SECOND]);
    assert.deepEqual(track.confirmed_ranges, [[0, watched]]);
    assert.deepEqual(opened.shown.map((part) => [part.stated_by, part.track, part.media_ms]),
      [['portal', 1, 5 * SECOND]]);
    assert.equal(report.nature.figures.keys_released, 1);
    assert.equal(report.nature.figures.given_as_intended, 1, 'her own');
    assert.equal(report.accesses_stated_to_be_unintended.stated_by, 'audit');
  });

  test('the same checkpoint gives the same bytes: again, after a restart, and on a copy of the store', async () => {
    await store.stop();
    const copy = store.copy();
    await store.start();
    await copy.start();
    try {
      const directory = store.beside('again');
      for (const name of ['a', 'd']) {
        const { files, paths } = first[name].report;
        for (const [i, where] of [store, copy].entries()) {
          const out = join(directory, `${i}`);
          mkdirSync(out, { recursive: true });
          await where.done(['audit', 'incident', 'report', name, '--again', '1', '-o', out], { credential: auditor });
          for (const path of paths) {
            const [, end] = /(\.[a-z]+)$/.exec(path);
            assert.ok(readFileSync(join(out, `${name}-1${end}`)).equals(files[end.slice(1)]), `${name}${end}`);
          }
        }
      }
      const json = await copy.cli(['audit', 'incident', 'report', 'd', '--again', '1', '--json'],
        { credential: auditor });
      assert.ok(json.stdout.equals(first.d.report.files.json), 'standard output has the regulator\'s copy');
    } finally {
      await copy.remove();
    }
  });

  test('a kept checkpoint gives them too, with the arguments of then', async () => {
    const kept = store.beside('kept');
    writeFileSync(kept, first.b.report.log.checkpoint);
    const { from, to, report } = first.b;
    const again = await reported('b', ['--from', from, '--to', to, '--checkpoint', kept, '--verifier-key',
      `@${store.path('auditor.vkey')}`], store.beside('from-kept'));
    assert.ok(again.files.json.equals(report.files.json));
    assert.ok(again.files.contacts.equals(report.files.contacts));
    const notes = JSON.parse(await audit(['show', 'b', '--json']));
    const made = notes.filter(({ what }) => what === 'report');
    assert.deepEqual(made.map(({ number }) => number), ['1', '1'], 'each making is noted');
    assert.deepEqual([made[0].from, made[0].to].map(Date.parse), [from, to].map(Date.parse));
    assert.match(made[0].from, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.match(await audit(['show', 'b']), new RegExp(`^  from ${made[0].from}$`, 'm'));
    assert.equal(made[0].regulator, createHash('sha256').update(report.files.json).digest('hex'));
    const other = await store.cli(['audit', 'incident', 'report', 'b', '--from', from, '--to', to, '--checkpoint', kept,
      '--service', 'nobody', '-o', store.beside('from-kept')], { credential: auditor });
    assert.equal(other.code, 1);
    assert.match(other.stderr, /^sealreel: conflict: report 1 is another one/);
  });

  test('--since shows only what has changed', async () => {
    const { from } = first.d;
    await store.connected(portal, (client) => client.info(grant(OTHERS[1]), others[1]));
    await audit(['note', 'd', 'contained_at', '--at', '2020-06-09T11:00:00Z']);
    const report = await reported('d', ['--from', from, '--to', new Date(Date.now() + 1).toISOString(),
      '--since', '1']);
    assert.equal(report.report, 2);
    const { since } = report;
    assert.equal(since.report, 1);
    assert.equal(since.entries, first.d.report.log.entries);
    assert.deepEqual(since.accesses.map(({ recording, then, now: is }) => [recording, then.presented, is.presented]),
      [[2, 1, 2]]);
    assert.deepEqual(since.figures, [], 'it was presented before');
    assert.deepEqual(since.notes.map(({ what }) => what), ['report', 'contained_at']);
    assert.equal(report.nature.contained.stated.at, '2020-06-09T11:00:00.000Z');
    const same = await reported('d', ['--from', from, '--to', report.arguments.to, '--since', '2']);
    assert.deepEqual([same.report, same.since.accesses, same.since.figures], [3, [], []]);
  });

  test('after a crash in mid-play the report gives both bounds, and what was taken lies between them', async () => {
    const from = now();
    let taken = 0;
    await store.connected(portal, async (client) => {
      const player = await client.play(store.mint(ALICE, 'play', { claims: act('stranger') }), own);
      await player.update(2);
      await player.readAll(2, 0, 300_000);
      taken += 300_000;
      for await (const piece of player.read(2, 300_000, video.length)) {
        taken += piece.length;
        if (taken > 400_000) {
          break;
        }
      }
      await store.kill();
    }).catch(() => {});
    await store.start();
    await audit(['open', 'crash']);
    await audit(['note', 'crash', 'wrong', '--actor', 'stranger']);
    const { accesses: [access, ...more], nature } = await reported('crash',
      ['--from', from, '--to', new Date(Date.now() + 1).toISOString()]);
    assert.deepEqual(more, []);
    const [{ track, bytes_at_least: least, bytes_at_most: most }] = access.tracks;
    assert.equal(track, 2);
    assert.ok(least <= taken && taken <= most && most <= video.length, `${least} ${taken} ${most}`);
    assert.equal(access.streams_not_closed, 1);
    assert.equal(nature.figures.recordings.delivered_at_most, 1);
  });

  test('the regulator\'s copy names nobody', () => {
    const words = [ACTOR, RECORDER, CONSULTATION, PREFIX, 'alice', 'call of', 'webm of a call', own, ...others];
    for (const { report } of Object.values(first)) {
      for (const file of [report.files.json, report.files.txt]) {
        for (const word of words) {
          assert.equal(file.indexOf(word), -1, word);
        }
        assert.doesNotMatch(file.toString(), /[0-9a-f]{32}[^0-9a-f]*[0-9a-f]{32}/i);
      }
    }
  });

  test('the contact list opens with the auditor\'s key, and with no other', async () => {
    const { report } = first.d;
    const path = report.paths.find((name) => name.endsWith('.contacts'));
    const opened = await store.done(['audit', 'incident', 'contacts', path, '--auditor-key', store.path('auditor.key'),
      '--json']);
    const { contacts, accesses } = JSON.parse(opened);
    assert.deepEqual(contacts.filter(({ recipient }) => recipient).map(({ identity }) => identity), [ACTOR]);
    assert.deepEqual(contacts.filter(({ person }) => person).map(({ identity }) => identity), OTHERS.slice(0, 4));
    assert.deepEqual(accesses.map(({ id, opened: is }) => [id, is]), others.slice(0, 4).map((id, i) => [id, i === 0]));
    const denied = await store.done(['audit', 'incident', 'contacts', first.b.report.paths.find((name) =>
      name.endsWith('.contacts')), '--auditor-key', store.path('auditor.key')]);
    assert.equal(denied.match(/^recipient 1 {2}recording \d+ of person \d+ .*Z {2}withheld or denied$/gm).length, FIFTY);
    const other = store.beside('other.key');
    writeFileSync(other, `sealreel-auditor-key 1\nsecret ${randomBytes(32).toString('hex')}\n`);
    const { code, stdout, stderr } = await store.cli(['audit', 'incident', 'contacts', path, '--auditor-key', other]);
    assert.equal(code, 1);
    assert.equal(stdout.length, 0);
    assert.match(stderr, /^sealreel: unauthenticated: /);
    for (const word of [ACTOR, PREFIX, ...others.slice(0, 4)]) {
      assert.equal(report.files.contacts.indexOf(word), -1);
    }
  });

  test('what is no incident, note or report is refused, and everything to who has not the role', async () => {
    const status = async (args, credential = auditor) => (await store.cli(['audit', 'incident', ...args],
      { credential })).code;
    const window = ['--from', first.a.from, '--to', first.a.to];
    assert.equal(await status(['open', 'a']), 1, 'it is open');
    assert.equal(await status(['open', 'Not a name']), 2);
    assert.equal(await status(['note', 'never', 'cause', 'x']), 1);
    assert.equal(await status(['note', 'a', 'nonsense', 'x']), 2);
    assert.equal(await status(['note', 'a', 'wrong']), 2, 'without conditions it would be about everything');
    assert.equal(await status(['report', 'never', ...window]), 1);
    assert.equal(await status(['report', 'a', '--from', first.a.to, '--to', first.a.from]), 2);
    assert.equal(await status(['report', 'a', ...window, '--since', '9']), 1);
    assert.equal(await status(['report', 'a', '--again', '9']), 1);
    assert.equal(await status(['list'], portal), 1);
    assert.equal(await status(['open', 'x'], portal), 1);
    assert.equal(await status(['nonsense']), 2);
    await audit(['note', 'a', 'wrong', '--grant', 'jti-of-june', '--service', 'portal']);
    const noted = JSON.parse(await audit(['show', 'a', '--json'])).at(-1);
    assert.deepEqual([noted.what, noted.grant, noted.service], ['wrong', 'jti-of-june', 'portal']);
    const all = JSON.parse(await audit(['list', '--json']));
    assert.deepEqual(all.map(({ incident: name, reports }) => [name, reports]),
      [['a', 1], ['b', 2], ['c', 1], ['d', 3], ['crash', 1]]);
  });

  test('a note wrong that no report could read is refused', async () => {
    const raw = await Raw.open(auditor);
    const facts = (list) => Object.entries(list).map(([name, value]) => ({ name, value }));
    const tag = 'ab'.repeat(32);
    for (const [what, list, code] of [
      ['wrong', {}, 'usage'], ['wrong', { from: '1' }, 'usage'], ['wrong', { number: '1', service: 'portal' }, 'usage'],
      ['wrong', { actor: 'stranger' }, 'usage'], ['wrong', { patient: tag.slice(1) }, 'usage'],
      ['wrong', { recording: 'x' }, 'usage'], ['wrong', { service: '' }, 'usage'], ['remark', { from: '1' }, null],
      ['wrong', { actor: tag, except_patient: tag, patient: tag, recording: own, service: 'portal' }, null],
    ]) {
      raw.say('incident.note', 0, { name: 'readable', what, at: 0, text: '', facts: facts(list) });
      const answer = await raw.next();
      assert.deepEqual([answer.name, answer.code ?? null], [code ? 'error' : 'done', code], JSON.stringify(list));
    }
    raw.destroy();
  });

  test('a text of several lines is one, and commands no terminal', async () => {
    await audit(['open', 'lines', 'one\nanother\x7f']);
    const shown = await store.done(['audit', 'incident', 'show', 'lines'], { credential: auditor });
    assert.match(shown, /^\S+ opened one\\x0aanother\\x7f \[stated by [a-z]+, entry \d+\]$/);
  });
});
