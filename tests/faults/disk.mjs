// What a power cut leaves. Disk takes a store's files as they lay there and the trace of what a daemon then did, and
// builds files as they could be found afterwards at any moment of it: what was synced is there; of the rest any part.
//
// It is stricter than any file system. Writes that were not synced are kept, dropped or torn at sectors, each for
// itself, so that a later one may be there without an earlier one. A file's length can grow without its bytes. A name
// made, moved or removed counts only once its directory was synced; until then each name is for itself as well, and what
// lies below a directory goes with it.
import assert from 'node:assert/strict';
import { mkdirSync, lstatSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const SECTOR = 512;
const HEADER = 32;
const KINDS = [null, 'write', 'write-synced', 'truncate', 'sync', 'sync-names', 'create', 'rename', 'unlink', 'mkdir',
  'send', 'lost', 'sync-all'];

/** All entries of a trace, or the first `count`, in order: { kind, inode, offset, path, data }. inject_trace.c writes them. */
export function readTrace(path, count = Infinity) {
  const bytes = readFileSync(path);
  const entries = [];
  for (let at = 0; at < bytes.length && entries.length < count;) {
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

/** Every file and directory below a directory by its path from there, sockets and the like left out. */
function below(root) {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  const paths = (ones) => ones.map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length + 1));
  return {
    files: paths(entries.filter((entry) => entry.isFile())),
    directories: paths(entries.filter((entry) => entry.isDirectory())),
  };
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

  /** Its bytes after a power cut now. `last` may be a change that was under way, `name` the fate of all of them. */
  left(random, last, name = null) {
    const names = Object.keys(FATES);
    const fate = FATES[name ?? names[Math.floor(random() * names.length)]];
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

/** One change of a directory's names: one goes, or one comes, or both. */
function rename({ removes, makes, node }, names) {
  names.delete(removes);
  if (makes !== undefined) {
    names.set(makes, node);
  }
}

class Directory {
  names = new Map();
  #durable = new Map();
  #pending = [];

  change(change) {
    rename(change, this.names);
    this.#pending.push(change);
  }

  sync() {
    this.#durable = new Map(this.names);
    this.#pending = [];
  }

  /** Its names after a power cut now. */
  left(random) {
    const names = new Map(this.#durable);
    const most = random();
    this.#pending.filter(() => random() < most).forEach((change) => rename(change, names));
    return names;
  }
}

export class Disk {
  #files = new Map();
  #root = new Directory();

  /** What is below `root`, all of which counts as synced. */
  constructor(root) {
    const { files, directories } = below(root);
    directories.sort().forEach((path) => this.#change(path, { makes: basename(path), node: new Directory() }));
    for (const path of files) {
      const file = new File(readFileSync(join(root, path)));
      this.#files.set(lstatSync(join(root, path), { bigint: true }).ino, file);
      this.#change(path, { makes: basename(path), node: file });
    }
    this.#syncAll();
  }

  #find(path) {
    const names = path === '' || path === '.' ? [] : path.split('/');
    return names.reduce((directory, name) => directory?.names?.get(name), this.#root);
  }

  #change(path, change) {
    this.#find(dirname(path)).change(change);
  }

  /** A change of names takes effect, if the entry is one. Those of sockets and the like are none. */
  #rename({ kind, path, inode, data }) {
    const node = this.#find(path);
    if (kind === 'create') {
      const file = new File(Buffer.alloc(0));
      this.#files.set(inode, file);
      this.#change(path, { makes: basename(path), node: file });
    } else if (kind === 'mkdir') {
      this.#change(path, { makes: basename(path), node: new Directory() });
    } else if (kind === 'unlink' && node) {
      this.#change(path, { removes: basename(path) });
    } else if (kind === 'rename' && node) {
      assert.equal(dirname(data.toString()), dirname(path));
      this.#change(path, { removes: basename(path), makes: basename(data.toString()), node });
    }
  }

  #syncAll(directory = this.#root) {
    directory.sync();
    for (const node of directory.names.values()) {
      if (node instanceof Directory) {
        this.#syncAll(node);
      } else {
        node.sync();
      }
    }
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
      this.#find(entry.path).sync();
    } else if (entry.kind === 'sync-all') {
      this.#syncAll();
    } else {
      this.#rename(entry);
    }
  }

  /**
   * What a power cut now could leave: { files, directories }, the bytes of the first by path, and the paths of the
   * others. `next`: the entry that was under way, or null. `fate`: that of each file, or null for one at random.
   */
  left(random, next = null, fate = null) {
    const left = { files: new Map(), directories: [] };
    const under = ['write', 'write-synced', 'truncate'].includes(next?.kind) ? this.#files.get(next.inode) : null;
    const walk = (directory, path) => {
      for (const [name, node] of directory.left(random)) {
        if (node instanceof Directory) {
          left.directories.push(`${path}${name}`);
          walk(node, `${path}${name}/`);
        } else {
          const last = node === under ? { ...next, synced: false } : null;
          left.files.set(`${path}${name}`, node.left(random, last, fate));
        }
      }
    };
    walk(this.#root, '');
    return left;
  }
}

/** Makes the files and directories below `root` these, and no others. */
export function putFiles(root, { files, directories }) {
  const found = below(root);
  for (const path of found.files.filter((one) => !files.has(one))) {
    rmSync(join(root, path));
  }
  const wanted = new Set([...directories, '.']);
  const surplus = found.directories.filter((one) => !wanted.has(one));
  for (const path of surplus.filter((one) => wanted.has(dirname(one)))) {
    rmSync(join(root, path), { recursive: true, force: true });
  }
  rmSync(join(root, 'sealreel.sock'), { force: true });
  const there = new Set(found.directories);
  for (const path of directories.filter((one) => !there.has(one))) {
    mkdirSync(join(root, path), { recursive: true, mode: 0o700 });
  }
  for (const [path, bytes] of files) {
    writeFileSync(join(root, path), bytes, { mode: 0o600 });
  }
}
