// Sealing in both directions between the C code, this client, and libsodium's own AES-256-GCM.
// Needs peer-seal-tool in the directory that SEALREEL_BIN names.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { CHUNK, TAG, HEADER, SALT, open, seal } from './chunked.mjs';

const tool = join(process.env.SEALREEL_BIN ?? '', 'peer-seal-tool');

// Around every edge of a chunk, and a few chunks more.
const LENGTHS = [0, 1, 15, 16, 17, 100, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 3 * CHUNK + 777, 300000];
const CONTEXTS = [Buffer.alloc(0), Buffer.of(0), Buffer.from('sealreel'), randomBytes(200)];

/** Runs `body(ask)`; ask(command, key, salt, context, data) resolves to bytes, 'refused' or 'unavailable'. */
async function withTool(t, body) {
  if (!existsSync(tool)) {
    t.skip(`${tool} is absent: set SEALREEL_BIN`);
    return;
  }
  const child = spawn(tool, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (command, ...operands) => {
    child.stdin.write(`${[command, ...operands.map((bytes) => bytes.toString('hex') || '-')].join(' ')}\n`);
    const { value, done } = await lines.next();
    assert.ok(!done, `${command}: the tool ended`);
    return value.startsWith('ok') ? Buffer.from(value.slice(3), 'hex') : value;
  };
  try {
    await body(ask);
  } finally {
    child.stdin.end();
    assert.equal(await ended, 0);
  }
}

const NONE = Buffer.alloc(0);

/** One line per case: every length under one context each, and every context under one length each. */
function* cases() {
  for (const [i, length] of LENGTHS.entries()) {
    yield { context: CONTEXTS[i % CONTEXTS.length], message: randomBytes(length), key: randomBytes(32) };
  }
  for (const context of CONTEXTS) {
    yield { context, message: randomBytes(20000), key: randomBytes(32) };
  }
}

test('what C seals, Node seals to the same bytes, and each opens the other\'s', async (t) => {
  await withTool(t, async (ask) => {
    for (const { key, context, message } of cases()) {
      const salt = randomBytes(SALT);
      const ours = seal(key, context, message, salt);
      const theirs = await ask('seal', key, salt, context, message);
      assert.ok(ours.equals(theirs), `${message.length} bytes`);
      assert.ok(open(key, context, theirs).equals(message));
      assert.ok(message.equals(await ask('open', key, NONE, context, ours)));
    }
  });
});

test('the streams of C, fed in uneven pieces, and Node open each other\'s messages', async (t) => {
  await withTool(t, async (ask) => {
    for (const { key, context, message } of cases()) {
      const theirs = await ask('stream-seal', key, NONE, context, message);
      assert.ok(open(key, context, theirs).equals(message), `${message.length} bytes`);
      assert.ok(message.equals(await ask('stream-open', key, NONE, context, seal(key, context, message))));
    }
  });
});

test('libsodium\'s AES-256-GCM, C and Node open each other\'s messages', async (t) => {
  await withTool(t, async (ask) => {
    for (const { key, context, message } of cases()) {
      const salt = randomBytes(SALT);
      const ours = seal(key, context, message, salt);
      const sodium = await ask('sodium-seal', key, salt, context, message);
      if (sodium === 'unavailable') {
        t.skip('this processor lacks what libsodium needs for AES-256-GCM');
        return;
      }
      assert.ok(ours.equals(sodium), `${message.length} bytes`);
      assert.ok(message.equals(await ask('open', key, NONE, context, sodium)));
      assert.ok(message.equals(await ask('sodium-open', key, NONE, context, ours)));
    }
  });
});

test('damage, another key and another context are refused by all of them', async (t) => {
  await withTool(t, async (ask) => {
    const [key, context] = [randomBytes(32), Buffer.from('cross')];
    const sealed = seal(key, context, randomBytes(CHUNK + 3));
    const damages = [0, SALT, HEADER, HEADER + CHUNK + TAG, sealed.length - 1].map((at) => {
      const damaged = Buffer.from(sealed);
      damaged[at] ^= 0x80;
      return [key, context, damaged];
    });
    const cuts = [0, SALT, HEADER - 1, HEADER, HEADER + TAG, HEADER + CHUNK + TAG, sealed.length - 1]
      .map((size) => [key, context, sealed.subarray(0, size)]);
    const others = [[randomBytes(32), context, sealed], [key, Buffer.from('cros'), sealed]];
    const commands = ['open', 'stream-open'];
    if ((await ask('sodium-seal', key, randomBytes(SALT), context, NONE)) !== 'unavailable') {
      commands.push('sodium-open');
    }
    for (const [k, c, bytes] of [...damages, ...cuts, ...others]) {
      assert.throws(() => open(k, c, bytes));
      for (const command of commands) {
        assert.equal(await ask(command, k, NONE, c, bytes), 'refused', `${command}, ${bytes.length} bytes`);
      }
    }
  });
});
