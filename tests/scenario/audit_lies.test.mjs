// A store that lies to its auditor: it says whatever it likes over a good connection, and signs whatever it likes with a
// good key. The commands have to notice all that does not fit together.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Responder, keyPair } from '../peer/noise.mjs';
import { PREAMBLE } from '../peer/session.mjs';
import { leafHash, rootOf } from '../peer/tlog.mjs';
import { decode, encode } from '../peer/wire.mjs';
import { BIN, missing, run } from './harness.mjs';

const HELLO = PREAMBLE.length + 32 + 48 + 16;
const NOBODY = Buffer.alloc(32);

/** RFC 6962, 2.1.2, word for word. */
function consistencyProof(old, leaves, known = true) {
  if (old === leaves.length) {
    return known ? [] : [rootOf(leaves)];
  }
  let split = 1;
  while (2 * split < leaves.length) {
    split *= 2;
  }
  return old <= split
    ? [...consistencyProof(old, leaves.slice(0, split), known), rootOf(leaves.slice(split))]
    : [...consistencyProof(old - split, leaves.slice(split), false), rootOf(leaves.slice(0, split))];
}

/** RFC 6962, 2.1.1. */
function inclusionProof(number, leaves) {
  if (leaves.length <= 1) {
    return [];
  }
  let split = 1;
  while (2 * split < leaves.length) {
    split *= 2;
  }
  return number < split
    ? [...inclusionProof(number, leaves.slice(0, split)), rootOf(leaves.slice(split))]
    : [...inclusionProof(number - split, leaves.slice(split)), rootOf(leaves.slice(0, split))];
}

class Liar {
  constructor() {
    Object.assign(this, { id: randomBytes(16), server: keyPair(), clientSecret: randomBytes(32), psk: randomBytes(32) });
    this.signer = generateKeyPairSync('ed25519');
    this.origin = `sealreel/${this.id.toString('hex')}`;
    this.root = mkdtempSync(join(tmpdir(), 'sealreel-'));
    this.entries = Array.from({ length: 10 }, (_, number) => this.entry(number));
  }

  entry(number, rest = {}) {
    return Buffer.from(JSON.stringify({ number, time: 1795224000000 + number, kind: 'presented', operation: 'list', ...rest }));
  }

  get key() {
    return this.signer.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  }

  get keyId() {
    return createHash('sha256').update(this.origin).update(Buffer.of(10, 1)).update(this.key).digest().subarray(0, 4);
  }

  get vkey() {
    return `${this.origin}+${this.keyId.toString('hex')}+${Buffer.concat([Buffer.of(1), this.key]).toString('base64')}`;
  }

  /** A checkpoint of these entries, signed by this key or another. */
  note(entries = this.entries, { signer = this.signer, root = rootOf(entries.map(leafHash)), size = entries.length } = {}) {
    const text = `${this.origin}\n${size}\n${root.toString('base64')}\n`;
    const signature = sign(null, Buffer.from(text), signer.privateKey);
    return `${text}\n\u2014 ${this.origin} ${Buffer.concat([this.keyId, signature]).toString('base64')}\n`;
  }

  async listen() {
    this.listener = net.createServer((socket) => this.#serve(socket));
    await new Promise((resolve) => { this.listener.listen(join(this.root, 'socket'), resolve); });
    this.credential = join(this.root, 'auditor.cred');
    writeFileSync(this.credential, `sealreel-credential 1\nname auditor\naddress unix:${join(this.root, 'socket')}\n` +
      `store ${this.id.toString('hex')}\nserver-key ${this.server.publicKey.toString('hex')}\n` +
      `secret-key ${this.clientSecret.toString('hex')}\npsk ${this.psk.toString('hex')}\n`, { mode: 0o600 });
  }

  close() {
    this.listener.close();
    rmSync(this.root, { recursive: true });
  }

  #serve(socket) {
    let bytes = Buffer.alloc(0);
    let reply = null;
    socket.on('error', () => {});
    socket.on('data', (data) => {
      bytes = Buffer.concat([bytes, data]);
      if (!reply && bytes.length >= HELLO) {
        const responder = new Responder({ prologue: Buffer.concat([PREAMBLE, this.id]), s: this.server });
        responder.readMessage1(bytes.subarray(PREAMBLE.length, HELLO));
        bytes = bytes.subarray(HELLO);
        reply = responder.writeMessage2(this.psk);
        socket.write(reply.message);
      }
      while (reply && bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE()) {
        const size = bytes.readUInt16BE();
        const message = decode(reply.receive.decrypt(bytes.subarray(2, 2 + size)), 'C');
        bytes = bytes.subarray(2 + size);
        const answer = this.#answer(message);
        if (answer) {
          const sealed = reply.send.encrypt(encode(answer[0], 0, message.request, answer[1]));
          const two = Buffer.alloc(2);
          two.writeUInt16BE(sealed.length);
          socket.write(Buffer.concat([two, sealed]));
        }
      }
    });
  }

