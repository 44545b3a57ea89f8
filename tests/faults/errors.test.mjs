// Disks that fail or are full, writes that are cut short or interrupted, at any call: whoever it concerns is told, after
// the last acknowledgement that counts; others do not notice; and when it is over, all go on without a restart. Where
// the index itself cannot be written, the daemon ends, says so, and the clients go on with the next. Where the account
// cannot be, nothing more is given or begun until a restart.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Refusal } from '../peer/connection.mjs';
import { DEADLINE, waitFor } from '../scenario/harness.mjs';
import { FaultStore, LONG, generator, missing, sample } from './rig.mjs';
import {
  BESIDE, EARLIER, Ingest, Ledger, RECORDINGS, TURNS, check, complete, failure, hear, workAll,
} from './workload.mjs';

const POINTS = LONG ? Infinity : 16;
const ON_FILES = 'write,write-synced,fsync,fsync-directory,fdatasync,truncate,create,rename,unlink';
const FAILS = ['EIO', 'ENOSPC'];
/** What the account stands in, whose failures last until a restart. */
const ACCOUNT = / audit\/records$/;
/** The directory that a recording's files lie in (FORMAT.md). */
const fanOf = (id) => (parseInt(id.slice(-4), 16) & 0x3ff).toString(16).padStart(3, '0');
/** Those that a signal may interrupt. */
const INTERRUPTIBLE = 'write,write-synced,fsync,fsync-directory,fdatasync,truncate';

