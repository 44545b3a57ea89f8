// Memory that the daemon asks for and does not get, at any allocation, once or from there on: whoever it concerns is
// told or cut off, or the daemon ends and says why; nothing acknowledged is lost, and nothing wrong is ever given. Once
// there is memory again, all go on.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Refusal } from '../peer/connection.mjs';
import { FaultStore, LONG, generator, missing, sample } from './rig.mjs';
import { BESIDE, EARLIER, Ledger, RECORDINGS, check, complete, failure, hear, workAll } from './workload.mjs';

const POINTS = LONG ? Infinity : 16;
const ALL = [...RECORDINGS, BESIDE];
const FAULTS = { FAULT: 'ENOMEM', FAULT_CALL: 'allocate' };
/** What a request may be refused with. */
const REFUSALS = ['internal', 'unavailable', 'busy'];

describe('memory that is not there', { skip: missing() }, () => {
  const earlier = new Ledger();
  let whole;
  /** So many allocations the start takes, and so many that and the workload. */
  let [starting, most] = [0, 0];

  before(async () => {
    whole = await FaultStore.make();
    assert.ok(await whole.start());
    await complete(whole, earlier, [EARLIER]);
    await whole.store.stop();
  });

  after(() => whole?.remove());

  /** The daemon has ended by itself: not by a signal, and with a line that says why. */
  async function assertEnded(rig) {
    const { code, signal } = await rig.store.ended;
    const log = rig.store.log.join('\n');
    assert.ok(code === 1 || code === 2, `${code ?? signal}: ${log}`);
    assert.match(log, /^sealreeld: |event=fatal /m);
    assert.doesNotMatch(log, /memory was used that is not there/);
  }

  function assertTold(rig, outcome) {
    for (const error of Object.values(outcome).filter((one) => one !== null)) {
      assert.ok(!(error instanceof assert.AssertionError), error.stack);
      assert.ok(!(error instanceof Refusal) || REFUSALS.includes(error.code), error.stack);
    }
    assert.deepEqual(rig.store.log.filter((line) => / event=(corrupt|foreign|misfiled) /.test(line)), []);
  }

  async function attempt(at, every) {
    const rig = whole.copy();
    const ledger = new Ledger();
    try {
      const started = await rig.start({ ...FAULTS, FAULT_AT: at, FAULT_EVERY: every });
      starting ||= rig.control.counted;
      const outcome = started ? await workAll(rig, ledger) : {};
      most ||= rig.control.counted;
      rig.control.off = true;
      const { hits, hit } = rig.control;
      try {
        assertTold(rig, outcome);
        // A daemon that is about to end does not answer.
        const ended = !started || await failure(hear(rig, () => false)) !== null;
        if (ended) {
          await assertEnded(rig);
          assert.ok(await rig.start());
        }
        await check(rig, ledger, { recordings: ALL });
        await complete(rig, ledger, ALL);
        await check(rig, ledger, { recordings: ALL });
        await check(rig, earlier, { recordings: [EARLIER] });
        await rig.store.stop();
        return { hit: hits > 0, ended };
      } catch (error) {
        throw new Error(`${hit}, ${hits} in all`, { cause: error });
      }
    } finally {
      await rig.remove();
    }
  }

  const random = generator(17);
  for (const [how, every] of [['once', 0], ['from there on', 1]]) {
    test(`at any allocation, ${how}`, async (t) => {
      const failures = [];
      let [hits, ends] = [0, 0];
      await attempt(0, 0);
      // Most of what a start takes is libcrypto's.
      const points = [...sample(starting, POINTS / 4, random),
        ...sample(most - starting, POINTS, random).map((point) => point + starting)];
      for (const at of points) {
        await attempt(at, every).then(({ hit, ended }) => {
          hits += hit ? 1 : 0;
          ends += ended ? 1 : 0;
        }, (error) => failures.push(`at ${at}: ${error.message}: ${error.cause?.stack ?? error.stack}`));
      }
      t.diagnostic(`${hits} of ${points.length} points of ${most} allocations; ${ends} of them ended the daemon`);
      assert.deepEqual(failures.slice(0, LONG ? Infinity : 5), [], `${failures.length} of ${points.length} points`);
      assert.ok(hits >= points.length / 2, `only ${hits} of ${points.length} points were reached`);
    });
  }
});
