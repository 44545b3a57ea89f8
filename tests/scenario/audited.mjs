// What the tests of the audit log share: a store with an auditor of its own, and the forms of what it says.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readEntries } from './entries.mjs';
import { parseVerifier } from '../peer/tlog.mjs';
import { Store } from './harness.mjs';

/** A verifier key of the same name and another key: what it should not take, everything else does. */
export function otherKey({ name }) {
  const { publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const id = createHash('sha256').update(name).update(Buffer.of(10, 1)).update(raw).digest().subarray(0, 4);
  return `${name}+${id.toString('hex')}+${Buffer.concat([Buffer.of(1), raw]).toString('base64')}`;
}

export const NEVER = '01936f6e-8c3a-7000-8000-00000000abcd';
export const lines = (text) => text.split('\n').filter((line) => line !== '');
export const ndjson = (text) => lines(text).map((line) => JSON.parse(line));

/** A store with an auditor of its own, and what the tests ask of it. */
export class Audited {
  static async serve() {
    const audited = new Audited();
    audited.store = await Store.serve();
    audited.both = await audited.store.service('ingest,playback', 'clinic');
    audited.auditor = await audited.store.service('audit', 'auditor');
    return audited;
  }

  get key() {
    return `@${this.store.path('auditor.vkey')}`;
  }

  get verifier() {
    return parseVerifier(readFileSync(this.store.path('auditor.vkey'), 'utf8'));
  }

  /** `sealreel audit …` as the auditor; whatever came of it, with its output as text. */
  async audit(args, { credential = this.auditor, ...rest } = {}) {
    const result = await this.store.cli(['audit', ...args], { credential, ...rest });
    return { ...result, out: result.stdout.toString() };
  }

  /** The same where it must succeed: its output. */
  async done(args, options) {
    const { code, signal, out, stderr } = await this.audit(args, options);
    assert.equal(code, 0, `audit ${args[0]} ended with ${code ?? signal}: ${stderr}${out}`);
    return out;
  }

  /** `count` entries more. */
  fill(count, identity = 'filler') {
    return this.store.connected(this.both, async (client) => {
      for (let made = 0; made < count; made++) {
        await client.check(this.store.mint(identity, 'list'), [NEVER]);
      }
    });
  }

  /** Keeps a checkpoint of all there is in the file `name`; its path. */
  async keep(name) {
    const path = this.store.beside(name);
    await this.done(['checkpoint', '--verifier-key', this.key, '-o', path]);
    return path;
  }

  entries() {
    return readEntries(this.store.path('audit', 'records'));
  }
}
