// What every scenario needs: a store of its own, its daemon, the command line, and grants with any claims at all.
// Stores lie in a new temporary directory and listen on a socket in it; what a test leaves behind is killed and removed
// when the test's process ends.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createPrivateKey, randomUUID, sign } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from '../peer/client.mjs';
import { Refusal } from '../peer/connection.mjs';

/**
 * How long anything may take that ought to take a moment. Generous: sanitizers are slow, and machines are busy. Less
 * where a test is expected to fail.
 */
export const DEADLINE = Number(process.env.SEALREEL_DEADLINE ?? 60_000);

/** The programs with sanitizers, and those as released, for what is about memory or time. */
export const BIN = process.env.SEALREEL_BIN;
export const BIN_RELEASE = process.env.SEALREEL_BIN_RELEASE ?? BIN;

/** Why the real programs cannot be run here, for a test's `skip`; false if they can. */
export function missing(names = ['sealreeld', 'sealreel'], bin = BIN) {
  if (!bin) {
    return 'SEALREEL_BIN does not name the directory of sealreeld and sealreel';
  }
  const absent = names.find((name) => !existsSync(join(bin, name)));
  return absent ? `${join(bin, absent)} is absent` : false;
}

/** The path of a file in tests/media. */
export const media = (name) => fileURLToPath(new URL(`../media/${name}`, import.meta.url));

const leftovers = new Set();

process.on('exit', () => {
  for (const store of leftovers) {
    store.child?.kill('SIGKILL');
    rmSync(store.root, { recursive: true, force: true });
  }
});

for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) {
  // Without a handler there would be no 'exit'.
  process.once(signal, () => process.exit(1));
}

/** Waits until `condition()` is true (it may be async), and returns what it gave. Throws after `deadline` ms. */
export async function waitFor(condition, { deadline = DEADLINE, what = 'the condition' } = {}) {
  const end = Date.now() + deadline;
  for (;;) {
    const value = await condition();
    if (value) {
      return value;
    }
    if (Date.now() > end) {
      throw new Error(`${what} did not come true within ${deadline} ms`);
    }
    await delay(10);
  }
}

/** { name: value } of a line of name=value pairs, quotes and escapes taken off. Throws for what is not such a line. */
export function parseLine(line) {
  const fields = {};
  const pair = /([a-z_]+)=(?:"((?:[^"\\]|\\.)*)"|([^ "]*))(?: |$)/y;
  while (pair.lastIndex < line.length) {
    const found = pair.exec(line);
    if (!found) {
      throw new Error(`not a line of the log: ${line}`);
    }
    const [, name, quoted, plain] = found;
    fields[name] = plain ?? quoted.replace(/\\(?:x([0-9a-f]{2})|(.))/g,
      (_, hex, char) => (hex ? String.fromCharCode(parseInt(hex, 16)) : char));
  }
  return fields;
}

/**
 * Runs a program to its end: { code, signal, stdout (Buffer), stderr (text) }. `stdin` is bytes or text. Nothing named
 * SEALREEL_… comes from the test's own environment.
 */
export function run(path, args, { env = {}, stdin = '', cwd } = {}) {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('SEALREEL_'));
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { env: { ...Object.fromEntries(own), ...env }, cwd, timeout: DEADLINE });
    const [out, err] = [[], []];
    child.stdout.on('data', (data) => out.push(data));
    child.stderr.on('data', (data) => err.push(data));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code, signal, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() });
    });
    // A program may end without reading all of it.
    child.stdin.on('error', () => {});
    child.stdin.end(stdin);
  });
}

/**
 * A file without a name for what a daemon logs, and its lines. A pipe's end would be read some time after it was
 * written; here everything that was logged before an answer was sent can be seen when the answer is there. Without a
 * name, since the store's own directory may be on a disk that a test has filled.
 */
class Log {
  #lines = [];
  #rest = '';
  #at = 0;

