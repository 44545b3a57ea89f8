// The audit log as an auditor has it: every tampering is found, by both languages' verifiers, by whoever kept a
// checkpoint; every form of every command says what the log says; reading it is itself accounted for.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { cpSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readEntries } from './entries.mjs';
import { readRecords, renumbered, writeRecords } from './audit_file.mjs';
import {
  TlogError, checkProof, consistent, included, leafHash, parseCheckpoint, parseVerifier, rootOf, tilePath,
  verifyLog,
} from '../peer/tlog.mjs';
import { Store, missing, refused, run, waitFor } from './harness.mjs';

/** A verifier key of the same name and another key: what it should not take, everything else does. */
function otherKey({ name }) {
  const { publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const id = createHash('sha256').update(name).update(Buffer.of(10, 1)).update(raw).digest().subarray(0, 4);
  return `${name}+${id.toString('hex')}+${Buffer.concat([Buffer.of(1), raw]).toString('base64')}`;
}

const NEVER = '01936f6e-8c3a-7000-8000-00000000abcd';
const lines = (text) => text.split('\n').filter((line) => line !== '');
const ndjson = (text) => lines(text).map((line) => JSON.parse(line));

/** A store with an auditor of its own, and what the tests ask of it. */
class Audited {
  static async serve() {
    const audited = new Audited();
    audited.store = await Store.serve();
    audited.both = await audited.store.service('ingest,playback', 'clinic');
    audited.auditor = await audited.store.service('audit', 'auditor');
    return audited;
  }

  get key() {
    return `@${this.store.path('auditor.vkey')}`;
  }

  get verifier() {
    return parseVerifier(readFileSync(this.store.path('auditor.vkey'), 'utf8'));
  }

  /** `sealreel audit …` as the auditor; whatever came of it, with its output as text. */
  async audit(args, { credential = this.auditor, ...rest } = {}) {
    const result = await this.store.cli(['audit', ...args], { credential, ...rest });
    return { ...result, out: result.stdout.toString() };
  }

  /** The same where it must succeed: its output. */
  async done(args, options) {
    const { code, signal, out, stderr } = await this.audit(args, options);
    assert.equal(code, 0, `audit ${args[0]} ended with ${code ?? signal}: ${stderr}${out}`);
    return out;
  }

  /** `count` entries more. */
  fill(count, identity = 'filler') {
    return this.store.connected(this.both, async (client) => {
      for (let made = 0; made < count; made++) {
        await client.check(this.store.mint(identity, 'list'), [NEVER]);
      }
    });
  }

  /** Keeps a checkpoint of all there is in the file `name`; its path. */
  async keep(name) {
    const path = this.store.beside(name);
    await this.done(['checkpoint', '--verifier-key', this.key, '-o', path]);
    return path;
  }

  entries() {
    return readEntries(this.store.path('audit', 'records'));
  }
}

/** `sealreel audit verify` of a directory: its exit status, and the words of what it found. */
async function verify(store, directory, vkey, kept = []) {
  const { code, stdout, stderr } = await run(join(store.bin, 'sealreel'), ['audit', 'verify', '--json', '--verifier-key', vkey,
    ...kept.flatMap((path) => ['--checkpoint', path]), directory]);
  const said = ndjson(stdout.toString());
  return { code, stderr, found: said.filter(({ finding }) => finding).map(({ finding }) => finding), end: said.at(-1) };
}

describe('a log that was tampered with', { skip: missing() }, () => {
  let audited;
  let store;
  let kept;
  let audit;
  let copies = 0;
  before(async () => {
    audited = await Audited.serve();
    store = audited.store;
    await audited.fill(300);
    kept = await audited.keep('kept.note');
    await audited.fill(20);
    await store.stop();
    audit = store.path('audit');
  });
  after(() => store?.remove());

  /** A copy of the log's directory, changed by `change(directory)`. */
  function changed(change) {
    const directory = store.beside(`copy-${copies++}`);
    cpSync(audit, directory, { recursive: true });
    change(directory);
    return directory;
  }

  /** Both verifiers' view of it: what ours finds, and that the other one finds something too. */
  async function finds(change, expected, { other = true, checkpoints = [] } = {}) {
    const directory = changed(change);
    const { code, found, stderr } = await verify(store, directory, audited.key, checkpoints);
    assert.ok(found.includes(expected), `${expected} is not among ${found}: ${stderr}`);
    assert.equal(code, 1);
    if (other) {
      assert.throws(() => verifyLog(directory, audited.verifier));
    }
    rmSync(directory, { recursive: true });
  }

  function flip(directory, name, at, bit = 1) {
    const path = join(directory, name);
    const bytes = readFileSync(path);
    bytes[at < 0 ? bytes.length + at : at] ^= bit;
    writeFileSync(path, bytes);
  }

  test('as it is, both verifiers take it, and agree', async () => {
    const { code, found, end } = await verify(store, audit, audited.key, [kept]);
    assert.deepEqual([code, found], [0, []]);
    const { checkpoint, entries } = verifyLog(audit, audited.verifier);
    assert.equal(end.size, checkpoint.size);
    assert.equal(end.root, checkpoint.root.toString('base64'));
    assert.equal(end.origin, checkpoint.origin);
    const records = readRecords(join(audit, 'records'));
    assert.ok(records.sound, 'the checks of the records are SipHash-2-4 as FORMAT.md says');
    assert.deepEqual(entries, records.entries.slice(0, checkpoint.size));
    assert.ok(checkpoint.size > 300);
    // A store's directory says where its log is, and so does a copy of the whole store.
    assert.equal((await verify(store, store.directory, audited.key)).code, 0);
  });

  test('a flipped bit is found in every region', async () => {
    const size = readRecords(join(audit, 'records')).entries.length;
    const second = 64 + 10 + readRecords(join(audit, 'records')).entries[0].length;
    for (const at of [0, 17, 63, 64, 65, 66, 73, 74, 90, second + 40]) {
      await finds((directory) => flip(directory, 'records', at), 'record', { other: false });
    }
    for (const name of [tilePath(0, 0), tilePath(0, 1, size - 256), tilePath(1, 0, 1)]) {
      await finds((directory) => flip(directory, name, 5), 'tile');
      await finds((directory) => flip(directory, name, -1), 'tile');
    }
    for (const name of [tilePath('entries', 0), tilePath('entries', 1, size - 256)]) {
      await finds((directory) => flip(directory, name, 1), 'bundle');
      await finds((directory) => flip(directory, name, 30), 'bundle');
      await finds((directory) => flip(directory, name, -1), 'bundle');
    }
    // Every byte of the checkpoint: text, root, key name, signature.
    const note = readFileSync(join(audit, 'checkpoint'));
    for (let at = 0; at < note.length; at += 7) {
      const directory = changed((copy) => flip(copy, 'checkpoint', at));
      const { code } = await verify(store, directory, audited.key);
      assert.equal(code, 1, `byte ${at} of the checkpoint`);
      assert.throws(() => verifyLog(directory, audited.verifier), `byte ${at} of the checkpoint`);
      rmSync(directory, { recursive: true });
    }
  });

  test('hints alone may be damaged: nothing is believed of them', async () => {
    const directory = changed((copy) => flip(copy, 'positions', 3));
    assert.equal((await verify(store, directory, audited.key)).code, 0);
  });

  test('a missing file is found', async () => {
    for (const [name, word] of [[tilePath(0, 0), 'tile'], [tilePath(1, 0, 1), 'tile'], [tilePath('entries', 0), 'bundle']]) {
      await finds((directory) => rmSync(join(directory, name)), word);
    }
    for (const name of ['records', 'checkpoint']) {
      const { code } = await verify(store, changed((copy) => rmSync(join(copy, name))), audited.key);
      assert.notEqual(code, 0, name);
    }
  });

  /** An attacker without the key: entries changed by `change(list)`, each said to be where it is, all heads right. */
  function rewritten(change, renumber) {
    return (directory) => {
      const path = join(directory, 'records');
      const { entries } = readRecords(path);
      const list = change(entries);
      writeRecords(path, renumber ? list.map(renumbered) : list);
    };
  }

  const edits = {
    removed: (list) => list.toSpliced(7, 1),
    'removed at the end': (list) => list.slice(0, -1),
    added: (list) => list.toSpliced(7, 0, list[7]),
    swapped: (list) => list.toSpliced(7, 2, list[8], list[7]),
    changed: (list) => list.with(7, Buffer.from(list[7].toString().replace('"service":"', '"service":"x'))),
    cut: (list) => list.slice(0, 40),
  };
  for (const [name, change] of Object.entries(edits)) {
    test(`an entry ${name} is found, also where the rest was renumbered`, async () => {
      await finds(rewritten(change, false), name.startsWith('removed at') || name === 'cut' ? 'record'
        : name === 'changed' ? 'root' : 'entry', { other: false });
      const shorter = ['removed', 'removed at the end', 'cut'].includes(name);
      await finds(rewritten(change, true), shorter ? 'record' : 'root', { other: false });
    });
  }

  test('a checkpoint that another key has signed is none, whatever it says', async () => {
    const { code, found } = await verify(store, audit, otherKey(audited.verifier));
    assert.deepEqual([code, found], [1, ['checkpoint']]);
  });
});

describe('a log that was signed again with the stolen key', { skip: missing() }, () => {
  let honest;
  let forged;
  before(async () => {
    honest = await Audited.serve();
    await honest.fill(20);
    await honest.store.stop();
    // The copy has the keyring, and with it the key: what it signs is a second story.
    forged = new Audited();
    forged.store = honest.store.copy();
    Object.assign(forged, { both: honest.both, auditor: honest.auditor });
    await Promise.all([honest.store.start(), forged.store.start()]);
    await honest.fill(30, 'as it was');
    // The clients of the copy find it by their environment; its node client by its own credential's address.
    const credential = forged.store.beside('clinic.cred');
    writeFileSync(credential, readFileSync(honest.both, 'utf8').replace(honest.store.directory, forged.store.directory),
      { mode: 0o600 });
    forged.both = credential;
  });
  after(() => Promise.all([honest?.store.remove(), forged?.store.remove()]));

  test('is found by a checkpoint that was kept, from afar and from a copy', async () => {
    const kept = await honest.keep('honest.note');
    await forged.fill(10, 'rewritten');
    // Cut: fewer than were signed before.
    const cut = await forged.audit(['verify', '--json', '--verifier-key', forged.key, '--checkpoint', kept]);
    assert.equal(cut.code, 1, cut.out);
    assert.equal(ndjson(cut.out)[0].finding, 'shorter');
    await forged.fill(60, 'rewritten');
    // Grown past it again, and signed: only the kept checkpoint tells.
    const alone = await forged.audit(['verify', '--verifier-key', forged.key]);
    assert.equal(alone.code, 0, alone.out);
    for (const extra of [[], ['--quick']]) {
      const { code, out } = await forged.audit(['verify', '--json', '--verifier-key', forged.key, '--checkpoint', kept, ...extra]);
      assert.equal(code, 1, out);
      assert.deepEqual(ndjson(out).filter(({ finding }) => finding).map(({ finding }) => finding), ['rewritten']);
    }
    const offline = await verify(forged.store, forged.store.path('audit'), forged.key, [kept]);
    assert.deepEqual([offline.code, offline.found], [1, ['rewritten']]);
    // The honest one goes on from it, by entries and by proof; a checkpoint is kept only then.
    for (const extra of [[], ['--quick']]) {
      const out = honest.store.beside(`verified${extra.length}.note`);
      await honest.done(['verify', '--verifier-key', honest.key, '--checkpoint', kept, '-o', out, ...extra]);
      parseCheckpoint(readFileSync(out, 'utf8'), honest.verifier);
    }
  });

  test('two checkpoints that contradict each other are found as such', async () => {
    const sizeOf = async (audited) => {
      const { size } = JSON.parse(await audited.done(['checkpoint', '--json']));
      return size;
    };
    const [one, other] = [await sizeOf(honest), await sizeOf(forged)];
    await (one < other ? honest.fill(other - one) : forged.fill(one - other));
    const [first, second] = [await honest.keep('first.note'), await forged.keep('second.note')];
    const { code, out } = await honest.audit(['verify', '--json', '--verifier-key', honest.key, '--checkpoint', first,
      '--checkpoint', second]);
    assert.equal(code, 1);
    assert.ok(ndjson(out).some(({ finding }) => finding === 'diverged'), out);
  });
});

/** CSV as RFC 4180 has it: rows of cells. */
function parseCsv(text) {
  const rows = [];
  let row = [];
  for (let at = 0; at < text.length;) {
    assert.equal(text[at], '"', 'every cell is quoted');
    let cell = '';
    for (at++; !(text[at] === '"' && text[at + 1] !== '"'); at++) {
      if (text[at] === '"') {
        at++;
      }
      cell += text[at];
    }
    row.push(cell);
    if (text[at + 1] === ',') {
      at += 2;
    } else {
      assert.equal(text.slice(at + 1, at + 3), '\r\n');
      at += 3;
      rows.push(row);
      row = [];
    }
  }
  const [front, ...rest] = rows;
  return rest.map((cells) => Object.fromEntries(front.map((name, i) => [name, cells[i]])));
}

describe('what an auditor asks', { skip: missing() }, () => {
  let audited;
  let store;
  let own;
  let reason;
  before(async () => {
    audited = await Audited.serve();
    store = audited.store;
    await store.connected(audited.both, async (client) => {
      own = await store.record(client, 'patient-a', { tracks: [{ media: randomBytes(5000) }] });
      await client.list(store.mint('patient-a', 'list'));
      const player = await client.play(store.mint('patient-a', 'play'), own);
      await player.update(1);
      await player.readAll(1, 0, 100);
      await player.close();
      await assert.rejects(client.info(store.mint('patient-b', 'list'), own), refused('not_found'));
    });
    reason = '=cmd|"/c calc"!A1,\nx';
    await store.done(['freeze', '--service', 'clinic', '--reason', reason], { credential: store.operator });
    await store.done(['thaw', '--service', 'clinic', '--reason', '@home'], { credential: store.operator });
    await waitFor(() => audited.entries().some(({ kind }) => kind === 'sent'), { what: 'sent' });
  });
  after(() => store?.remove());

  test('tail: the latest, exactly as the log has them', async () => {
    const all = audited.entries();
    const told = ndjson(await audited.done(['tail', '-n', '4', '--json']));
    assert.deepEqual(told, all.slice(-4));
    const text = lines(await audited.done(['tail', '-n', '1000']));
    assert.ok(text.length >= all.length && text[0].startsWith('0 20'), text[0]);
    assert.ok(text.every((line) => !/[\x00-\x1f\x7f]/.test(line)), 'a control character');
    assert.match(text.find((line) => line.includes('intent freeze')), /reason="=cmd\|\\"\/c calc\\"!A1,\\x0ax"/);
  });

  test('tail --follow: what comes, until it is interrupted', async () => {
    const child = spawn(join(store.bin, 'sealreel'), ['audit', 'tail', '-n', '0', '--follow', '--json'],
      { env: { ...process.env, SEALREEL_SERVER: store.server, SEALREEL_CREDENTIAL: audited.auditor } });
    let out = '';
    child.stdout.on('data', (data) => { out += data; });
    const ended = new Promise((resolve) => { child.on('close', (code) => resolve(code)); });
    await waitFor(() => out.includes('audit.read'), { what: 'its own reading' });
    await audited.fill(1, 'followed');
    await waitFor(() => out.includes('"operation":"check"'), { what: 'the entry' });
    child.kill('SIGINT');
    assert.equal(await ended, 0);
    const numbers = ndjson(out).map(({ number }) => number);
    assert.deepEqual(numbers, numbers.map((_, i) => numbers[0] + i), 'none twice, none left out');
  });

  test('search: by each condition, and by several', async () => {
    const all = audited.entries();
    const tag = all.find(({ operation }) => operation === 'list').tag;
    const actor = all.find(({ operation }) => operation === 'list').actor;
    const names = (entry) => entry.tag === tag || entry.linked === tag || entry.recordings?.some(({ owner }) => owner === tag);
    const search = async (...args) => ndjson(await audited.done(['search', '--json', ...args])).filter(
      ({ number }) => number < all.length);
    assert.deepEqual(await search('--patient', 'patient-a'), all.filter(names));
    assert.deepEqual(await search('--patient-tag', tag), all.filter(names));
    assert.deepEqual(await search('--actor', 'dr-scenario'), all.filter((entry) => entry.actor === actor));
    assert.deepEqual(await search('--actor-tag', actor), all.filter((entry) => entry.actor === actor));
    assert.deepEqual(await search('--recording', own), all.filter(({ recordings }) => recordings?.some(({ id }) => id === own)));
    assert.deepEqual(await search('--service', 'clinic'), all.filter(({ service }) => service === 'clinic'));
    assert.deepEqual(await search('--kind', 'sent,refused'), all.filter(({ kind }) => kind === 'sent' || kind === 'refused'));
    assert.deepEqual(await search('--patient', 'patient-a', '--kind', 'refused'),
      all.filter((entry) => names(entry) && entry.kind === 'refused'));
    assert.ok((await search('--patient', 'patient-a', '--kind', 'refused')).length > 0, "the other patient's attempt");
    const time = (ms) => new Date(ms).toISOString();
    const [from, to] = [all[5].time, all[9].time];
    assert.deepEqual(await search('--from', time(from), '--to', time(to)),
      all.filter((entry) => entry.time >= from && entry.time < to));
    assert.deepEqual(await search('--patient', 'nobody'), []);
    assert.equal((await search('--service', 'clinic', '--limit', '3')).length, 3);
  });

  test('that somebody reads is accounted for once for each question of a connection', async () => {
    const from = audited.entries().length;
    await store.connected(audited.auditor, async (client) => {
      const { size, next, entries: [first] } = await client.auditRead(0, 2);
      assert.deepEqual([size, next], [from, 2]);
      assert.deepEqual(first.json, readRecords(store.path('audit', 'records')).entries[0]);
      await client.auditRead(2, 4);
      await client.auditRead(4);
      await client.auditRead(from - 1);
      await client.auditSearch({ patient: 'patient-a' });
      await client.auditSearch({ patient: 'patient-a', first: 5 });
      await client.auditSearch({ patient: 'patient-b' });
      await client.auditCheckpoint();
      await client.auditProof(0);
      await client.auditConsistency(1);
    });
    const made = audited.entries().slice(from);
    assert.deepEqual(made.map(({ operation, service, outcome }) => [operation, service, outcome]), [
      ['audit.read', 'auditor', 'ok'], ['audit.search', 'auditor', 'ok'], ['audit.search', 'auditor', 'ok'],
    ]);
    assert.equal(made[1].linked, audited.entries().find(({ operation }) => operation === 'list').tag);
  });

  test('whoever reads what lies before the place that their entry names has another', async () => {
    const from = audited.entries().length;
    await store.connected(audited.auditor, async (client) => {
      for (const place of [5, 6, 2, 3, 0, from]) {
        await client.auditRead(place, place + 1);
      }
    });
    assert.deepEqual(audited.entries().slice(from).map(({ operation, counts }) => [operation, counts.from]),
      [['audit.read', 5], ['audit.read', 2], ['audit.read', 0]]);
  });

  test('nobody else may', async () => {
    await store.connected(audited.both, async (client) => {
      for (const ask of [() => client.auditRead(0), () => client.auditSearch({}), () => client.auditCheckpoint(),
        () => client.auditProof(0), () => client.auditConsistency(0)]) {
        await assert.rejects(ask(), refused('denied'));
      }
    });
    const { code, stderr } = await audited.audit(['tail'], { credential: audited.both });
    assert.equal(code, 1);
    assert.match(stderr, /^sealreel: denied: /);
  });

  test('checkpoint, proof and consistency are what the other language takes', async () => {
    const note = await audited.done(['checkpoint']);
    const { size, root } = parseCheckpoint(note, audited.verifier);
    const shown = JSON.parse(await audited.done(['checkpoint', '--json', '--verifier-key', audited.key]));
    assert.equal(shown.checked, true);
    assert.equal(shown.verifier_key, readFileSync(store.path('auditor.vkey'), 'utf8').trim());
    assert.equal((await audited.done(['checkpoint', '--show-key'])).trim(), shown.verifier_key);
    const { entries } = readRecords(store.path('audit', 'records'));
    for (const number of [0, 3, size - 1]) {
      const text = await audited.done(['proof', String(number), '--verifier-key', audited.key]);
      assert.equal(checkProof(text, entries[number], audited.verifier).index, number);
      assert.throws(() => checkProof(text, entries[number + 1 < size ? number + 1 : 0], audited.verifier), TlogError);
      const { entry, proof } = JSON.parse(await audited.done(['proof', String(number), '--json', '--verifier-key', audited.key]));
      checkProof(proof, Buffer.from(entry), audited.verifier);
    }
    await store.connected(audited.auditor, async (client) => {
      const now = await client.auditProof(1);
      const checkpoint = parseCheckpoint(now.note, audited.verifier);
      assert.ok(included(now.hashes, leafHash(entries[1]), 1, checkpoint.size, checkpoint.root));
      const later = await client.auditConsistency(size);
      const after = parseCheckpoint(later.note, audited.verifier);
      assert.ok(consistent(later.hashes, size, root, after.size, after.root));
      assert.ok(!consistent(later.hashes, size, after.root, after.size, after.root));
      // And between any two sizes, whatever came since.
      const between = await client.auditConsistency(3, size);
      const three = rootOf(entries.slice(0, 3).map(leafHash));
      assert.ok(consistent(between.hashes, 3, three, size, root));
      await assert.rejects(client.auditProof(1_000_000), refused('usage'));
      await assert.rejects(client.auditConsistency(1_000_000), refused('usage'));
    });
  });

  test('what another key would have signed is not verified from afar either', async () => {
    const other = otherKey(audited.verifier);
    const { code, out } = await audited.audit(['verify', '--json', '--verifier-key', other]);
    assert.deepEqual([code, ndjson(out)[0].finding], [1, 'checkpoint']);
    assert.equal((await audited.audit(['checkpoint', '--verifier-key', other])).code, 1);
    assert.equal((await audited.audit(['proof', '1', '--verifier-key', other])).code, 1);
  });

  test('export csv: every member of every entry, safe in a spreadsheet', async () => {
    const all = audited.entries();
    const rows = parseCsv(await audited.done(['export', '--format', 'csv']));
    let at = 0;
    for (const entry of all) {
      for (const recording of entry.recordings ?? [{}]) {
        const row = rows[at++];
        assert.equal(row.number, String(entry.number));
        assert.equal(row.time, new Date(entry.time).toISOString());
        for (const name of ['kind', 'operation', 'request', 'service', 'issuer', 'jti', 'session', 'tag', 'actor', 'linked',
          'role', 'purpose', 'outcome', 'text', 'name']) {
          assert.equal(row[name], entry[name] ?? '', `${name} of ${entry.number}`);
        }
        for (const [name, member] of [['recording', 'id'], ['withheld'], ['owner'], ['track'], ['from'], ['to'], ['length'],
          ['media_from'], ['media_to'], ['generation'], ['track_manifest', 'manifest'], ['own_tag']]) {
          assert.equal(row[name], String(recording[member ?? name] ?? ''), `${name} of ${entry.number}`);
        }
        assert.equal(row.counts, Object.entries(entry.counts ?? {}).map((pair) => pair.join('=')).join(' '));
        assert.equal(row.facts, Object.entries(entry.facts ?? {}).map((pair) => pair.join('=')).join(' '));
        const dangerous = /^[=+\-@\t\r\n]/;
        assert.equal(row.reason, dangerous.test(entry.reason ?? '') ? `'${entry.reason}` : entry.reason ?? '');
        assert.ok(Object.values(row).every((cell) => !dangerous.test(cell)), `a formula in ${entry.number}`);
      }
    }
    assert.ok(rows.some((row) => row.reason === `'${reason}`) && rows.some((row) => row.reason === "'@home"));
  });

  /** The one entry that meets `wanted`. */
  const one = (wanted) => audited.entries().find(wanted);

  test('export fhir: AuditEvents after the patterns of IHE BALP', async () => {
    const all = audited.entries();
    const events = ndjson(await audited.done(['export', '--format', 'fhir']));
    const of = (entry) => events.filter(({ id }) => id.split('-')[1] === String(entry.number));
    const terms = 'http://terminology.hl7.org/CodeSystem/';
    const entry = one(({ operation }) => operation === 'play.open');
    const party = (code, kind, value, network) => ({
      type: { coding: [{ system: 'http://dicom.nema.org/resources/ontology/DCM', code }] },
      who: { identifier: { system: kind, value } },
      requestor: false,
      network: { address: network, type: '5' },
    });
    const patient = {
      type: { system: `${terms}audit-entity-type`, code: '1' },
      role: { system: `${terms}object-role`, code: '1' },
      what: { identifier: { system: `urn:sealreel:${store.id}:patient`, value: entry.tag }, type: 'Patient' },
    };
    assert.deepEqual(of(entry), [{
      resourceType: 'AuditEvent',
      id: `${store.id.slice(0, 8)}-${entry.number}-0`,
      meta: { profile: ['https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead'] },
      type: { system: `${terms}audit-event-type`, code: 'rest' },
      subtype: [
        { system: 'http://hl7.org/fhir/restful-interaction', code: 'read' },
        { system: `urn:sealreel:${store.id}:operation`, code: 'play.open' },
      ],
      action: 'R',
      recorded: new Date(entry.time).toISOString(),
      outcome: '0',
      agent: [
        party('110152', `urn:sealreel:${store.id}:service`, 'clinic', `urn:sealreel:${store.id}:service:clinic`),
        party('110153', 'urn:sealreel:store', store.id, `urn:sealreel:${store.id}`),
        {
          type: { coding: [{ system: `${terms}v3-ParticipationType`, code: 'IRCP' }] },
          who: { identifier: { system: `urn:sealreel:${store.id}:actor`, value: entry.actor } },
          requestor: true,
          role: [{ text: 'clinician' }],
        },
      ],
      source: {
        site: `urn:sealreel:${store.id}`,
        observer: { identifier: { system: 'urn:sealreel:store', value: store.id } },
        type: [{ system: `${terms}security-source-type`, code: '4' }],
      },
      entity: [patient, {
        type: { system: `${terms}audit-entity-type`, code: '2' },
        role: { system: `${terms}object-role`, code: '4' },
        what: { identifier: { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${own}` } },
      }, {
        type: { system: 'https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType', code: 'XrequestId' },
        what: { identifier: { value: entry.request } },
      }],
    }]);
    // A list is a query, and a reading of each recording that it gave.
    const [query, ...readings] = of(one(({ operation }) => operation === 'list'));
    assert.match(query.meta.profile[0], /PatientQuery$/);
    assert.equal(query.action, 'E');
    assert.equal(Buffer.from(query.entity[1].query, 'base64').toString(), 'list');
    assert.equal(query.entity[1].description, 'presented=1 withheld=0');
    assert.deepEqual(readings.map(({ meta }) => meta.profile[0].split('.').at(-1)), ['PatientRead']);
    // What was refused follows no pattern of successes, and says why.
    const [denied] = of(one(({ kind, operation }) => kind === 'refused' && operation === 'info'));
    assert.equal(denied.meta, undefined);
    assert.equal(denied.outcome, '4');
    assert.match(denied.outcomeDesc, /^foreign: .*; alarm: foreign$/);
    const made = of(one(({ kind, operation }) => kind === 'outcome' && operation === 'record.open'));
    assert.match(made[0].meta.profile[0], /PatientCreate$/);
    assert.deepEqual([made[0].action, made[0].agent[0].type.coding[0].code], ['C', '110153']);
    // Intents are told by what became of them; every other entry has its events, and ids are different.
    for (const each of all) {
      assert.equal(of(each).length > 0, each.kind !== 'intent', `entry ${each.number}`);
    }
    assert.equal(new Set(events.map(({ id }) => id)).size, events.length);
  });

  test('export ocsf: API Activity, with the entry in it', async () => {
    const events = ndjson(await audited.done(['export', '--format', 'ocsf']));
    const all = audited.entries();
    all.slice(0, events.length).forEach((entry, i) => {
      assert.deepEqual(JSON.parse(events[i].unmapped.entry), entry);
      assert.deepEqual([events[i].class_uid, events[i].category_uid], [6003, 6]);
      assert.equal(events[i].type_uid, 600300 + events[i].activity_id);
    });
    const entry = one(({ kind, operation }) => kind === 'refused' && operation === 'info');
    const event = events[entry.number];
    const { unmapped, ...rest } = event;
    assert.deepEqual(rest, {
      class_uid: 6003,
      class_name: 'API Activity',
      category_uid: 6,
      category_name: 'Application Activity',
      activity_id: 2,
      activity_name: 'Read',
      type_uid: 600302,
      type_name: 'API Activity: Read',
      time: entry.time,
      metadata: {
        version: '1.3.0', product: { name: 'sealreel', vendor_name: 'sealreel', version: '1.0.0' }, log_name: 'audit',
        uid: `${store.id}/${entry.number}`, sequence: entry.number, correlation_uid: entry.request,
      },
      actor: { app_name: 'clinic', user: { uid: entry.actor, type: 'clinician' }, idp: { name: 'dev' } },
      api: { operation: 'info', service: { name: 'sealreel' }, request: { uid: entry.request } },
      src_endpoint: { name: 'clinic' },
      severity_id: 4,
      severity: 'High',
      status_id: 2,
      status: 'Failure',
      status_code: 'not_found',
      status_detail: entry.text,
      message: 'refused info',
      resources: [{ type: 'recording', uid: own, owner: { uid: entry.recordings[0].owner }, labels: ['withheld:foreign'] }],
    });
    const intent = events[one(({ kind }) => kind === 'intent').number];
    assert.deepEqual([intent.status_id, intent.status], [99, 'Other']);
    assert.ok(unmapped);
  });

  test('patient: who looked, who tried, by name with the auditor key alone', async () => {
    const told = ndjson(await audited.done(['patient', 'patient-a', '--json', '--auditor-key', store.path('auditor.key')]));
    assert.deepEqual(told.map(({ what }) => what), ['listed', 'opened', 'played', 'refused']);
    assert.ok(told.every(({ actor, role }) => actor === 'dr-scenario' && role === 'clinician'));
    assert.deepEqual(told.map(({ recordings: [{ id }] }) => id), [own, own, own, own]);
    assert.deepEqual([told[2].recordings[0].from, told[2].recordings[0].to], [0, 100]);
    assert.equal(told[3].recordings[0].withheld, 'foreign');
    const plain = await audited.done(['patient', 'patient-a']);
    assert.ok(!plain.includes('dr-scenario') && plain.includes(told[0].actor_tag));
    // The one who tried is not told whose it is that they tried.
    const other = ndjson(await audited.done(['patient', 'patient-b', '--json']));
    assert.deepEqual(other.map(({ what, recordings }) => [what, recordings]), [['refused', []]]);
    assert.deepEqual(await audited.done(['patient', 'nobody']), '');
  });

  test('patient: what came from another identity, with what was done there', async () => {
    await store.done(['patient', 'rename', 'patient-a', 'patient-c', '--issuer-key', store.path('dev-issuer.jwk')],
      { credential: store.operator });
    const told = ndjson(await audited.done(['patient', 'patient-c', '--json']));
    assert.deepEqual(told.map(({ what, moved }) => [what, moved]),
      [['listed', true], ['opened', true], ['played', true], ['refused', true]]);
  });

  test('alarms survive a restart, and are not told again', async () => {
    const list = async () => JSON.parse(await store.done(['alarm', 'list', '--json'], { credential: audited.auditor })).alarms;
    const before = await list();
    assert.deepEqual(before.map(({ kind, delivery }) => [kind, delivery]), [['foreign', 'untold']]);
    await store.stop();
    await store.start();
    const after = await list();
    assert.deepEqual(after.map(({ delivery }) => delivery), ['earlier']);
    for (const name of ['kind', 'severity', 'service', 'recording', 'patient_tag', 'actor_tag', 'operation', 'request', 'count']) {
      assert.deepEqual(after[0][name], before[0][name], name);
    }
  });

  test("an epoch's end is proved by an entry that its checkpoint covers", async () => {
    const rotator = await store.service('rotate');
    await store.done(['epoch', 'new'], { credential: store.operator });
    await store.done(['rotate', '--quiet'], { credential: rotator });
    const retired = JSON.parse(await store.done(['epoch', 'retire', '1', '--no-backup', '--json'], { credential: store.operator }));
    const { size } = parseCheckpoint(retired.checkpoint, audited.verifier);
    const proof = audited.entries().find(({ kind, operation }) => kind === 'control' && operation === 'epoch.retire');
    assert.ok(proof.number < size);
    assert.deepEqual(proof.counts, {
      epoch: 1, keyring_revision: retired.keyring_revision, people: retired.people, recordings: retired.recordings,
    });
  });

  test('wrong words are refused before anything is asked', async () => {
    const from = audited.entries().length;
    const key = ['--verifier-key', audited.key];
    for (const args of [[], ['nothing'], ['tail', 'x'], ['tail', '-n', 'x'], ['search', 'x'], ['search', '--kind', 'x'],
      ['search', '--kind', ''], ['search', '--recording', 'x'], ['search', '--patient', ''], ['search', '--patient-tag', 'ab'],
      ['search', '--from', 'x'], ['search', '--limit', '0'], ['export', '--format', 'xml'], ['proof'], ['proof', 'x', ...key],
      ['proof', '1', '2', ...key], ['proof', '1'], ['proof', '1', '--verifier-key', 'x'], ['verify'],
      ['verify', '--verifier-key', '@/nowhere'], ['verify', ...key, '--quick'], ['verify', ...key, 'a', 'b'],
      ['verify', ...key, '-o', 'x', 'dir'], ['checkpoint', 'x'], ['patient'], ['patient', 'a', 'b'],
      ['patient', 'a', '--patient-tag', 'b'.repeat(64)]]) {
      const { code, stderr, out } = await audited.audit(args);
      assert.equal(code, 2, `${args}: ${out}${stderr}`);
      assert.equal(lines(stderr).length, 1, `${args}: ${stderr}`);
    }
    const { code, stderr } = await audited.audit(['verify', ...key, '--checkpoint', store.path('sealreel.ini')]);
    assert.deepEqual([code, /no checkpoint/.test(stderr)], [1, true], stderr);
    assert.equal(audited.entries().length, from);
    for (const name of ['tail', 'search', 'export', 'verify', 'proof', 'checkpoint', 'patient']) {
      const help = await audited.done([name, '--help']);
      assert.ok(help.includes(`Usage: sealreel audit ${name}`) && help.includes('Example:') && /Exits/.test(help), name);
    }
  });
});

test('a restored log that is behind begins anew, and says for which', { skip: missing() }, async () => {
  const audited = await Audited.serve();
  const { store } = audited;
  try {
    await audited.fill(5);
    await store.stop();
    const [audit, old] = [store.path('audit'), store.beside('old-audit')];
    cpSync(audit, old, { recursive: true });
    await store.start();
    await audited.fill(5);
    const kept = await audited.keep('kept.note');
    const restart = (note) => run(join(store.bin, 'sealreeld'), ['--restart-audit', '--checkpoint', note, store.directory]);
    assert.equal((await restart(kept)).code, 5, 'while it is served');
    await store.stop();
    assert.equal((await restart(kept)).code, 1, 'the log has what was kept');
    renameSync(audit, store.beside('lost-audit'));
    cpSync(old, audit, { recursive: true });
    const again = await restart(kept);
    assert.equal(again.code, 0, again.stderr);
    assert.ok(statSync(`${audit}.1`).isDirectory());
    await store.start();
    const [first] = audited.entries();
    assert.deepEqual([first.kind, first.operation, first.text], ['restarted', 'audit.restart', readFileSync(kept, 'utf8')]);
    await audited.fill(2);
    await audited.done(['verify', '--verifier-key', audited.key]);
    const { code, out } = await audited.audit(['verify', '--json', '--verifier-key', audited.key, '--checkpoint', kept]);
    assert.deepEqual([code, ndjson(out)[0].finding], [1, 'other_log']);
    assert.match(parseCheckpoint(await audited.done(['checkpoint']), audited.verifier).origin, /\/2$/);
  } finally {
    await store.remove();
  }
});
