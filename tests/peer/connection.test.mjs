// A connection against a daemon made of this client's own parts: pings, lies about streams, bodies, and every bad end.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Connection, Cut, Refusal } from './connection.mjs';
import { Responder, keyPair } from './noise.mjs';
import { PREAMBLE } from './session.mjs';
import { ProtocolError, decode, encode } from './wire.mjs';

/**
 * Connects to a daemon that shakes hands and then does `serve({ say, hear, write, end })`: say(name, …) sends a
 * message, hear() resolves to the client's next one, write(bytes) sends bytes as they are. Calls `body(connection)`.
 */
async function against(serve, body) {
  const directory = await mkdtemp(join(tmpdir(), 'sealreel-peer-'));
  const path = join(directory, 'socket');
  const [identity, psk, store] = [keyPair(), randomBytes(32), randomBytes(16)];
  const server = net.createServer((socket) => daemon(socket, { identity, psk, store, serve }).catch((error) => {
    socket.destroy(error);
  }));
  server.listen(path);
  await once(server, 'listening');
  try {
    const connection = await Connection.open({
      address: `unix:${path}`, store, serverKey: identity.publicKey, secretKey: randomBytes(32), psk,
    });
    await body(connection);
    connection.fail(new Error('the test is over'));
  } finally {
    server.close();
    await rm(directory, { recursive: true });
  }
}

async function daemon(socket, { identity, psk, store, serve }) {
  let had = Buffer.alloc(0);
  const source = socket[Symbol.asyncIterator]();
  const read = async (size) => {
    while (had.length < size) {
      const { value, done } = await source.next();
      if (done) {
        throw new Error('the client is gone');
      }
      had = Buffer.concat([had, value]);
    }
    const taken = had.subarray(0, size);
    had = had.subarray(size);
    return taken;
  };
  const handshake = new Responder({ prologue: Buffer.concat([PREAMBLE, store]), s: identity });
  const hello = await read(PREAMBLE.length + 96);
  handshake.readMessage1(hello.subarray(PREAMBLE.length));
  const { message, send, receive } = handshake.writeMessage2(psk);
  socket.write(message);
  await serve({
    say(...what) {
      const sealed = send.encrypt(encode(...what));
      const size = Buffer.alloc(2);
      size.writeUInt16BE(sealed.length);
      socket.write(Buffer.concat([size, sealed]));
    },
    hear: async () => decode(receive.decrypt(await read((await read(2)).readUInt16BE())), 'C'),
    write: (bytes) => socket.write(bytes),
    end: () => socket.end(),
  });
}

const body = { track: 1, segment: 0, chunk: 0, length: 20 };

test('a ping is answered with a pong of the same request', async () => {
  let pong;
  await against(async ({ say, hear }) => {
    say('ping', 0, 77n);
    pong = await hear();
    say('goodbye', 0, 0n, { code: 'ok', text: 'enough' });
  }, async (connection) => {
    await connection.over;
    assert.deepEqual(pong, { name: 'pong', stream: 0, request: 77n });
  });
});

test('answers find who asked, in any order, and bodies their raw bytes', async () => {
  const raw = randomBytes(20);
  await against(async ({ say, hear, write }) => {
    const [first, second] = [await hear(), await hear()];
    say('health.reply', 0, second.request, { code: 'ok', text: 'second' });
    say('error', 0, first.request, { code: 'busy', ended: false, retryMs: 5, text: 'first' });
    const { stream, request } = await hear();
    say('play.body', stream, request, body);
    write(raw.subarray(0, 7));
    write(raw.subarray(7));
    say('closed', stream, request, { durable: 0 });
  }, async (connection) => {
    const busy = assert.rejects(connection.request('health', {}, 'health.reply'), { code: 'busy', retryMs: 5 });
    assert.equal((await connection.request('health', {}, 'health.reply')).text, 'second');
    await busy;
    const stream = connection.stream();
    await stream.send('close', {});
    assert.deepEqual((await stream.next('play.body')).raw, raw);
    assert.equal((await stream.next('closed')).durable, 0);
  });
});

const frame = (size) => Buffer.concat([Buffer.of(0, size), randomBytes(size)]);

// What the daemon does after the handshake, and the kind of error that all who wait get.
const ENDS = {
  'a goodbye': [({ say }) => say('goodbye', 0, 0n, { code: 'unavailable', text: 'ending' }), Refusal],
  'an end without a goodbye': [({ end }) => end(), Cut],
  'an end within a frame': [({ write, end }) => (write(Buffer.of(0)), end()), Cut],
  'a frame that does not open': [({ write }) => write(frame(29)), ProtocolError],
  'a frame that is too short': [({ write }) => write(frame(28)), ProtocolError],
  'an answer to nothing': [({ say }) => say('pong', 0, 5n), ProtocolError],
  'a message on a stream that is not open': [({ say }) => say('closed', 9, 5n, { durable: 0 }), ProtocolError],
  'a body on a stream that is not open': [({ say }) => say('play.body', 9, 5n, body), ProtocolError],
  'a client\'s message': [({ say }) => say('stats', 0, 5n), ProtocolError],
  'an end within a body': [async ({ say, write, end, request }) => {
    say('play.body', 1, request, body);
    write(randomBytes(19));
    end();
  }, Cut],
};

for (const [what, [serve, kind]] of Object.entries(ENDS)) {
  test(`ends a connection, and whoever waits: ${what}`, async () => {
    await against(async (daemonSide) => {
      const { request } = await daemonSide.hear();
      await serve({ ...daemonSide, request });
    }, async (connection) => {
      const stream = connection.stream();
      await stream.send('play.table', { track: 1, from: 0, want: 0 });
      await assert.rejects(stream.next('play.table.reply'), kind);
      assert.ok((await connection.over) instanceof kind);
      await assert.rejects(connection.request('ping', {}, 'pong'), kind);
    });
  });
}

test('a reply of another kind than asked for ends the connection', async () => {
  await against(async ({ say, hear }) => {
    say('stats.reply', 0, (await hear()).request, { counters: [] });
  }, async (connection) => {
    await assert.rejects(connection.request('health', {}, 'health.reply'), ProtocolError);
    assert.ok((await connection.over) instanceof ProtocolError);
  });
});