  /** What an honest store says, unless `lies` has something else for this. */
  #answer(message) {
    const { name } = message;
    const size = this.entries.length;
    const leaves = this.entries.map(leafHash);
    const honest = {
      'audit.checkpoint': () => ['audit.signed', { note: Buffer.from(this.note()), key: this.key }],
      'audit.read': () => {
        const to = message.to === 0n ? size : Math.min(Number(message.to), size);
        const from = Math.min(Number(message.from), to);
        const page = this.entries.slice(from, Math.min(from + 4, to)).map((json, i) => ({ number: from + i, json }));
        return ['audit.entries', { size, next: from + page.length, patient: NOBODY, actor: NOBODY, entries: page }];
      },
      'audit.proof': () => ['audit.proved', {
        note: Buffer.from(this.note()), hashes: inclusionProof(Number(message.number), leaves),
      }],
      'audit.consistency': () => ['audit.consistent', {
        note: Buffer.from(this.note()),
        hashes: message.old === 0n ? [] : consistencyProof(Number(message.old), leaves.slice(0, Number(message.size) || size)),
      }],
    }[name];
    const answer = honest?.();
    return answer && (this.lies?.[name]?.(answer[1], message) ?? answer);
  }

  /** `sealreel audit …` against this store, whose answers `lies` changes: { code, found, stderr, out }. */
  async audit(args, lies = {}) {
    this.lies = lies;
    const { code, stdout, stderr } = await run(join(BIN, 'sealreel'), ['audit', ...args],
      { env: { SEALREEL_CREDENTIAL: this.credential, SEALREEL_VERIFIER_KEY: this.vkey } });
    const out = stdout.toString();
    const found = out.split('\n').filter((line) => line.startsWith('{"finding"')).map((line) => JSON.parse(line).finding);
    return { code, found, stderr, out };
  }
}

