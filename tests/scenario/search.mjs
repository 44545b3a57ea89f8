// A search for secrets, byte for byte, in a process's memory and in files: any run of 16 of their bytes is a find.
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, readSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The shortest run that counts. Shorter secrets cannot be searched for. */
export const RUN = 16;
// Every run of 16 bytes has within it 8 bytes that begin at a multiple of 8 of the secret: those are looked up.
const BLOCK = 8;
const PIECE = 2 ** 24;
const PAGE = 4096;

export class Search {
  #secrets = [];
  #blocks = new Map();
  // One byte for each hash of a block's first half, so that most places are passed over by one look.
  #first = new Uint8Array(2 ** 22);

  /** Adds a secret: text or bytes, 16 or more. `name` says in a report what it is. */
  add(name, secret) {
    const bytes = Buffer.from(secret);
    assert.ok(bytes.length >= RUN, `${name} is too short to be searched for`);
    const number = this.#secrets.push({ name, bytes }) - 1;
    for (let at = 0; at + BLOCK <= bytes.length; at += BLOCK) {
      this.#first[Search.#hash(bytes.readInt32LE(at))] = 1;
      const block = bytes.toString('latin1', at, at + BLOCK);
      this.#blocks.set(block, [...(this.#blocks.get(block) ?? []), { number, at }]);
    }
    return this;
  }

  static #hash(word) {
    return Math.imul(word, 0x9e3779b1) >>> 10;
  }

  /** The runs found in `bytes`, each once: { name, from, length, at }, the last being where in `bytes`. */
  in(bytes) {
    const found = new Map();
    let word = 0;
    for (let next = 0; next < bytes.length; next++) {
      word = (word >>> 8) | (bytes[next] << 24);
      if (this.#first[Search.#hash(word)] === 1 && next >= 3) {
        const at = next - 3;
        for (const place of this.#blocks.get(bytes.toString('latin1', at, at + BLOCK)) ?? []) {
          const run = this.#extend(bytes, at, place);
          if (run.length >= RUN) {
            found.set(`${run.name} ${run.at}`, run);
          }
        }
      }
    }
    return [...found.values()];
  }

  #extend(bytes, at, { number, at: from }) {
    const { name, bytes: secret } = this.#secrets[number];
    let before = 0;
    while (before < from && before < at && secret[from - before - 1] === bytes[at - before - 1]) {
      before++;
    }
    let after = 0;
    while (from + after < secret.length && at + after < bytes.length && secret[from + after] === bytes[at + after]) {
      after++;
    }
    return { name, from: from - before, length: before + after, at: at - before };
  }

  /** The runs found in all memory of process `pid` that can be read, each with `where`: the mapping it lies in. */
  memory(pid) {
    const mem = openSync(`/proc/${pid}/mem`, 'r');
    const pagemap = openSync(`/proc/${pid}/pagemap`, 'r');
    try {
      return mappings(pid).flatMap((mapping) => held(pagemap, mapping)).flatMap((range) => this.#range(mem, range));
    } finally {
      closeSync(mem);
      closeSync(pagemap);
    }
  }

  #range(mem, { begin, end, where }) {
    const found = [];
    // Pieces overlap, so that a run across their border is in one of them.
    for (let at = begin; at < end; at += PIECE - RUN) {
      const piece = readUpTo(mem, at, Math.min(PIECE, end - at));
      found.push(...this.in(piece).map((run) => ({ ...run, at: (at + run.at).toString(16), where })));
    }
    return found;
  }

  /** The runs found in the files below `directory`, each with `where`: its file. */
  files(directory) {
    return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) {
        return this.files(path);
      }
      return entry.isFile() ? this.in(readFileSync(path)).map((run) => ({ ...run, where: path })) : [];
    });
  }
}

/** The mappings of a process that hold anything: { begin, end, where }. A file's end where the file ends. */
function mappings(pid) {
  return readFileSync(`/proc/${pid}/maps`, 'utf8').trim().split('\n').flatMap((line) => {
    const [, from, to, rights, offset, path] = /^(\w+)-(\w+) (\S+) (\w+) \S+ \d+ *(.*)$/.exec(line);
    const begin = parseInt(from, 16);
    let end = parseInt(to, 16);
    if (!rights.startsWith('r') || path.startsWith('[vv') || path.startsWith('[vsyscall')) {
      return [];
    }
    if (path.startsWith('/')) {
      const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
      end = Math.min(end, begin + Math.max(0, Math.ceil(size / PAGE) * PAGE - parseInt(offset, 16)));
    }
    return [{ begin, end, where: `${rights} ${path}` }];
  });
}

/** The runs of a mapping's pages that were ever written or read; of what nobody touched there is nothing to find. */
function held(pagemap, { begin, end, where }) {
  const words = readUpTo(pagemap, (begin / PAGE) * 8, ((end - begin) / PAGE) * 8);
  const ranges = [];
  for (let page = 0; page * 8 < words.length; page++) {
    // The two highest bits of a page's word: in memory, or swapped out.
    if (words[page * 8 + 7] & 0xc0) {
      const at = begin + page * PAGE;
      const last = ranges.at(-1);
      if (last?.end === at) {
        last.end += PAGE;
      } else {
        ranges.push({ begin: at, end: at + PAGE, where });
      }
    }
  }
  return ranges;
}

function readUpTo(file, position, size) {
  const bytes = Buffer.alloc(size);
  let got = 0;
  while (got < size) {
    const now = readSync(file, bytes, got, size - got, position + got);
    if (now === 0) {
      break;
    }
    got += now;
  }
  return bytes.subarray(0, got);
}

/** Why the memory of process `pid` cannot be searched, or false. */
export function unsearchable(pid) {
  // A sanitizer maps terabytes, and keeps what was freed.
  const size = mappings(pid).reduce((sum, { begin, end }) => sum + end - begin, 0);
  if (size > 2 ** 34) {
    return 'the daemon is built with sanitizers: set SEALREEL_BIN_RELEASE';
  }
  try {
    closeSync(openSync(`/proc/${pid}/mem`, 'r'));
  } catch (error) {
    return `the daemon's memory can be read by root alone: ${error.code}`;
  }
  return false;
}
