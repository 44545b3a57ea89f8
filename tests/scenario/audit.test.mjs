// The audit log as an auditor has it: every form of every command says what the log says; reading it is itself
// accounted for.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readRecords } from './audit_file.mjs';
import { Audited, lines, ndjson, otherKey } from './audited.mjs';
import { TlogError, checkProof, consistent, included, leafHash, parseCheckpoint, rootOf } from '../peer/tlog.mjs';
import { missing, refused, waitFor } from './harness.mjs';

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