describe('a store that lies', { skip: missing(['sealreel']) }, () => {
  let liar;
  let kept;
  before(async () => {
    liar = new Liar();
    await liar.listen();
    kept = join(liar.root, 'kept.note');
    writeFileSync(kept, liar.note(liar.entries.slice(0, 6)));
  });
  after(() => liar?.close());

  const verify = (lies, ...args) => liar.audit(['verify', '--json', ...args], lies);
  const page = (change) => ({ 'audit.read': (answer, message) => ['audit.entries', change(answer, message)] });

  test('and when it does not, is verified', async () => {
    for (const args of [[], ['--checkpoint', kept], ['--checkpoint', kept, '--quick']]) {
      const { code, found, stderr } = await verify({}, ...args);
      assert.deepEqual([code, found], [0, []], stderr);
    }
    assert.equal((await liar.audit(['proof', '3'])).code, 0);
    assert.equal((await liar.audit(['tail', '-n', '3'])).code, 0);
  });

  test('with entries that it changed, exchanged, left out or made up', async () => {
    const cases = [
      ['changed', page((answer) => {
        answer.entries.filter(({ number }) => number === 2).forEach((entry) => { entry.json = liar.entry(2, { service: 'x' }); });
        return answer;
      }), 'root'],
      ['left out', page((answer) => ({ ...answer, entries: answer.entries.filter(({ number }) => number !== 2) })), 'record'],
      ['left out at the end', page((answer) => ({ ...answer, entries: answer.entries.filter(({ number }) => number !== 9) })), 'record'],
      ['left out all', page((answer) => ({ ...answer, next: answer.size, entries: [] })), 'record'],
      ['made up behind the last', page((answer, { to }) => (answer.next < Number(to) ? answer : {
        ...answer, size: 11, next: 11, entries: [...answer.entries, { number: 10, json: liar.entry(10) }],
      })), 'record'],
    ];
    for (const [name, lies, word] of cases) {
      const { code, found, stderr } = await verify(lies);
      assert.deepEqual([code, found], [1, [word]], `${name}: ${stderr}`);
    }
  });

  test('with pages that make no sense: it fails, and does not go round for ever', async () => {
    const cases = [
      page((answer) => ({ ...answer, next: 0, entries: [] })),
      page((answer) => ({ ...answer, next: 0 })),
      page((answer) => ({ ...answer, entries: answer.entries.toReversed() })),
      page((answer) => ({ ...answer, entries: answer.entries.map(({ json }) => ({ number: 0, json })) })),
      page((answer) => ({ ...answer, entries: answer.entries.map(({ number }) => ({ number, json: liar.entry(number + 1) })) })),
      page((answer) => ({ ...answer, entries: answer.entries.map(({ number }) => ({ number, json: Buffer.from('{}') })) })),
    ];
    for (const [i, lies] of cases.entries()) {
      for (const args of [['verify', '--json'], ['export']]) {
        const { code, stderr, found } = await liar.audit(args, lies);
        assert.equal(code, 1, `case ${i} of ${args[0]}`);
        assert.ok(found.includes('record') || /^sealreel: corrupt: entry [0-9]+: /.test(stderr), `case ${i} of ${args[0]}`);
      }
    }
  });

  test('with a checkpoint that is not signed, or of another tree', async () => {
    const signed = (note) => ({ 'audit.checkpoint': (answer) => ['audit.signed', { ...answer, note: Buffer.from(note) }] });
    const stranger = generateKeyPairSync('ed25519');
    for (const [note, word] of [
      [liar.note(liar.entries, { signer: stranger }), 'checkpoint'],
      [liar.note(liar.entries, { root: randomBytes(32) }), 'root'],
      [liar.note().replace(/\n10\n/, '\n9\n'), 'checkpoint'],
      ['nothing of the kind', 'checkpoint'],
    ]) {
      const { code, found } = await verify(signed(note));
      assert.equal(code, 1, note);
      assert.equal(found[0], word, note);
    }
    const { code, found } = await verify(signed(liar.note(liar.entries.slice(0, 5))), '--checkpoint', kept);
    assert.deepEqual([code, found], [1, ['shorter']]);
  });

  test('with another past than it had signed', async () => {
    const honest = liar.entries;
    liar.entries = honest.with(2, liar.entry(2, { service: 'x' }));
    try {
      // By itself it is whole: signed, every entry in its tree. Only what was kept tells.
      assert.equal((await verify({})).code, 0);
      for (const args of [[], ['--quick']]) {
        const { code, found } = await verify({}, '--checkpoint', kept, ...args);
        assert.deepEqual([code, found], [1, ['rewritten']], args.join());
      }
      const bogus = { 'audit.consistency': (answer) => ['audit.consistent', { ...answer, hashes: [randomBytes(32)] }] };
      assert.deepEqual((await verify(bogus, '--checkpoint', kept, '--quick')).found, ['rewritten']);
    } finally {
      liar.entries = honest;
    }
  });

  test('with a proof of something else', async () => {
    for (const change of [
      (answer) => ({ ...answer, hashes: answer.hashes.with(0, randomBytes(32)) }),
      (answer) => ({ ...answer, hashes: answer.hashes.slice(1) }),
      (answer) => ({ ...answer, note: Buffer.from(liar.note(liar.entries.slice(0, 9))) }),
    ]) {
      const { code, out } = await liar.audit(['proof', '3'], { 'audit.proof': (answer) => ['audit.proved', change(answer)] });
      assert.deepEqual([code, out], [1, ''], 'nothing is printed that does not hold');
    }
  });
});
