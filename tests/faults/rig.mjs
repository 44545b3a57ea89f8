// What the fault tests share: stores that lie in memory, copied from one that was made once, and daemons with
// libfaults.so in front of their system calls (inject_plan.c says what it can do).
import assert from 'node:assert/strict';
import { existsSync, closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { BIN, BIN_RELEASE, Store, missing as missingIn } from '../scenario/harness.mjs';
import { readCredential } from '../peer/client.mjs';

/** All points and states, not a sample of them. */
export const LONG = Boolean(process.env.SEALREEL_LONG);

/** Sanitizers and a preloaded library do not go together: the daemon is the released one. */
export const LIBRARY = BIN && resolve(BIN, '..', 'lib', 'libfaults.so');

// A sync in memory costs nothing, and the trace says what a disk would have kept.
if (existsSync('/dev/shm')) {
  process.env.TMPDIR = '/dev/shm';
}

/** Why the tests cannot be run here; false if they can. */
export function missing() {
  return missingIn(undefined, BIN_RELEASE) || (!existsSync(LIBRARY) && `${LIBRARY} is absent`);
}

const CONTROL_SIZE = 256;

/** What the library shares with us. */
export class Control {
  #fd;

  constructor(path) {
    writeFileSync(path, Buffer.alloc(CONTROL_SIZE));
    this.#fd = openSync(path, 'r+');
  }

  #read(at) {
    const bytes = Buffer.alloc(8);
    readSync(this.#fd, bytes, 0, 8, at * 8);
    return Number(bytes.readBigUInt64LE());
  }

  /** How many calls were counted. */
  get counted() {
    return this.#read(0);
  }

  /** How many of them got a fault. */
  get hits() {
    return this.#read(1);
  }

  /** The last call that got one: "fdatasync blobs/001/…". */
  get hit() {
    const bytes = Buffer.alloc(CONTROL_SIZE - 32);
    readSync(this.#fd, bytes, 0, bytes.length, 32);
    return bytes.toString('utf8', 0, bytes.indexOf(0));
  }

  /** How many entries the trace has. */
  get traced() {
    return this.#read(3);
  }

  set off(off) {
    writeSync(this.#fd, Buffer.from([off ? 1 : 0]), 0, 1, 16);
  }

  /** As before any call: for another process with the same file. */
  reset() {
    writeSync(this.#fd, Buffer.alloc(CONTROL_SIZE), 0, CONTROL_SIZE, 0);
  }

  close() {
    closeSync(this.#fd);
  }
}

/** A store whose daemon can have faults. */
export class FaultStore {
  constructor(store, credentials) {
    this.store = store;
    this.control = new Control(store.beside('control'));
    this.trace = store.beside('trace');
    this.credentials = credentials;
  }

  /** The store that all others are copies of, with an ingest and a playback service, and segments that close soon. */
  static async make() {
    const store = await Store.serve({
      bin: BIN_RELEASE,
      options: [['store', 'max_delay_ms', '100'], ['store', 'reserve_percent', '0'], ['store', 'reserve_min_mib', '1']],
    });
    const paths = { ingest: await store.service('ingest'), playback: await store.service('playback') };
    const credentials = Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, readCredential(path)]));
    credentials.operator = readCredential(store.operator);
    await store.stop();
    return new FaultStore(store, credentials);
  }

  copy() {
    return new FaultStore(this.store.copy(), this.credentials);
  }

  /** What `name` calls this store with. */
  credential(name) {
    return { ...this.credentials[name], address: this.store.server };
  }

  /**
   * Starts the daemon with these faults: { FAULT: 'EIO', FAULT_AT: 3 }. Returns whether it came to be ready, which a
   * fault may prevent.
   */
  async start(faults = null) {
    const env = faults === null ? {} : {
      LD_PRELOAD: LIBRARY,
      FAULT_ROOT: this.store.directory,
      FAULT_CONTROL: this.store.beside('control'),
      ...Object.fromEntries(Object.entries(faults).map(([name, value]) => [name, String(value)])),
    };
    const from = this.store.log.length;
    try {
      await this.store.start({ env });
    } catch (error) {
      if (this.store.child !== null) {
        throw error;
      }
    }
    return this.store.events('ready', from).length > 0;
  }

  /** Starts it so that it writes a trace. */
  startTraced(faults = {}) {
    return this.start({ FAULT_TRACE: this.trace, ...faults });
  }

  get runs() {
    return this.store.child !== null;
  }

  async kill() {
    if (this.runs) {
      await this.store.kill();
    }
  }

  async remove() {
    await this.kill();
    this.control.close();
    await this.store.remove();
  }
}

/** `count` numbers of 1…max, spread evenly, each from its own stretch; all of them if there are no more. */
export function sample(max, count, random = Math.random) {
  if (max <= count) {
    return Array.from({ length: max }, (_, i) => i + 1);
  }
  return Array.from({ length: count }, (_, i) => 1 + Math.min(max - 1, Math.floor((i + random()) * max / count)));
}

/**
 * The rule of a test that kills the daemon at any call: `attempt(at)` makes a store, kills its daemon at call `at` (0:
 * never), checks all there is to check, and returns whether it was killed. Tried at `points` of the calls that
 * `counted()` then says there are; the part `least` of them must be reached, for a run may need fewer calls than the
 * longest.
 */
export async function killAnywhere(t, { attempt, counted, points, least, random }) {
  const failures = [];
  let hits = 0;
  assert.equal(await attempt(0), false);
  const tried = sample(counted(), points, random);
  for (const at of tried) {
    try {
      hits += await attempt(at) ? 1 : 0;
    } catch (error) {
      failures.push(`killed at ${at}: ${error.stack}`);
    }
  }
  t.diagnostic(`killed at ${hits} of ${tried.length} points of ${counted()} calls`);
  assert.deepEqual(failures, []);
  assert.ok(hits >= tried.length * least, `only ${hits} of ${tried.length} points were reached`);
}

/** Numbers in [0, 1) that are the same for the same seed, so that what failed can be had again (mulberry32). */
export function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
