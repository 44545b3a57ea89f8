// Power fails at any moment: from the trace of a daemon's work, states that the disk could be left in are built, and a
// daemon is started on each. What was acknowledged by then must play, and nothing else may. Then, to show that this
// would be noticed, a sync or the order of things is taken out.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Disk, putFiles, readTrace } from './disk.mjs';
import { LONG, FaultStore, generator, missing } from './rig.mjs';
import { Ledger, check, complete, work } from './workload.mjs';

const STATES = LONG ? 2400 : 160;

/** A commit of the index that LMDB takes back in the cache, and that the disk may have all the same. */
const DENIED = { FAULT: 'deny', FAULT_CALL: 'write-synced', FAULT_PATH: 'index/', FAULT_AT: 10 };

/**
 * What the daemon went through before the power failed: the faults of its first run, and of the next
 * from its first call on; `near`: power fails while that one writes to the index for the first time.
 */
const HISTORIES = [
  { name: 'nothing else happened', share: 0.4 },
  {
    name: 'it was killed between a new file and its sync',
    faults: { FAULT: 'kill', FAULT_CALL: 'fsync', FAULT_PATH: 'blobs/', FAULT_AT: 2 },
    share: 0.15,
  },
  {
    name: 'it was killed between a new file and the sync of its name',
    faults: { FAULT: 'kill', FAULT_CALL: 'fsync-directory', FAULT_PATH: 'blobs/', FAULT_AT: 2 },
    share: 0.15,
  },
  {
    name: 'a sync had failed',
    faults: { FAULT: 'EIO', FAULT_CALL: 'fdatasync', FAULT_PATH: 'blobs/', FAULT_AT: 4 },
    share: 0.15,
  },
  {
    name: 'it was killed in the middle of things',
    faults: { FAULT: 'kill', FAULT_AT: 130 },
    share: 0.15,
  },
  {
    name: 'a commit that the disk may have was said to have failed',
    faults: DENIED,
    share: 0.15,
    near: true,
  },
];

/** What must be noticed when it is missing; `after`: power fails when that has just been acknowledged. */
const OMISSIONS = [
  { name: 'the sync of blobs', faults: { FAULT_SKIP: 'fdatasync:blobs/' } },
  { name: 'the sync of their directory', faults: { FAULT_SKIP: 'fsync-directory:blobs/' } },
  { name: 'that blobs are synced before the index', faults: { FAULT_LATE: 'fdatasync:blobs/' } },
  { name: 'the sync of the index', faults: { FAULT_SKIP: 'fdatasync:index/' } },
  {
    name: 'the sync of the index at the start',
    faults: DENIED,
    next: { FAULT: 'skip', FAULT_CALL: 'fdatasync', FAULT_PATH: 'index/' },
    near: true,
    // Whether the commit's pages are written over by the next daemon's first one depends on what stood in it.
    histories: 10,
  },
  { name: 'the sync of the keyring', faults: { FAULT_SKIP: 'fsync:keyring.new' }, after: 'added' },
  { name: 'the sync of the keyring\'s name', faults: { FAULT_SKIP: 'fsync-directory:' }, after: 'added' },
];

