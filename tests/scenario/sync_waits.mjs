// A daemon whose disk hangs for one file: what ../tools/sync_waits.c does, for the scenarios that need it.
import { existsSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { makePreload } from './preload.mjs';

/** Starts the released daemon of `store` so that syncs or writes can be held; returns how to hold and release them. */
export async function startHeld(store) {
  const library = await makePreload(store, 'sync_waits');
  const sign = store.beside('sync-waits');
  await store.start({ env: { LD_PRELOAD: library, SR_SYNC_WAITS: sign } });
  return {
    /** From now on each sync (or write) of a file waits whose path contains `part`; or each line of the log. */
    hold(part, call = 'sync') {
      rmSync(`${sign}.waits`, { force: true });
      // Whole at once: the daemon looks at it all the time.
      writeFileSync(`${sign}.new`, `${call} ${part}`);
      renameSync(`${sign}.new`, sign);
    },
    /** How many have begun to wait since. */
    waits: () => (existsSync(`${sign}.waits`) ? statSync(`${sign}.waits`).size : 0),
    release() {
      rmSync(sign);
    },
  };
}
