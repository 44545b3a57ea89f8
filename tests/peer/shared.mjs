// Where the published vectors are, and how a test says that they are not there.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const directory = process.env.SEALREEL_SHARED ?? fileURLToPath(new URL('../../../shared', import.meta.url));

/** The parsed vector file, or null after marking the test `t` as skipped. */
export function vectors(t, name) {
  const path = join(directory, 'vectors', name);
  if (!existsSync(path)) {
    t.skip(`${path} is absent: set SEALREEL_SHARED`);
    return null;
  }
  return JSON.parse(readFileSync(path, 'utf8')).vectors;
}

export const hex = (text) => Buffer.from(text, 'hex');