describe('power cuts', { skip: missing() }, () => {
  let whole;
  let place;

  before(async () => {
    whole = await FaultStore.make();
    place = whole.copy();
  });

  after(async () => {
    await place?.remove();
    await whole?.remove();
  });

  /** Has a traced daemon do the work, and all of it at last. Returns { disk, entries, ledger }. */
  async function trace({ faults = {}, next = {} }) {
    const rig = whole.copy();
    try {
      const disk = new Disk(rig.store.directory);
      const ledger = new Ledger(() => rig.control.traced);
      if (await rig.startTraced(faults)) {
        const outcome = await work(rig, ledger).catch((error) => error);
        assert.equal(outcome instanceof Error, Boolean(faults.FAULT), String(outcome));
      }
      const between = rig.control.traced;
      if (faults.FAULT === 'kill' || faults.FAULT === 'deny') {
        await rig.store.ended;
        assert.ok(await rig.startTraced({ ...next, FAULT_AT: rig.control.counted + 1 }));
      }
      if (faults.FAULT) {
        assert.ok(rig.control.hits > 0);
        await complete(rig, ledger);
      }
      await rig.kill();
      // What a thread was about to write down when it was killed is not counted, and told nobody anything.
      const entries = readTrace(rig.trace, rig.control.traced);
      assert.equal(entries.length, rig.control.traced);
      return { disk, entries, ledger, between };
    } finally {
      await rig.remove();
    }
  }

  /** When power fails: anywhere, or where an omission would show: after an acknowledgement, around an index commit. */
  function moments({ entries, ledger, between }, count, random, { near, after: what }) {
    const acknowledged = ['acknowledged', 'ready', 'opened', 'finished', 'added'].flatMap((what) => ledger.times(what));
    const committed = entries.flatMap(({ kind }, i) => (kind === 'write-synced' ? [i, i + 1] : []));
    const any = Array.from({ length: entries.length + 1 }, (_, i) => i);
    // What the next daemon writes to the index before it has committed anything.
    const first = any.slice(between, committed.find((at) => at > between)).filter((at) =>
      entries[at - 1].kind === 'write' && entries[at - 1].path.startsWith('index/'));
    return Array.from({ length: count }, (_, i) => {
      const from = (near && first) || (what && ledger.times(what)) || [any, acknowledged, committed][i % 3];
      return from[Math.floor(random() * from.length)];
    }).sort((one, other) => one - other);
  }

  /** Starts the daemon on one state, and lets the clients go on. Throws if a promise is broken. */
  async function live(files, ledger, time) {
    putFiles(place.store.directory, files);
    try {
      assert.ok(await place.start(), `it does not start: ${place.store.log.at(-1)}`);
      await check(place, ledger, { time });
      const later = ledger.upTo(time);
      await complete(place, later);
      await check(place, later);
    } finally {
      await place.kill();
    }
  }

  /** Tries so many states; returns what went wrong, up to `enough` times. */
  async function cut(traced, count, seed, when, enough = Infinity) {
    const random = generator(seed);
    const failures = [];
    const { disk, entries, ledger } = traced;
    let at = 0;
    let states = 0;
    for (const moment of moments(traced, count, random, when)) {
      for (; at < moment; at++) {
        disk.take(entries[at]);
      }
      const next = random() < 0.5 ? entries[at] : null;
      states++;
      await live(disk.left(random, next, when.near ? 'some' : null), ledger, moment).catch((error) => {
        failures.push(`seed ${seed}, state ${states}, after entry ${moment} of ${entries.length}: ${error.stack}`);
      });
      if (failures.length >= enough) {
        break;
      }
    }
    return { failures, states };
  }

  let sum = 0;
  for (const [i, history] of HISTORIES.entries()) {
    test(`nothing acknowledged is lost, and ${history.name}`, async (t) => {
      const { failures, states } = await cut(await trace(history), Math.ceil(STATES * history.share), 100 + i,
        history);
      sum += states;
      t.diagnostic(`${states} states, ${sum} until now`);
      assert.deepEqual(failures.slice(0, 5), [], `${failures.length} of ${states} states`);
    });
  }

  for (const [i, omission] of OMISSIONS.entries()) {
    test(`it bites: without ${omission.name} something is lost`, async (t) => {
      const histories = omission.histories ?? 1;
      const failures = [];
      let states = 0;
      for (let tried = 0; tried < histories && failures.length === 0; tried++) {
        const found = await cut(await trace(omission), histories > 1 ? 60 : 150, 200 + i + 100 * tried, omission,
          LONG ? Infinity : 1);
        states += found.states;
        failures.push(...found.failures);
      }
      t.diagnostic(`${failures.length} of ${states} states: ${failures[0]?.split('\n')[0]}`);
      assert.ok(failures.length > 0);
    });
  }
});