describe('calls that fail', { skip: missing() }, () => {
  const earlier = new Ledger();
  let whole;

  before(async () => {
    whole = await FaultStore.make();
    assert.ok(await whole.start());
    await complete(whole, earlier, [EARLIER]);
    await whole.store.stop();
  });

  after(() => whole?.remove());

  /** Has the daemon ended by itself? Its clients may know that before we do. */
  async function hasEnded(rig, outcome) {
    const cut = Object.values(outcome ?? {}).some((error) => error && !(error instanceof Refusal));
    if (cut && !rig.control.hit.startsWith('send')) {
      await Promise.race([rig.store.ended, delay(DEADLINE, null, { ref: false })]);
    }
    return !rig.runs;
  }

  /** The daemon has ended by itself: it must have said why. */
  async function assertEnded(rig, { fault, started }) {
    const { code } = await rig.store.ended;
    const { hit } = rig.control;
    assert.ok(code === 1 || (!started && code === 2), `${fault} at ${hit}: exit status ${code}`);
    if (started) {
      assert.match(hit, / index\//, `${fault} at ${hit} ended the daemon`);
      const [{ level, text }] = rig.store.events('fatal');
      assert.equal(level, 'alarm');
      assert.match(text, /^the index cannot be written: /);
    } else {
      assert.match(rig.store.log.at(-1), /^sealreeld: /);
    }
  }

  /** No room could be made for the account ahead of its entries: until there is some, nothing is given. */
  function assertRoomless(rig, outcome, { fault, hit }) {
    assert.equal(rig.store.events('audit_full').length, 1, `${fault} at ${hit}`);
    for (const error of Object.values(outcome).filter((one) => one !== null)) {
      assert.ok(error instanceof Refusal && ['io', 'no_space'].includes(error.code), `${fault} at ${hit}: ${error}`);
    }
  }

  /** The account could not be written: whoever was refused anything was told that, as is everybody from now on. */
  async function assertUnaccounted(rig, outcome, { fault, hit }) {
    assert.equal(rig.store.events('audit_failed').length, 1, `${fault} at ${hit}`);
    const late = await failure(hear(rig, () => true));
    for (const error of [...Object.values(outcome).filter((one) => one !== null), late]) {
      assert.ok(error instanceof Refusal && error.code === 'io', `${fault} at ${hit}: ${error}`);
      assert.match(error.message, /the account cannot be written/);
    }
  }

  /** What a fault may do to each of them while the daemon goes on. */
  function assertConcerned({ own, beside, listener }, { fault, hit }) {
    const failures = `${fault} at ${hit}: ${[own, beside, listener].map(String).join(', ')}`;
    const onSocket = hit.startsWith('send');
    const harmless = fault === 'short' || fault === 'EINTR';
    if (harmless) {
      assert.deepEqual([own, beside, listener], [null, null, null], failures);
    } else if (!onSocket) {
      assert.equal(listener, null, failures);
      assert.ok(beside === null || hit.includes(BESIDE.id) || hit === `fsync-directory blobs/${fanOf(BESIDE.id)}`,
        failures);
      for (const error of [own, beside].filter((one) => one !== null)) {
        assert.ok(error instanceof Refusal, failures);
        assert.ok(['io', 'no_space', 'internal'].includes(error.code), failures);
      }
    }
  }

  async function attempt(fault, calls, at) {
    const rig = whole.copy();
    const ledger = new Ledger();
    const all = [...RECORDINGS, BESIDE];
    try {
      const started = await rig.start({ FAULT: fault, FAULT_CALL: calls, FAULT_AT: at });
      const outcome = started ? await workAll(rig, ledger) : null;
      rig.control.off = true;
      const { hits, hit, counted } = rig.control;
      const ended = await hasEnded(rig, outcome);
      if (ended) {
        await assertEnded(rig, { fault, started });
        assert.ok(await rig.start());
      } else if (ACCOUNT.test(hit) && FAILS.includes(fault)) {
        // The last of its calls may fail when all else is over.
        await waitFor(() => ['audit_failed', 'audit_full'].some((event) => rig.store.events(event).length > 0));
        if (rig.store.events('audit_failed').length > 0) {
          await assertUnaccounted(rig, outcome, { fault, hit });
        } else {
          assertRoomless(rig, outcome, { fault, hit });
        }
        await rig.store.stop();
        assert.ok(await rig.start());
      } else {
        assertConcerned(outcome, { fault, hit });
      }
      await check(rig, ledger, { recordings: all });
      await complete(rig, ledger, all);
      await check(rig, ledger, { recordings: all });
      await check(rig, earlier, { recordings: [EARLIER] });
      await rig.store.stop();
      return { hit: hits > 0, ended, counted };
    } finally {
      await rig.remove();
    }
  }

  const random = generator(5);
  for (const [calls, faults] of [[ON_FILES, FAILS], ['write,write-synced', ['short']], [INTERRUPTIBLE, ['EINTR']],
    ['send', ['EIO', 'short', 'EINTR']]]) {
    for (const fault of faults) {
      test(`${fault} at any ${calls === 'send' ? 'send' : 'call that changes a file'}`, async (t) => {
        const failures = [];
        let [points, hits, ends] = [0, 0, 0];
        const { counted: most } = await attempt(fault, calls, 0);
        // Those beside it take more calls in one run and fewer in another: the last points might not be reached.
        const reach = LONG ? most : Math.floor(most * 0.8);
        for (const at of sample(reach, calls === 'send' ? POINTS / 2 : POINTS, random)) {
          points++;
          try {
            let tried = await attempt(fault, calls, at);
            // How often it sends depends on how busy the machine is: in the middle of what this run took there is a call.
            if (!tried.hit) {
              tried = await attempt(fault, calls, Math.ceil(tried.counted / 2));
            }
            hits += tried.hit ? 1 : 0;
            ends += tried.ended ? 1 : 0;
          } catch (error) {
            failures.push(`at ${at}: ${error.stack}`);
          }
        }
        t.diagnostic(`${hits} of ${points} points of ${most} calls; ${ends} of them ended the daemon`);
        assert.deepEqual(failures.slice(0, 5), [], `${failures.length} of ${points} points`);
        assert.ok(hits >= points / 2, `only ${hits} of ${points} points were reached`);
      });
    }
  }

  /** A disk that stays bad for one recording: `call` fails on its files until the fault is taken away. */
  async function stayBad(fault, call, code) {
    const rig = whole.copy();
    const ledger = new Ledger();
    try {
      assert.ok(await rig.start({ FAULT: fault, FAULT_CALL: call, FAULT_PATH: TURNS.id, FAULT_AT: 3, FAULT_EVERY: 1 }));
      const ingest = await Ingest.open(rig, ledger);
      await ingest.open(TURNS);
      const [track] = TURNS.tracks;
      const writing = await ingest.track(TURNS, track);
      const error = await failure((async () => {
        for (;;) {
          await writing.appendTo(Math.min(writing.offset + 2000, track.media.length));
          await writing.sync();
        }
      })());
      assert.ok(error instanceof Refusal && error.code === code, String(error));
      const { durable } = writing;
      assert.ok(durable > 0);
      // The same connection, other recordings and what is read do not notice.
      await ingest.open(BESIDE);
      const beside = await ingest.track(BESIDE, BESIDE.tracks[0]);
      await beside.appendTo(50_000);
      await beside.sync();
      await check(rig, earlier, { recordings: [EARLIER] });
      await check(rig, ledger, { recordings: [TURNS, BESIDE] });
      const again = await failure((async () => {
        const resumed = await ingest.track(TURNS, track);
        assert.equal(resumed.durable, durable, 'something was committed and not acknowledged before the error');
        await resumed.appendTo(track.media.length);
        await resumed.sync();
      })());
      assert.ok(again instanceof Refusal && again.code === code, String(again));
      rig.control.off = true;
      const last = await ingest.track(TURNS, track);
      assert.equal(last.durable, durable);
      await last.appendTo(track.media.length);
      await last.close();
      await beside.appendTo(BESIDE.tracks[0].media.length);
      await beside.close();
      ingest.cut();
      await complete(rig, ledger, [TURNS, BESIDE]);
      await check(rig, ledger, { recordings: [TURNS, BESIDE] });
      await rig.store.stop();
    } finally {
      await rig.remove();
    }
  }

  for (const [fault, call, code] of [['EIO', 'write', 'io'], ['EIO', 'fdatasync', 'io'],
    ['ENOSPC', 'write', 'no_space'], ['ENOSPC', 'fdatasync', 'io']]) {
    test(`${fault} at every ${call} of one recording: it is told, the others go on, and so does it afterwards`, () =>
      stayBad(fault, call, code));
  }
});
