// The daemon is killed at its n-th call that changes a file or sends, for n up to the largest count seen: whatever it
// had acknowledged is there when it starts again, nothing else is, and the clients can go on.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { LONG, FaultStore, generator, missing, sample } from './rig.mjs';
import { Ledger, check, complete, work } from './workload.mjs';

const POINTS = LONG ? Infinity : 60;

describe('killed at any call', { skip: missing() }, () => {
  const random = generator(3);
  let whole;
  let most = 0;

  before(async () => {
    whole = await FaultStore.make();
  });

  after(() => whole?.remove());

  /** Runs the daemon with these faults and `body` against it, up to the end of either. Returns whether it was hit. */
  async function suffer(rig, faults, body) {
    const hits = rig.control.hits;
    let outcome = null;
    if (await rig.start(faults)) {
      outcome = await body().catch((error) => error);
    }
    const hit = rig.control.hits > hits;
    if (hit) {
      await rig.store.ended;
    } else {
      assert.equal(outcome ?? null, null, 'nothing was killed, and the work came to no end');
      await rig.kill();
    }
    return hit;
  }

  /** One point: killed there, and perhaps once more while the clients go on; then all must be well. */
  async function attempt(how, at, again) {
    const rig = whole.copy();
    const ledger = new Ledger();
    try {
      const hit = await suffer(rig, { FAULT: how, FAULT_AT: at }, () => work(rig, ledger));
      most = Math.max(most, rig.control.counted);
      if (again > 0) {
        await suffer(rig, { FAULT: how, FAULT_AT: rig.control.counted + again }, async () => {
          await check(rig, ledger);
          await complete(rig, ledger);
        });
      }
      assert.ok(await rig.start(), 'it does not start again');
      await check(rig, ledger);
      await complete(rig, ledger);
      await check(rig, ledger);
      await rig.store.stop();
      return hit;
    } finally {
      await rig.remove();
    }
  }

  test('acknowledged bytes play, nothing else does, and no recording is there twice or missing', async (t) => {
    const failures = [];
    let [points, hits, twice] = [0, 0, 0];
    assert.equal(await attempt('kill', 0, 0), false);
    for (const at of sample(most, POINTS, random)) {
      // Half of a write can only be done where there is one: elsewhere it is killed before the call.
      const how = LONG ? ['kill', 'tear'] : [['kill', 'tear'][points % 2]];
      for (const one of how) {
        const again = points % 3 === 0 ? 1 + Math.floor(random() * 120) : 0;
        points++;
        twice += again > 0 ? 1 : 0;
        try {
          hits += await attempt(one, at, again) ? 1 : 0;
        } catch (error) {
          failures.push(`${one} at ${at}, again after ${again}: ${error.stack}`);
        }
      }
    }
    t.diagnostic(`killed at ${hits} of ${points} points of ${most} calls, at ${twice} a second time`);
    assert.deepEqual(failures, []);
    // A run that needs fewer calls than the longest may come to its end before the last points.
    assert.ok(hits >= points * 0.9, `only ${hits} of ${points} points were reached`);
  });
});
