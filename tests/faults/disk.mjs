// What a power cut leaves. Disk takes a store's files as they lay there and the trace of what a daemon then did, and
// builds files as they could be found afterwards at any moment of it: what was synced is there; of the rest any part.
//
// It is stricter than any file system. Writes that were not synced are kept, dropped or torn at sectors, each for
// itself, so that a later one may be there without an earlier one. A file's length can grow without its bytes. A name
// made, moved or removed counts only once its directory was synced; until then each name is for itself as well.
import { mkdirSync, lstatSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const SECTOR = 512;
const HEADER = 32;
const KINDS = [null, 'write', 'write-synced', 'truncate', 'sync', 'sync-names', 'create', 'rename', 'unlink', 'mkdir',
  'send', 'lost'];

/** All entries of a trace, in order: { kind, inode, offset, path, data }. inject_trace.c writes them. */
export function readTrace(path) {
  const bytes = readFileSync(path);
  const entries = [];
  for (let at = 0; at < bytes.length;) {
    const pathSize = bytes.readUInt32LE(at + 4);
    const dataSize = Number(bytes.readBigUInt64LE(at + 24));
    const data = at + HEADER + pathSize;
    entries.push({
      kind: KINDS[bytes.readUInt32LE(at)],
      inode: bytes.readBigUInt64LE(at + 8),
      offset: Number(bytes.readBigUInt64LE(at + 16)),
      path: bytes.toString('utf8', at + HEADER, data),
      data: bytes.subarray(data, data + dataSize),
    });
    at = data + dataSize;
  }
  return entries;
}

/** Every file below a directory by its path from there, sockets and the like left out. */
function filesBelow(root) {
  return readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length + 1));
}

/** Bytes of a file that grow as they are written. */
class Content {
  #bytes;
  #length;

  constructor(bytes) {
    this.#bytes = bytes;
    this.#length = bytes.length;
  }

  /** Its bytes may be shared with another Content: the first change makes them its own. */
  #grow(length) {
    const bytes = Buffer.alloc(Math.max(length, this.#length));
    this.#bytes.copy(bytes, 0, 0, this.#length);
    this.#bytes = bytes;
    this.#length = bytes.length;
  }

  extend(length) {
    if (length > this.#length) {
      this.#grow(length);
    }
  }

  write(offset, data) {
    this.#grow(offset + data.length);
    data.copy(this.#bytes, offset);
  }

  truncate(length) {
    this.extend(length);
    this.#length = length;
  }

  get bytes() {
    return this.#bytes.subarray(0, this.#length);
  }

  copy() {
    return new Content(this.bytes);
  }
}

const whole = ({ kind, offset, data }, content) => (
  kind === 'truncate' ? content.truncate(offset) : content.write(offset, data));

/** Each sector that the write touches is written or not. */
function torn({ offset, data }, content, random) {
  const end = offset + data.length;
  for (let at = offset; at < end;) {
    const next = Math.min(end, (Math.floor(at / SECTOR) + 1) * SECTOR);
    if (random() < 0.5) {
      content.write(at, data.subarray(at - offset, next - offset));
    }
    at = next;
  }
}

/** What becomes of the unsynced changes of one file, in one state. */
const FATES = {
  dropped: () => {},
  kept: whole,
  some: (change, content, random) => random() < 0.5 && whole(change, content),
  torn: (change, content, random) => (
    change.kind === 'truncate' ? random() < 0.5 && whole(change, content) : torn(change, content, random)),
  zeros: ({ kind, offset, data }, content) => kind !== 'truncate' && content.extend(offset + data.length),
};

class File {
  #durable;
  #pending = [];

  constructor(bytes) {
    this.#durable = new Content(bytes);
  }

  change(entry, synced = false) {
    this.#pending.push({ ...entry, synced, lost: false });
  }

  sync() {
    this.#pending.filter(({ lost }) => !lost).forEach((change) => whole(change, this.#durable));
    this.#pending = [];
  }

  /** A sync failed: the kernel has forgotten what it should have written. */
  lose() {
    this.#pending.filter(({ synced }) => !synced).forEach((change) => {
      change.lost = true;
    });
  }

  /** Its bytes after a power cut now. `last` may be a change that was under way. */
  left(random, last) {
    const names = Object.keys(FATES);
    const fate = FATES[names[Math.floor(random() * names.length)]];
    const content = this.#durable.copy();
    for (const change of last ? [...this.#pending, last] : this.#pending) {
      if (change.synced) {
        whole(change, content);
      } else {
        fate(change, content, random);
      }
    }
    return content.bytes;
  }
}

export class Disk {
  #files = new Map();
  #names = new Map();
  #durable = new Map();
  #pending = [];

  /** The files below `root`, all of which count as synced. */
  constructor(root) {
    for (const path of filesBelow(root)) {
      const inode = lstatSync(join(root, path), { bigint: true }).ino;
      this.#files.set(inode, new File(readFileSync(join(root, path))));
      this.#names.set(path, inode);
    }
    this.#durable = new Map(this.#names);
  }

  #rename(change, names) {
    names.delete(change.removes);
    if (change.makes) {
      names.set(change.makes, change.inode);
    }
  }

  /** The change of names that an entry makes; null if it is none, or of what is no file. */
  #change({ kind, path, inode, data }) {
    const known = this.#names.get(path);
    switch (kind) {
      case 'create':
        return { directory: dirname(path), makes: path, inode };
      case 'unlink':
        return known === undefined ? null : { directory: dirname(path), removes: path };
      case 'rename':
        return known === undefined ? null
          : { directory: dirname(path), removes: path, makes: data.toString(), inode: known };
      default:
        return null;
    }
  }

  #syncNames(path) {
    const directory = path === '' ? '.' : path;
    for (const change of this.#pending.filter((one) => one.directory === directory)) {
      this.#rename(change, this.#durable);
    }
    this.#pending = this.#pending.filter((one) => one.directory !== directory);
  }

  /** One entry of the trace takes effect. */
  take(entry) {
    const file = this.#files.get(entry.inode);
    if (entry.kind === 'write' || entry.kind === 'truncate') {
      file.change(entry);
    } else if (entry.kind === 'write-synced') {
      file.change(entry, true);
    } else if (entry.kind === 'sync') {
      file.sync();
    } else if (entry.kind === 'lost') {
      file?.lose();
    } else if (entry.kind === 'sync-names') {
      this.#syncNames(entry.path);
    }
    const change = this.#change(entry);
    if (entry.kind === 'create') {
      this.#files.set(entry.inode, new File(Buffer.alloc(0)));
    }
    if (change) {
      this.#rename(change, this.#names);
      this.#pending.push(change);
    }
  }

  /** Files by path as a power cut now could leave them. `next`: the entry that was under way, or null. */
  left(random, next = null) {
    const names = new Map(this.#durable);
    const most = random();
    for (const change of this.#pending) {
      if (random() < most) {
        this.#rename(change, names);
      }
    }
    const writes = ['write', 'write-synced', 'truncate'].includes(next?.kind);
    return new Map([...names].map(([path, inode]) => {
      const last = writes && next.inode === inode ? { ...next, synced: false } : null;
      return [path, this.#files.get(inode).left(random, last)];
    }));
  }
}

/** Makes the files below `root` these, and no others. Directories are let be. */
export function putFiles(root, files) {
  for (const path of filesBelow(root).filter((one) => !files.has(one))) {
    rmSync(join(root, path));
  }
  rmSync(join(root, 'sealreel.sock'), { force: true });
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), bytes, { mode: 0o600 });
  }
}
