// The tools of ../tools that a daemon is started with, in front of its libraries.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { run } from './harness.mjs';

/** Builds tools/`name`.c beside the store; returns the library's path, for LD_PRELOAD. */
export async function makePreload(store, name) {
  const library = store.beside(`${name}.so`);
  const source = fileURLToPath(new URL(`../tools/${name}.c`, import.meta.url));
  const made = await run('gcc', ['-D_GNU_SOURCE', '-shared', '-fPIC', '-o', library, source]);
  assert.equal(made.code, 0, made.stderr);
  return library;
}