  constructor() {
    const directory = mkdtempSync(join(tmpdir(), 'sealreel-log-'));
    try {
      this.file = openSync(join(directory, 'log'), 'a+');
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  #read() {
    const room = Buffer.alloc(65536);
    for (let size; this.file !== null && (size = readSync(this.file, room, 0, room.length, this.#at)) > 0;) {
      this.#at += size;
      const lines = (this.#rest + room.toString('latin1', 0, size)).split('\n');
      this.#rest = lines.pop();
      this.#lines.push(...lines);
    }
  }

  /** Every line so far that has its end. */
  get lines() {
    this.#read();
    return this.#lines;
  }

  /** No more lines; those that there are stay. */
  close() {
    this.#read();
    if (this.file !== null) {
      closeSync(this.file);
      this.file = null;
    }
  }
}

/** One store, and its daemon while there is one. */
export class Store {
  child = null;
  #log = new Log();
  #services = new Map();

  /**
   * A new store of `sealreel init` with these further arguments, not yet served. `bin`: whose programs; `root`: the
   * directory that it lies in and that goes with it.
   */
  static async make({ bin = BIN, args = [], env = {}, root = mkdtempSync(join(tmpdir(), 'sealreel-')) } = {}) {
    const store = new Store();
    Object.assign(store, { bin, root });
    store.directory = join(store.root, 'store');
    leftovers.add(store);
    const made = await run(join(bin, 'sealreel'), ['init', ...args, store.directory], { env });
    assert.equal(made.code, 0, made.stderr);
    store.id = /^store ([0-9a-f]{32})$/m.exec(made.stdout)[1];
    return store;
  }

  /** A copy of this store as it lies there, which is much quicker than making another. No daemon may run on it. */
  copy() {
    const store = new Store();
    Object.assign(store, { bin: this.bin, id: this.id, root: mkdtempSync(join(tmpdir(), 'sealreel-')) });
    store.directory = join(store.root, 'store');
    leftovers.add(store);
    execFileSync('cp', ['-a', this.directory, store.directory]);
    return store;
  }

  /** Makes a store and starts its daemon; `options` are a list of [section, option, value] to set before. */
  static async serve({ options = [], ...rest } = {}) {
    const store = await Store.make(rest);
    options.forEach((option) => store.set(...option));
    await store.start();
    return store;
  }

  /** Every line the daemons of this store have logged. */
  get log() {
    return this.#log.lines;
  }

  /** A path within the store's directory. */
  path(...names) {
    return join(this.directory, ...names);
  }

  /** The path of another file beside the store, which goes when the store goes. */
  beside(name) {
    return join(this.root, name);
  }

  get server() {
    return `unix:${this.path('sealreel.sock')}`;
  }

  get operator() {
    return this.path('operator.cred');
  }

  /** Sets an option of sealreel.ini, whose section is made if need be; a value of null takes it out. */
  set(section, option, value) {
    const lines = readFileSync(this.path('sealreel.ini'), 'utf8').split('\n');
    let begin = lines.indexOf(`[${section}]`);
    if (begin < 0) {
      begin = lines.push(`[${section}]`) - 1;
    }
    let end = lines.findIndex((line, i) => i > begin && line.startsWith('['));
    end = end < 0 ? lines.length : end;
    const others = lines.slice(begin + 1, end).filter((line) => !line.startsWith(`${option} =`));
    const own = value === null ? [] : [`${option} = ${value}`];
    lines.splice(begin + 1, end - begin - 1, ...own, ...others);
    writeFileSync(this.path('sealreel.ini'), lines.join('\n'));
  }

  /** Starts the daemon and returns when it says that it is ready; throws with its log if it does not. */
  async start({ env = {}, args = [] } = {}) {
    assert.ok(!this.child, 'the daemon runs already');
    const from = this.log.length;
    const child = spawn(join(this.bin, 'sealreeld'), [...args, this.directory], {
      env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', this.#log.file],
    });
    this.child = child;
    this.ended = new Promise((resolve) => {
      child.on('close', (code, signal) => {
        this.child = null;
        resolve({ code, signal });
      });
    });
    await waitFor(() => this.child === null || this.events('ready', from).length > 0, { what: 'event=ready' });
    assert.ok(this.child === child, `sealreeld ended:\n${this.log.slice(from).join('\n')}`);
  }

  get pid() {
    return this.child.pid;
  }

  /** Ends the daemon as a service manager would, which must go well. */
  async stop() {
    const { child, ended } = this;
    if (!child) {
      return;
    }
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE);
    const how = await ended;
    clearTimeout(timer);
    assert.deepEqual(how, { code: 0, signal: null }, this.log.slice(-40).join('\n'));
  }

  /** Ends the daemon like a crash. */
  async kill() {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** Stops the daemon and removes the store. For a test's `after`. */
  async remove() {
    try {
      await this.stop();
    } finally {
      this.#log.close();
      leftovers.delete(this);
      rmSync(this.root, { recursive: true, force: true });
    }
  }

  /** The lines of the log from number `from` on, parsed. Lines that no daemon wrote (a sanitizer's) are left out. */
  lines(from = 0) {
    return this.log.slice(from).filter((line) => line.startsWith('time=')).map(parseLine);
  }

  /** Those of one event. */
  events(name, from = 0) {
    return this.lines(from).filter(({ event }) => event === name);
  }

  /** Waits until at least `count` lines of this event stand in the log from number `from` on; returns them. */
  logged(name, { from = 0, count = 1 } = {}) {
    return waitFor(() => {
      const found = this.events(name, from);
      return found.length >= count && found;
    }, { what: `${count} × event=${name}` });
  }

  /** Runs `sealreel` against this store: { code, signal, stdout, stderr }, whatever came of it. */
  cli(args, { credential, grant, env = {}, ...rest } = {}) {
    return run(join(this.bin, 'sealreel'), args, {
      env: {
        SEALREEL_SERVER: this.server,
        ...(credential && { SEALREEL_CREDENTIAL: credential }),
        ...(grant && { SEALREEL_GRANT: grant }),
        ...env,
      },
      ...rest,
    });
  }

  /** The same where it must succeed; returns its standard output as text, trimmed. */
  async done(args, options) {
    const { code, signal, stdout, stderr } = await this.cli(args, options);
    assert.equal(code, 0, `sealreel ${args[0]} ended with ${code ?? signal}: ${stderr}`);
    return stdout.toString().trim();
  }

  /** The path of the credential of a service of these roles ("ingest,playback"), added when first asked for. */
  async service(roles, name = roles.replaceAll(',', '-')) {
    if (!this.#services.has(name)) {
      const path = this.beside(`${name}.cred`);
      await this.done(['service', 'add', name, '--role', roles, '-o', path], { credential: this.operator });
      this.#services.set(name, path);
    }
    return this.#services.get(name);
  }

  /** The development issuer's key: a JWK with iss and kid. */
  get issuer() {
    return JSON.parse(readFileSync(this.path('dev-issuer.jwk'), 'utf8'));
  }

  /**
   * A grant for `identity` and these scopes ("list play"), signed here. `claims` and `header` go over what is usual; a
   * value of undefined leaves a claim out. `key`: another issuer's JWK.
   */
  mint(identity, scope, { claims = {}, header = {}, key = this.issuer } = {}) {
    const now = Math.floor(Date.now() / 1000);
    const parts = [
      { alg: 'EdDSA', typ: 'sealreel-grant+jwt', kid: key.kid, ...header },
      {
        iss: key.iss, sub: identity, aud: this.id, iat: now, exp: now + 900, jti: randomUUID(), scope,
        act: { sub: 'dr-scenario', role: 'clinician' }, ...claims,
      },
    ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
    const signature = sign(null, Buffer.from(parts.join('.')), createPrivateKey({ key, format: 'jwk' }));
    return [...parts, signature.toString('base64url')].join('.');
  }

  /** The same by the command line; `args` are further arguments of `sealreel grant`. */
  grant(identity, scope, args = []) {
    return this.done(['grant', '--issuer-key', this.path('dev-issuer.jwk'), '--patient', identity,
      '--scope', scope.replaceAll(' ', ','), '--act', 'clinician:dr-scenario', ...args], { credential: this.operator });
  }

  /** Runs `body(client)` with a connection of the second-language client, closed after it; returns what it gave. */
  async connected(credential, body) {
    const client = await Client.connect(credential);
    try {
      return await body(client);
    } finally {
      await client.close();
    }
  }

  /** The daemon's counters by name. */
  stats() {
    return this.connected(this.operator, (client) => client.stats());
  }

  /**
   * Records for `identity` through `client` (of a service that may ingest): one track per element of `tracks`
   * ({ media, type, label, start }), finished unless `finish` is false. Returns the recording's id.
   */
  async record(client, identity, { tracks, label = '', finish = true, claims } = {}) {
    const recording = await client.record(this.mint(identity, 'record', { claims }), { label });
    for (const { media: bytes, type = 'video/webm', label: words = '', start = 0 } of tracks) {
      const writer = await recording.track({ type, label: words, start });
      await writer.append(bytes);
      await writer.close();
    }
    if (finish) {
      await recording.finish();
    }
    return recording.id;
  }
}

/** For assert.rejects: the daemon refused with this code. */
export const refused = (code) => (error) => error instanceof Refusal && error.code === code;
