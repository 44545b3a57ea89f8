// A real store with the real programs around it: made by the command line, served by sealreeld, gone after the test.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const DEADLINE = 60_000;

/** Why the real programs cannot be used here, or null. */
export function missing() {
  const bin = process.env.SEALREEL_BIN;
  if (!bin) {
    return 'SEALREEL_BIN does not name the directory of sealreeld and sealreel';
  }
  const absent = ['sealreeld', 'sealreel'].find((name) => !existsSync(join(bin, name)));
  return absent ? `${join(bin, absent)} is absent` : null;
}

/** Runs a program to its end: { status, stdout (Buffer), stderr (text) }. */
export function run(name, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(join(process.env.SEALREEL_BIN, name), args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: DEADLINE,
    });
    const [out, err] = [[], []];
    child.stdout.on('data', (data) => out.push(data));
    child.stderr.on('data', (data) => err.push(data));
    child.on('error', reject);
    child.on('close', (status) => {
      resolve({ status, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() });
    });
  });
}

/** One store and its daemon. */
export class Daemon {
  /** Makes a store in a directory of its own, and starts the daemon on it. */
  static async start() {
    const daemon = new Daemon();
    daemon.root = await mkdtemp(join(tmpdir(), 'sealreel-peer-'));
    daemon.store = join(daemon.root, 'store');
    try {
      await daemon.cli(['init', daemon.store], {});
      await daemon.#serve();
    } catch (error) {
      await daemon.stop();
      throw error;
    }
    return daemon;
  }

  get server() {
    return `unix:${join(this.store, 'sealreel.sock')}`;
  }

  /** Ready is what its log says, on a line of its own. */
  async #serve() {
    this.log = [];
    this.child = spawn(join(process.env.SEALREEL_BIN, 'sealreeld'), [this.store], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.ended = new Promise((resolve) => this.child.on('close', resolve));
    const ready = new Promise((resolve) => {
      createInterface({ input: this.child.stderr }).on('line', (line) => {
        this.log.push(line);
        if (/\bready\b/.test(line)) {
          resolve(true);
        }
      });
    });
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, DEADLINE, false);
    });
    const up = await Promise.race([ready, late, this.ended.then(() => false)]);
    clearTimeout(timer);
    if (!up) {
      throw new Error(`sealreeld did not get ready:\n${this.log.join('\n')}`);
    }
  }

  /** Runs the command line as the service of `credential`; throws unless it succeeds. Returns its stdout. */
  async cli(args, { credential, grant } = {}) {
    const env = { SEALREEL_SERVER: this.server };
    if (credential) {
      env.SEALREEL_CREDENTIAL = credential;
    }
    if (grant) {
      env.SEALREEL_GRANT = grant;
    }
    const { status, stdout, stderr } = await run('sealreel', args, env);
    if (status !== 0) {
      throw new Error(`sealreel ${args[0]} ended with ${status}: ${stderr}`);
    }
    return stdout;
  }

  /** A new service: the path of its credential. */
  async service(name, roles) {
    const path = join(this.root, `${name}.cred`);
    await this.cli(['service', 'add', name, '--role', roles, '-o', path], {
      credential: join(this.store, 'operator.cred'),
    });
    return path;
  }

  /** A token for one patient. */
  async grant(patient, scope, credential) {
    const token = await this.cli(['grant', '--issuer-key', join(this.store, 'dev-issuer.jwk'), '--patient', patient,
      '--scope', scope, '--act', 'clinician:peer-test'], { credential });
    return token.toString().trim();
  }

  /** Ends the daemon, waits for it, and removes the store. Returns the daemon's exit status. */
  async stop() {
    let status = null;
    if (this.child) {
      this.child.kill('SIGTERM');
      status = await this.ended;
    }
    await rm(this.root, { recursive: true, force: true });
    return status;
  }
}
