// The scrub: on a store with one damage of each kind it names the recording and the place, and nothing else; on a whole
// store, also while calls are recorded and finished, it finds nothing.
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { copyFileSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { BIN, BIN_RELEASE, Store, missing, refused, run, waitFor } from './harness.mjs';
import { misfile } from './index_file.mjs';
import { tables } from './index_tables.mjs';

const MIB = 1 << 20;
const EXTENT = 4 * MIB;
const NONE = '00000000-0000-0000-0000-000000000000';
const ALICE = 'https://clinic.example/mrn|alice';
const BOB = 'https://clinic.example/mrn|bob';
const SOURCE = createCipheriv('aes-128-ctr', Buffer.alloc(16, 3), Buffer.alloc(16)).update(Buffer.alloc(9 * MIB));

/** Waits for the scrub that runs to end; resolves to its last report, with all findings. */
async function ended(client) {
  let report = await client.scrubStatus();
  while (report.state === 'running') {
    await delay(10);
    report = await client.scrubStatus();
  }
  const findings = [...report.findings];
  while (findings.length < report.total && report.findings.length > 0) {
    report = await client.scrubStatus(findings.length);
    findings.push(...report.findings);
  }
  return { ...report, findings };
}

/** The operator's credential with the address of this very store: a copy's names the store it was copied from. */
function operatorOf(store) {
  const path = store.beside('operator.cred');
  const text = readFileSync(store.operator, 'utf8');
  writeFileSync(path, text.replace(/^address .*$/m, `address ${store.server}`), { mode: 0o600 });
  return path;
}

/** Scrubs a served store to its end. */
function scrub(store) {
  return store.connected(operatorOf(store), async (client) => {
    await client.startScrub();
    const report = await ended(client);
    assert.equal(report.state, 'done');
    return report;
  });
}

const blobOf = (store, id, track = 1, file = 0) => store.path('blobs',
  (parseInt(id.slice(-4), 16) & 1023).toString(16).padStart(3, '0'), `${id}.${track}.${file}`);

function flip(path, at) {
  const bytes = readFileSync(path);
  bytes[at < 0 ? bytes.length + at : at] ^= 0x10;
  writeFileSync(path, bytes);
}

async function damage(store, ...args) {
  const { code, stdout, stderr } = await run(join(BIN, 'damage'), [store.directory, ...args.map(String)]);
  assert.equal(code, 0, stderr);
  return stdout.toString().trim();
}

const hexId = (id) => id.replaceAll('-', '');

/** The number of the row whose key, in hex, ends with `end` (or contains it), among those of a table. */
function rowOf(store, table, part) {
  const at = Object.keys(tables(store)[table]).findIndex((key) => key.includes(part));
  assert.ok(at >= 0, `${table} has no ${part}`);
  return at;
}

/** A recording of parts, each a segment; with `finish` false its rows are left open. */
async function record(store, recorder, identity, parts, { finish = true } = {}) {
  return store.connected(recorder, async (client) => {
    const recording = await client.record(store.mint(identity, 'record', { claims: { consultation: `c-${identity}` } }));
    const writer = await recording.track({ type: 'video/webm' });
    let at = 0;
    for (const part of parts) {
      await writer.append(SOURCE.subarray(at, at += part));
      await writer.sync();
    }
    await writer.close();
    if (finish) {
      await recording.finish();
    }
    return recording.id;
  });
}

describe('scrub', { skip: missing(['sealreeld', 'sealreel', 'damage', 'misfile']) }, () => {
  let whole; // a store that is stopped, and copied for each damage
  let long; // finished, of three extents
  let bobs;
  let open;

  before(async () => {
    whole = await Store.serve();
    const recorder = await whole.service('ingest');
    long = await record(whole, recorder, ALICE, [3 * MIB, 3 * MIB, 3 * MIB - 5]);
    bobs = await record(whole, recorder, BOB, [50_000]);
    open = await record(whole, recorder, ALICE, [20_000, 30_000], { finish: false });
    await whole.stop();
  });

  after(async () => {
    await whole?.remove();
  });

  test('a whole store has no findings', async () => {
    await whole.start();
    const { findings, rows, bytes } = await scrub(whole);
    assert.deepEqual(findings, []);
    assert.ok(rows > 10);
    assert.ok(bytes > SOURCE.length);
    await whole.stop();
  });

  const tagOf = (store, id) => tables(store).hints[hexId(id)];
  const sized = (path) => readFileSync(path).length;

  // What is done to a copy of the store, and the findings there must be: [kind, recording, further fields].
  const DAMAGES = {
    'a bit in a blob': {
      hurt: (store) => flip(blobOf(store, long), EXTENT + 77),
      found: () => [['checksum', long, { track: 1, file: 0, offset: EXTENT, length: EXTENT }]],
    },
    'a bit in the open recording\'s blob': {
      hurt: (store) => flip(blobOf(store, open), 100),
      found: (store) => [['checksum', open, { track: 1, offset: 0, length: sized(blobOf(store, open)) }]],
    },
    'a bit in a manifest': {
      hurt: (store) => flip(blobOf(store, bobs), -20),
      found: (store) => [['checksum', bobs, { offset: 0, length: sized(blobOf(store, bobs)) }],
        ['manifest', bobs, { track: 1 }]],
    },
    'a bit in a recording\'s row': {
      hurt: (store) => damage(store, 'recordings', rowOf(store, 'recordings', `${hexId(long)}0000`), 240, 1),
      found: () => [['row', long, { track: 0 }]],
    },
    'a bit in a recording\'s wrap': {
      hurt: (store) => damage(store, 'recordings', rowOf(store, 'recordings', `${hexId(long)}0000`), 100, 1),
      found: () => [['row', long, { track: 0 }]],
    },
    'a bit in a track\'s HMAC': {
      hurt: (store) => damage(store, 'recordings', rowOf(store, 'recordings', `${hexId(bobs)}0001`), -1, 0x80),
      found: () => [['row', bobs, { track: 1 }]],
    },
    'a bit in a head': {
      hurt: (store) => damage(store, 'recordings', rowOf(store, 'recordings', `${hexId(bobs)}0001`), 150, 1),
      found: () => [['row', bobs, { track: 1 }]],
    },
    'a bit in an extent\'s row': {
      hurt: (store) => damage(store, 'extents', rowOf(store, 'extents', `${hexId(long)}0001000000000002`), 7, 1),
      found: () => [['row', long, { track: 1, file: 0, offset: 2 * EXTENT }]],
    },
    'an extent\'s row that is gone': {
      hurt: (store) => damage(store, 'extents', rowOf(store, 'extents', `${hexId(long)}0001000000000001`), 'drop'),
      found: () => [['missing_row', long, { track: 1, file: 0, offset: EXTENT, length: EXTENT }]],
    },
    'a bit in a patient\'s row': {
      hurt: (store) => damage(store, 'patients', 0, 30, 1),
      found: () => [['row', NONE, {}]],
    },
    'a bit in a person\'s row': {
      hurt: (store) => damage(store, 'people', 0, 100, 1),
      found: () => [['row', NONE, {}]],
    },
    'a bit in a control row': {
      hurt: (store) => damage(store, 'control', 0, 60, 1),
      found: null, // the daemon does not start on it; see the offline test
    },
    'a bit in a hint': {
      hurt: (store) => damage(store, 'hints', rowOf(store, 'hints', hexId(bobs)), 3, 1),
      found: () => [['misfiled', bobs, { track: 0 }]],
    },
    'a hint that is gone': {
      hurt: (store) => damage(store, 'hints', rowOf(store, 'hints', hexId(long)), 'drop'),
      found: () => [['missing_row', long, { track: 0 }]],
    },
    'a bit in a consultation\'s tag': {
      hurt: (store) => damage(store, 'consultations', 0, 3, 1),
      found: (store) => {
        const [hash, tag] = Object.entries(tables(whole).consultations)[0];
        assert.notEqual(tables(store).consultations[hash], tag);
        const bound = [long, bobs, open].filter((id) => tagOf(whole, id) === tag);
        return [...bound.sort().map((id) => ['mismatch', id, { track: 0 }]), ['missing_row', NONE, {}]];
      },
    },
    'a bit in a segment\'s place': {
      hurt: (store) => damage(store, 'segments', rowOf(store, 'segments', `${hexId(open)}000100000001`), 89, 1),
      found: null, // three facts of one fault; see below
    },
    'a segment\'s place that is gone': {
      hurt: (store) => damage(store, 'segments', rowOf(store, 'segments', `${hexId(open)}000100000001`), 'drop'),
      found: () => [['missing_row', open, { track: 1 }]],
    },
    'a recording\'s row that is gone': {
      hurt: (store) => damage(store, 'recordings', rowOf(store, 'recordings', `${hexId(bobs)}0000`), 'drop'),
      found: () => [['extra_row', bobs, { track: 1 }]],
    },
    'a track\'s row that is gone': {
      hurt: (store) => damage(store, 'recordings', rowOf(store, 'recordings', `${hexId(bobs)}0001`), 'drop'),
      found: () => [['mismatch', bobs, { track: 0 }], ['extra_row', bobs, { track: 1, file: 0 }],
        ['orphan_file', bobs, { track: 1, file: 0 }]],
    },
    'rows under another tag': {
      hurt: (store) => misfile(store, bobs, tagOf(store, long)),
      found: () => [['misfiled', bobs, { track: 0 }]],
    },
    'rows moved to another tag': {
      hurt: (store) => misfile(store, long, tagOf(store, bobs), { move: true }),
      found: () => [['misfiled', long, { track: 0 }]],
    },
    'a missing file': {
      hurt: (store) => rmSync(blobOf(store, long)),
      found: () => [['missing_file', long, { track: 1, file: 0 }]],
    },
    'a cut file': {
      hurt: (store) => truncateSync(blobOf(store, long), 2 * EXTENT + 10),
      found: (store) => [['short_file', long, { track: 1, offset: 2 * EXTENT + 10,
        length: sized(blobOf(whole, long)) - 2 * EXTENT - 10 }]],
    },
    'two files that are swapped': {
      hurt: (store) => {
        const [one, other] = [blobOf(store, bobs), blobOf(store, open)];
        renameSync(one, `${one}.x`);
        renameSync(other, one);
        renameSync(`${one}.x`, other);
      },
      found: null, // by size one is short and one is not; see below
    },
    'an extra file': {
      hurt: (store) => copyFileSync(blobOf(store, bobs), blobOf(store, bobs, 9)),
      found: () => [['orphan_file', bobs, { track: 9, file: 0 }]],
    },
    'a file of another name': {
      hurt: (store) => writeFileSync(store.path('blobs', '000', 'notes'), 'x'),
      found: () => [['orphan_file', NONE, {}]],
    },
    'bytes past the committed length': {
      hurt: (store) => writeFileSync(blobOf(store, open), 'left by a crash', { flag: 'a' }),
      found: () => [],
    },
  };

  const brief = ({ kind, recording, ...rest }, like) => [kind, recording,
    Object.fromEntries(Object.keys(like?.[2] ?? {}).map((name) => [name, rest[name]]))];

  for (const [name, { hurt, found }] of Object.entries(DAMAGES).filter(([, { found }]) => found !== null)) {
    test(`${name} is named with its recording and place, and nothing else is`, async () => {
      const store = whole.copy();
      await hurt(store);
      // As the files are by now, which the daemon may cut.
      const want = found(store);
      await store.start();
      const { findings } = await scrub(store);
      assert.deepEqual(findings.map((one, i) => brief(one, want[i])), want, JSON.stringify(findings));
      await store.remove();
    });
  }

  test('a place or a file that is wrong in several ways names no other recording', async () => {
    for (const [name, ids] of [['a bit in a segment\'s place', [open]], ['two files that are swapped', [bobs, open]]]) {
      const store = whole.copy();
      await DAMAGES[name].hurt(store);
      await store.start();
      const { findings } = await scrub(store);
      assert.deepEqual([...new Set(findings.map(({ recording }) => recording))].sort(), [...ids].sort());
      await store.remove();
    }
  });

  test('rolled back: a blob, a track\'s row, a recording\'s row', async () => {
    const store = await Store.serve();
    const recorder = await store.service('ingest');
    const id = await record(store, recorder, BOB, [40_000], { finish: false });
    await store.stop();
    const old = { blob: readFileSync(blobOf(store, id)), rows: tables(store).recordings };
    await store.start();
    await store.done(['finish', id], { credential: recorder, grant: store.mint(BOB, 'record') });
    await store.stop();
    const rollRow = (number) => (copy) => {
      const key = `${hexId(id)}000${number}`;
      const [, value] = Object.entries(old.rows).find(([own]) => own.endsWith(key));
      return damage(copy, 'recordings', rowOf(copy, 'recordings', key), 'set', value);
    };
    for (const [what, roll, kind] of [
      ['blob', (copy) => writeFileSync(blobOf(copy, id), old.blob), 'short_file'],
      ['track', rollRow(1), 'mismatch'],
      ['recording', rollRow(0), 'mismatch'],
    ]) {
      const copy = store.copy();
      await roll(copy);
      await copy.start();
      const { findings } = await scrub(copy);
      assert.ok(findings.some((one) => one.kind === kind), `${what}: ${JSON.stringify(findings)}`);
      assert.ok(findings.every(({ recording }) => recording === id), JSON.stringify(findings));
      await copy.remove();
    }
    await store.remove();
  });

  test('nothing is found while calls are recorded, finished and resumed', async () => {
    const store = await Store.serve({ options: [['store', 'max_delay_ms', '100']] });
    const recorder = await store.service('ingest');
    let over = false;
    const calls = Array.from({ length: 6 }, async (_, i) => {
      for (let n = 0; !over; n++) {
        await record(store, recorder, `${ALICE}${i}`, Array.from({ length: 8 }, () => 20_000 + i * 5000),
          { finish: n % 3 !== 2 });
      }
    });
    let scrubs = 0;
    for (const end = Date.now() + 8000; Date.now() < end || scrubs < 3; scrubs++) {
      const { findings } = await scrub(store);
      assert.deepEqual(findings, []);
    }
    over = true;
    await Promise.all(calls);
    await store.remove();
  });

  test('one at a time, at its rate, stopped, and gone on with after the daemon has ended', async () => {
    const store = whole.copy();
    flip(blobOf(store, long), 5);
    await store.start();
    const place = await store.connected(operatorOf(store), async (client) => {
      const { started } = await client.startScrub({ rate: 2 * MIB });
      await assert.rejects(client.startScrub(), refused('busy'));
      await waitFor(async () => (await client.scrubStatus()).bytes > 0, { what: 'the first bytes' });
      await client.stopScrub();
      const stopped = await ended(client);
      assert.equal(stopped.state, 'stopped');
      assert.equal(stopped.started, started);
      assert.deepEqual(stopped.findings, []);
      assert.ok(stopped.bytes < 5 * MIB);
      await assert.rejects(client.startScrub({ after: Buffer.of(0) }), refused('usage'));
      await assert.rejects(client.startScrub({ after: Buffer.of(200, 1) }), refused('usage'));
      return stopped.place;
    });
    await store.stop();
    await store.start();
    await store.connected(operatorOf(store), async (client) => {
      assert.equal((await client.scrubStatus()).state, 'idle');
      await client.startScrub({ after: place });
      const { state, findings } = await ended(client);
      assert.equal(state, 'done');
      assert.deepEqual(findings.map(({ kind, recording }) => [kind, recording]), [['checksum', long]]);
    });
    await store.remove();
  });

  test('the command line: lines, JSON and exit status, by the daemon and without it', async () => {
    const store = whole.copy();
    flip(blobOf(store, long), EXTENT + 1);
    await store.start();
    const byDaemon = await store.cli(['scrub', '--rate', '0'], { credential: operatorOf(store) });
    const json = await store.cli(['scrub', '--rate', '0', '--json'], { credential: operatorOf(store) });
    const busy = await store.cli(['scrub', store.directory]);
    const other = await store.cli(['scrub'], { credential: join(whole.root, 'ingest.cred') });
    await store.stop();
    const without = await store.cli(['scrub', '--rate', '0', store.directory]);
    const withoutJson = await store.cli(['scrub', '--rate', '0', '--json', store.directory]);
    const clean = await store.cli(['scrub', '--rate', '0', '--quiet', whole.directory]);

    const line = `checksum: recording ${long} track 1 file 0 bytes ${EXTENT} to ${2 * EXTENT - 1}: `;
    for (const { code, stdout, stderr } of [byDaemon, without]) {
      assert.equal(code, 1, stderr);
      const lines = stdout.toString().trim().split('\n');
      assert.equal(lines.length, 2);
      assert.ok(lines[0].startsWith(line), lines[0]);
      assert.match(lines[1], /^done: [0-9]+ rows and [0-9]+ bytes checked, 1 findings$/);
    }
    for (const { code, stdout } of [json, withoutJson]) {
      assert.equal(code, 1);
      const [finding, end] = stdout.toString().trim().split('\n').map((text) => JSON.parse(text));
      assert.deepEqual({ ...finding, text: '' }, {
        finding: 'checksum', recording: long, track: 1, file: 0, offset: EXTENT, length: EXTENT, text: '',
      });
      assert.deepEqual({ ...end, rows: 0, bytes: 0 },
        { state: 'done', rows: 0, bytes: 0, findings: 1, resume: null });
    }
    assert.equal(busy.code, 5, busy.stderr);
    assert.match(busy.stderr, /held by/);
    assert.equal(other.code, 1);
    assert.match(other.stderr, /^sealreel: denied: /);
    assert.deepEqual([clean.code, clean.stdout.toString()], [0, '']);
    const [alarm] = store.events('corrupt');
    assert.equal(alarm.recording, long);
    assert.equal(alarm.level, 'alarm');
    await store.remove();
  });

  test('what keeps the daemon from starting is found without it', async () => {
    const store = whole.copy();
    await damage(store, 'control', rowOf(store, 'control', Buffer.from('service/operator').toString('hex')), 60, 1);
    const { code, stdout } = await store.cli(['scrub', '--json', store.directory]);
    assert.equal(code, 1);
    const [finding] = stdout.toString().split('\n').map((text) => text && JSON.parse(text));
    assert.equal(finding.finding, 'row');
    assert.match(finding.text, /control row service\//);
    await store.remove();
  });

  test('damage in the index\'s own pages is a finding, an error or a death that is told, never a hang', async () => {
    // The released programs: to a sanitizer the death that is expected here would be a failure.
    const store = whole.copy();
    store.bin = BIN_RELEASE;
    const path = store.path('index', 'data.mdb');
    const good = readFileSync(path);
    const places = Array.from({ length: good.length / 2048 - 4 }, (_, at) => [2 + (at >> 1), at % 2 ? 0xff : 0x5a]);
    for (const [page, fill] of places) {
      const bytes = Buffer.from(good);
      bytes.fill(fill, page * 4096, page * 4096 + 64);
      writeFileSync(path, bytes);
      const { code, signal, stdout, stderr } = await store.cli(['scrub', '--rate', '0', store.directory]);
      assert.equal(signal, null, `page ${page}`);
      // A page that is free, or holds nothing any more, takes no harm.
      assert.ok(code === 0 || code === 1, `page ${page}: ${code} ${stderr}`);
      assert.ok(code === 0 || stdout.length > 0 || /^sealreeld: [ -~]+$/m.test(stderr), `page ${page}: ${stderr}`);
    }
    writeFileSync(path, good);
    truncateSync(store.path('index', 'data.mdb'), 3 * 4096);
    const { code, stdout, stderr } = await store.cli(['scrub', store.directory]);
    assert.equal(code, 1);
    assert.match(`${stdout}${stderr}`, /index/);
    await store.remove();
  });
});
