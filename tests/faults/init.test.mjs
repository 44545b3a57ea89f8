// Power fails while `sealreel init` makes a store: what is found then is a whole store, that serves and keeps what it is
// given, or one that no daemon serves and that `init`, run again, makes whole or explains. Once `init` has said that it
// is done, only the first will do.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { BIN_RELEASE, Store, run } from '../scenario/harness.mjs';
import { Disk, putFiles, readTrace } from './disk.mjs';
import { LIBRARY, LONG, generator, missing, sample } from './rig.mjs';

const STATES = LONG ? 800 : 24;
const ALICE = 'https://clinic.example/mrn|alice';
const MEDIA = Buffer.alloc(50_000, 7);

/** Makes a store with a trace of it: { store, args, disk, entries }. `args` takes the directory that it lies in. */
async function make(args) {
  const root = mkdtempSync(join(tmpdir(), 'sealreel-'));
  const trace = `${root}.trace`;
  mkdirSync(join(root, 'secrets'));
  const disk = new Disk(root);
  try {
    const env = { LD_PRELOAD: LIBRARY, FAULT_ROOT: root, FAULT_TRACE: trace };
    const store = await Store.make({ bin: BIN_RELEASE, root, args: args(root), env });
    return { store, args: args(root), disk, entries: readTrace(trace) };
  } finally {
    rmSync(trace, { force: true });
  }
}

/** What lies there is a whole store: it takes a service, records, plays, and holds nothing that is amiss. */
async function assertWhole(store, name) {
  await store.connected(await store.service('ingest,playback', name), async (client) => {
    const id = await store.record(client, ALICE, { tracks: [{ media: MEDIA }] });
    const player = await client.play(store.mint(ALICE, 'play'), id);
    await player.update(1);
    assert.ok((await player.readAll(1)).equals(MEDIA));
    await player.close();
  });
  await store.stop();
  const scrubbed = await run(join(BIN_RELEASE, 'sealreeld'), ['--scrub', store.directory]);
  assert.equal(scrubbed.code, 0, scrubbed.stdout.toString());
}

/** `init` again where power failed: whether it made a store; if not, it must have said what to do. */
async function again({ store, args }) {
  const { code, stdout, stderr } = await run(join(BIN_RELEASE, 'sealreel'), ['init', ...args, store.directory]);
  if (code !== 0) {
    assert.ok(code === 1 || code === 2, stderr);
    assert.match(stderr, /^[^\n]*(what an init left that was cut short|exists already)[^\n]*\n$/);
    return false;
  }
  store.id = /^store ([0-9a-f]{32})$/m.exec(stdout)[1];
  return true;
}

/** One state: 'whole', 'again' (made whole by a second init), or 'explained'. Throws for any other. */
async function judge(made, name) {
  const { store, id } = made;
  const from = store.log.length;
  store.id = id;
  const started = await store.start().then(() => true, () => false);
  if (started) {
    await assertWhole(store, name);
    return 'whole';
  }
  const { code } = await store.ended;
  assert.equal(code, 2, store.log.at(-1));
  assert.equal(store.log.length, from + 1, 'one line');
  assert.match(store.log.at(-1), /^sealreeld: /);
  if (!await again(made)) {
    return 'explained';
  }
  await store.start();
  await assertWhole(store, name);
  return 'again';
}

/** When power fails: at any step but for the making of a thousand directories, of which two will do; and at the end. */
function moments(entries, random) {
  const steps = entries.map((_, i) => i).filter((i) => !/\/blobs\/\d/.test(`/${entries[i].path}`));
  const fans = entries.map((_, i) => i).filter((i) => !steps.includes(i));
  const some = sample(steps.length, STATES, random).map((one) => steps[one - 1]);
  return [...some, fans[1], fans.at(-1), ...Array(4).fill(entries.length)].sort((one, other) => one - other);
}

describe('power cuts while a store is made', { skip: missing() }, () => {
  for (const [i, [where, args]] of [
    ['all in one place', () => []],
    ['keyring and ledger elsewhere', (root) => ['--keyring', join(root, 'secrets/keyring'),
      '--ledger', join(root, 'secrets/ledger')]],
  ].entries()) {
    test(`no half of a store serves: ${where}`, async (t) => {
      const random = generator(300 + i);
      const made = await make(args);
      const { store, disk, entries } = made;
      made.id = store.id;
      const failures = [];
      const seen = { whole: 0, again: 0, explained: 0 };
      let at = 0;
      try {
        for (const [number, moment] of moments(entries, random).entries()) {
          for (; at < moment; at++) {
            disk.take(entries[at]);
          }
          putFiles(store.root, disk.left(random, random() < 0.5 ? entries[at] : null));
          try {
            const found = await judge(made, `service-${number}`);
            seen[found]++;
            assert.ok(at < entries.length || found === 'whole', `${found}, and init had said that it was done`);
          } catch (error) {
            failures.push(`state ${number}, after entry ${moment} of ${entries.length}: ${error.stack}`);
          } finally {
            if (store.child) {
              await store.kill();
            }
          }
        }
        t.diagnostic(`of ${entries.length} steps: ${JSON.stringify(seen)}`);
        assert.deepEqual(failures.slice(0, 5), [], `${failures.length} states`);
        assert.ok(seen.whole > 0 && seen.explained > 0);
      } finally {
        await store.remove();
      }
    });
  }
});
