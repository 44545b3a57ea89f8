// `sealreel ingest` outlives its daemon and its connections: whoever records does not notice, and what plays afterwards
// is what was recorded, without a gap or a repeat.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createCipheriv, createHash, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { BIN, BIN_RELEASE, Store, missing, waitFor } from './harness.mjs';
import { ALICE, SOURCE, playedLength } from './tracks.mjs';

const LONG = Boolean(process.env.SEALREEL_LONG);
const MIB = 1024 * 1024;

/** Segments close soon, so that much has become durable when the daemon is killed; the window is the least there is. */
const BRISK = [['store', 'max_delay_ms', '100'], ['limits', 'window_kib', '1024']];

/** What of a process's memory is its own, in KiB. */
const ownMemory = (pid) => Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

/** A listener in front of a store's socket, whose connections can be cut; past `most` bytes nothing reaches the store. */
class Wire {
  #sockets = new Set();

  cuts = 0;

  constructor(store, name, { most = Infinity } = {}) {
    let passed = 0;
    this.path = store.beside(name);
    this.server = createServer((near) => {
      const far = createConnection(store.path('sealreel.sock'));
      for (const [from, to] of [[near, far], [far, near]]) {
        this.#sockets.add(from);
        from.on('error', () => {});
        from.on('close', () => {
          this.#sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
      near.on('data', (data) => {
        passed += data.length;
        if (passed > most) {
          near.unpipe(far);
        }
      });
    }).listen(this.path);
  }

  cut() {
    this.cuts += this.#sockets.size > 0;
    this.#sockets.forEach((socket) => socket.destroy());
  }

  close() {
    this.cut();
    this.server.close();
  }
}

/** `sealreel ingest` under way: what it is fed, what it says, how it ends. */
class Ingest {
  stderr = '';
  stdout = '';

  constructor(store, args, { credential, server = store.server, bin = store.bin } = {}) {
    this.hash = createHash('sha256');
    this.child = spawn(join(bin, 'sealreel'), ['ingest', ...args], {
      env: {
        ...process.env, SEALREEL_SERVER: server, SEALREEL_CREDENTIAL: credential,
        SEALREEL_GRANT: store.mint(ALICE, 'record'),
      },
    });
    this.child.stdout.on('data', (data) => {
      this.stdout += data;
    });
    this.child.stderr.on('data', (data) => {
      this.stderr += data;
    });
    this.child.stdin.on('error', () => {});
    this.over = once(this.child, 'close').then(([code, signal]) => ({ code, signal }));
  }

  get id() {
    return this.stdout.trim();
  }

  /** Whether it has seen `count` losses at least, and come back from each. */
  cameBack(count) {
    const said = (words) => this.stderr.split(words).length - 1;
    return said('connection lost') >= count && said('connected again') === said('connection lost');
  }

  /** Pours `size` bytes into its standard input, `pace` ms between pieces, and more until `until()` says true. */
  async pour(size, { pace = 0, until = () => true } = {}) {
    const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, randomInt(256)), Buffer.alloc(16, randomInt(256)));
    for (let sent = 0; sent < size || !until();) {
      const piece = cipher.update(Buffer.alloc(1 + randomInt(65_536)));
      this.hash.update(piece);
      sent += piece.length;
      if (!this.child.stdin.write(piece)) {
        await Promise.race([once(this.child.stdin, 'drain'), this.over]);
      }
      await delay(pace);
    }
    this.child.stdin.end();
  }
}

/** The SHA-256 of what a recording plays, in hex. */
async function playedHash(store, id, credential) {
  const hash = createHash('sha256');
  const child = spawn(join(store.bin, 'sealreel'), ['play', '--quiet', id, '-o', '-'], {
    env: {
      ...process.env, SEALREEL_SERVER: store.server, SEALREEL_CREDENTIAL: credential,
      SEALREEL_GRANT: store.mint(ALICE, 'play'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.on('data', (data) => hash.update(data));
  const [code] = await once(child, 'close');
  assert.equal(code, 0);
  return hash.digest('hex');
}

/** Nobody was asked to do anything: each loss and each return is one line, and there is nothing else. */
function assertUnnoticed(ingest, { code, signal }) {
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, ingest.stderr);
  const lines = ingest.stderr.split('\n').slice(0, -1);
  for (const line of lines) {
    assert.match(line, /^sealreel: (connection lost; trying again|connected again)$/);
  }
  assert.equal(lines.filter((line) => /lost/.test(line)).length, lines.filter((line) => /again$/.test(line)).length / 2);
  return lines.length / 2;
}

describe('an ingest goes on through losses', { skip: missing() }, () => {
  let store;
  let recorder;
  let player;

  before(async () => {
    store = await Store.serve({ options: BRISK });
    recorder = await store.service('ingest');
    player = await store.service('playback');
  });

  after(() => store?.remove());

  test('of the daemon, killed again and again, and of connections, cut again and again', async () => {
    const kills = LONG ? 100 : 20;
    const size = LONG ? 1024 * MIB : 8 * MIB;
    const wire = new Wire(store, 'wire.sock');
    let killed = 0;
    const all = Array.from({ length: LONG ? 10 : 3 }, (_, at) => new Ingest(store, ['-'], {
      credential: recorder, server: at % 2 === 1 ? `unix:${wire.path}` : store.server,
    }));
    try {
      const pouring = all.map((ingest) => ingest.pour(size, { pace: LONG ? 0 : 2, until: () => killed === kills }));
      await waitFor(() => all.every(({ id }) => id !== ''), { what: 'the ids' });
      for (; killed < kills; killed++) {
        await delay(randomInt(300));
        wire.cut();
        await delay(randomInt(300));
        await store.kill();
        await delay(randomInt(100));
        await store.start();
        // Later kills may fall into the pause between two attempts, which makes them one loss with those before.
        if (killed < kills / 5) {
          await waitFor(() => all.every((ingest) => ingest.cameBack(killed + 1)), { what: 'each ingest\'s return' });
        }
      }
      await Promise.all(pouring);
      for (const ingest of all) {
        const losses = assertUnnoticed(ingest, await ingest.over);
        assert.ok(losses >= kills / 5, `${losses} losses were seen of ${kills} kills`);
        assert.equal(await playedHash(store, ingest.id, player), ingest.hash.digest('hex'));
      }
      assert.ok(wire.cuts > 0);
    } finally {
      wire.close();
      all.forEach(({ child }) => child.kill('SIGKILL'));
    }
  });

  test('of the daemon, told to end in the middle of it', async () => {
    const ingest = new Ingest(store, ['-'], { credential: recorder });
    let restarted = false;
    const pouring = ingest.pour(2 * MIB, { pace: 1, until: () => restarted });
    await waitFor(() => ingest.id !== '', { what: 'the id' });
    await delay(200);
    await store.stop();
    await delay(300);
    await store.start();
    restarted = true;
    await pouring;
    assert.equal(assertUnnoticed(ingest, await ingest.over), 1);
    assert.equal(await playedHash(store, ingest.id, player), ingest.hash.digest('hex'));
  });

  test('and if the daemon stays away, says what is left, and --resume goes on with a file', async () => {
    const file = store.beside('long.webm');
    writeFileSync(file, SOURCE);
    const wire = new Wire(store, 'narrow.sock', { most: 2 * MIB });
    const ingest = new Ingest(store, ['--quiet', '--retry', '1s', file], {
      credential: recorder, server: `unix:${wire.path}`,
    });
    await waitFor(() => ingest.id !== '', { what: 'the id' });
    await waitFor(async () => await playedLength(store, { id: ingest.id }) > MIB, { what: 'something durable' });
    await store.kill();
    const ended = await ingest.over;
    wire.close();
    await store.start();
    assert.equal(ended.code, 6, ingest.stderr);
    // Behind something that accepts and cuts, a daemon that is away looks like one that refuses.
    assert.match(ingest.stderr, new RegExp(`^sealreel: (unavailable|unauthenticated): [ -~]*${ingest.id}[ -~]*\n$`));
    const more = await store.cli(['ingest', '--resume', ingest.id, file], {
      credential: recorder, grant: store.mint(ALICE, 'record'),
    });
    assert.equal(more.code, 0, more.stderr);
    assert.equal(await playedHash(store, ingest.id, player), createHash('sha256').update(SOURCE).digest('hex'));
    const pipe = await store.cli(['ingest', '--resume', ingest.id, '-'], {
      credential: recorder, grant: store.mint(ALICE, 'record'), stdin: 'x',
    });
    assert.notEqual(pipe.code, 0);
  });

  test('and a second signal ends one that waits for the daemon', async () => {
    const ingest = new Ingest(store, ['-'], { credential: recorder });
    ingest.child.stdin.write('some');
    await waitFor(() => ingest.id !== '', { what: 'the id' });
    await store.kill();
    await waitFor(() => /trying again/.test(ingest.stderr), { what: 'the loss' });
    ingest.child.kill('SIGINT');
    await delay(300);
    assert.equal(ingest.child.exitCode ?? ingest.child.signalCode, null, 'it did not wait for what was read');
    ingest.child.kill('SIGINT');
    assert.equal((await ingest.over).signal, 'SIGINT');
    await store.start();
  });

  test('with --retry 0 at none', async () => {
    const ingest = new Ingest(store, ['--retry', '0', '-'], { credential: recorder });
    ingest.child.stdin.write('some');
    await waitFor(() => ingest.id !== '', { what: 'the id' });
    await delay(300);
    const began = Date.now();
    await store.kill();
    const { code } = await ingest.over;
    assert.ok(Date.now() - began < 10_000);
    await store.start();
    assert.equal(code, 6);
    assert.doesNotMatch(ingest.stderr, /trying again/);
  });
});

test('a play goes on through losses of the daemon and of connections, and each byte comes once', { skip: missing() },
  async () => {
    const store = await Store.serve({ options: BRISK });
    const wire = new Wire(store, 'wire.sock');
    const plays = [];
    try {
      const credential = await store.service('ingest,playback');
      const size = 24 * MIB;
      const ingest = new Ingest(store, ['-'], { credential });
      await ingest.pour(size);
      assert.equal((await ingest.over).code, 0, ingest.stderr);
      for (const server of [`unix:${wire.path}`, store.server]) {
        const child = spawn(join(store.bin, 'sealreel'), ['play', ingest.id, '-o', '-'], {
          env: {
            ...process.env, SEALREEL_SERVER: server, SEALREEL_CREDENTIAL: credential,
            SEALREEL_GRANT: store.mint(ALICE, 'play'),
          },
        });
        const play = { child, got: 0, stderr: '', hash: createHash('sha256'), over: once(child, 'close') };
        child.stdout.on('data', (data) => {
          play.got += data.length;
          play.hash.update(data);
          // A slow listener, so that the losses come in the middle.
          child.stdout.pause();
          setTimeout(() => child.stdout.resume(), 2);
        });
        child.stderr.on('data', (data) => {
          play.stderr += data;
        });
        plays.push(play);
      }
      for (let loss = 1; loss <= 3; loss++) {
        await waitFor(() => plays.every(({ got }) => got > loss * 4 * MIB), { what: 'more bytes' });
        wire.cut();
        await store.kill();
        await store.start();
      }
      const wanted = ingest.hash.digest('hex');
      for (const play of plays) {
        const [code] = await play.over;
        assert.equal(code, 0, play.stderr);
        assert.equal(play.hash.digest('hex'), wanted);
        assert.match(play.stderr, /connection lost; trying again\nsealreel: connected again\n/);
      }
    } finally {
      wire.close();
      plays.forEach(({ child }) => child.kill('SIGKILL'));
      await store.remove();
    }
  });

test('while the daemon is away an ingest holds its window, and no more', {
  skip: missing(['sealreeld', 'sealreel'], BIN_RELEASE) || (BIN === BIN_RELEASE && 'there is no release build'),
}, async () => {
  const store = await Store.serve({ bin: BIN_RELEASE, options: BRISK });
  const ingest = new Ingest(store, ['-'], { credential: await store.service('ingest') });
  try {
    let away = false;
    let back = false;
    const pouring = ingest.pour(32 * MIB, { until: () => back });
    await waitFor(() => ingest.id !== '', { what: 'the id' });
    await delay(300);
    await store.kill();
    away = true;
    let most = 0;
    for (const end = Date.now() + 2000; away && Date.now() < end;) {
      most = Math.max(most, ownMemory(ingest.child.pid));
      await delay(20);
    }
    await store.start();
    back = true;
    await pouring;
    const { code } = await ingest.over;
    assert.equal(code, 0, ingest.stderr);
    // The window is kept, and may lie sealed in frames that the socket did not take; the rest is the program's own.
    assert.ok(most < 6 * 1024, `${most} KiB`);
  } finally {
    ingest.child.kill('SIGKILL');
    await store.remove();
  }
});
