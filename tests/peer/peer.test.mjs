// The second-language client against the real daemon and the real command line: one store, one call, two patients.
// Needs SEALREEL_BIN, the directory of sealreeld and sealreel.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { CHUNK } from './chunked.mjs';
import { Client, readCredential } from './client.mjs';
import { Connection } from './connection.mjs';
import { keyPair } from './noise.mjs';
import { ROLES } from './wire.mjs';
import { newRecordingId } from './writer.mjs';
import { Store, media, missing, refused } from '../scenario/harness.mjs';

const skip = missing();
const AUDIO = media('call-audio.webm');
const VIDEO = media('call-video.webm');
const ALICE = 'https://clinic.example/mrn|alice';
const BOB = 'https://clinic.example/mrn|bob';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** HOST:PORT that is free: on a loopback address of its own, where nobody takes the port in the meantime. */
async function freeAddress() {
  const host = ['127', ...randomBytes(3).map((byte) => 1 + (byte % 250))].join('.');
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return `${host}:${port}`;
}

let store;
let tcp;
let ingest;
let playback;
// The recording that the command line made: Alice's call, which turned to video.
let call;

before(async () => {
  if (skip) {
    return;
  }
  tcp = await freeAddress();
  store = await Store.serve({ options: [['listen', 'tcp', tcp]] });
  ingest = await store.service('ingest');
  playback = await store.service('playback');
  const grant = await store.grant(ALICE, 'record');
  const as = { credential: ingest, grant };
  call = await store.done(['ingest', '--quiet', '--no-finish', '--label', 'call', AUDIO], as);
  await store.done(['ingest', '--quiet', '--recording', call, '--start-at', '7', VIDEO], as);
}, { timeout: 120_000 });

after(() => store?.remove());

test('lists, describes and checks what the command line recorded', { skip }, async () => {
  const grant = await store.grant(ALICE, 'list');
  await store.connected(playback, async (client) => {
    const { recordings, withheld } = await client.list(grant);
    assert.equal(withheld, 0);
    assert.deepEqual(recordings.map(({ recording }) => recording), [call]);
    const [entry] = recordings;
    assert.equal(entry.state, 'finished');
    assert.equal(entry.label, 'call');
    assert.equal(entry.tracks.length, 2);
    assert.deepEqual(entry.tracks.map(({ length }) => length), [AUDIO, VIDEO].map((file) => readFileSync(file).length));
    assert.equal(entry.tracks[1].start, 7000);

    const info = await client.info(grant, call);
    assert.deepEqual(info.entry, entry);
    assert.deepEqual(await client.check(grant, [newRecordingId(), call]), [false, true]);
  });
});

test('plays both tracks, byte for byte', { skip }, async () => {
  const grant = await store.grant(ALICE, 'play');
  await store.connected(playback, async (client) => {
    const player = await client.play(grant, call);
    for (const [i, file] of [AUDIO, VIDEO].entries()) {
      const { track } = player.entry.tracks[i];
      const { length, state } = await player.update(track);
      const source = readFileSync(file);
      assert.deepEqual({ length, state }, { length: source.length, state: 'finished' });
      assert.equal(sha256(await player.readAll(track)), sha256(source));
    }
    await player.close();
  });
});

test('plays ranges at the edges of chunks and of the track', { skip }, async () => {
  const grant = await store.grant(ALICE, 'play');
  const source = readFileSync(VIDEO);
  const edges = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK, 5 * CHUNK + 77, source.length - 1, source.length];
  await store.connected(playback, async (client) => {
    const player = await client.play(grant, call);
    const { track } = player.entry.tracks[1];
    await player.update(track);
    for (const from of edges) {
      for (const to of edges.filter((edge) => edge >= from)) {
        const got = await player.readAll(track, from, to);
        assert.ok(got.equals(source.subarray(from, to)), `${from} to ${to}`);
      }
    }
    await player.close();
  });
});

test('records what the command line plays back', { skip }, async () => {
  const recording = await store.grant(BOB, 'record');
  const sources = [randomBytes(3 * CHUNK + 11), randomBytes(CHUNK)];
  let id;
  await store.connected(ingest, async (client) => {
    const made = await client.record(recording, { label: 'from the second client' });
    id = made.id;
    for (const [i, source] of sources.entries()) {
      const writer = await made.track({ type: 'video/webm', label: `track ${i}`, start: 1000 * i });
      await writer.append(source.subarray(0, 100), 0);
      assert.equal(await writer.sync(), 100);
      await writer.append(source.subarray(100));
      assert.equal(await writer.close(), source.length);
    }
    assert.equal((await made.finish()).tracks, 2);
    // Every request can be repeated: the answer is the same.
    assert.equal((await made.finish()).tracks, 2);
  });
  const grant = await store.grant(BOB, 'play');
  for (const [i, source] of sources.entries()) {
    const out = store.beside(`track-${i}`);
    await store.done(['play', '--quiet', id, '--track', String(i + 1), '-o', out], { credential: playback, grant });
    assert.equal(sha256(readFileSync(out)), sha256(source));
  }
});

test('goes on writing a track that its writer lost, and follows it as it grows', { skip }, async () => {
  const record = await store.grant(BOB, 'record');
  const play = await store.grant(BOB, 'play');
  const source = randomBytes(5 * CHUNK);
  await store.connected(ingest, async (client) => {
    const made = await client.record(record);
    const lost = await made.track({ type: 'audio/webm' });
    await lost.append(source.subarray(0, 20000));
    await lost.sync();
    await store.connected(playback, async (reader) => {
      const player = await reader.play(play, made.id);
      assert.deepEqual(await player.update(lost.track), { length: 20000, state: 'unfinished' });
      assert.ok((await player.readAll(lost.track)).equals(source.subarray(0, 20000)));

      const writer = await made.resume(lost.track);
      assert.ok(writer.generation > lost.generation);
      assert.equal(writer.offset, 20000);
      await assert.rejects(lost.sync(), refused('conflict'));
      await writer.append(source.subarray(20000));
      await writer.close();
      await made.finish();

      let known;
      do {
        known = await player.update(lost.track, { wait: true });
      } while (known.state !== 'finished');
      assert.equal(known.length, source.length);
      assert.ok((await player.readAll(lost.track)).equals(source));
      await player.close();
    });
  });
});

test('renews the grant of a stream, but not by another patient\'s', { skip }, async () => {
  const ends = Math.floor(Date.now() / 1000) + 1000;
  const newer = (patient, scope) => store.mint(patient, scope, { claims: { exp: ends } });
  const source = randomBytes(1000);
  await store.connected(ingest, async (client) => {
    const made = await client.record(store.mint(BOB, 'record'));
    const writer = await made.track({ type: 'audio/webm' });
    await writer.append(source.subarray(0, 500));
    assert.equal(await writer.renew(newer(BOB, 'record')), ends);
    await assert.rejects(writer.renew(newer(ALICE, 'record')), (error) => refused('denied')(error) && !error.ended);
    await writer.append(source.subarray(500));
    assert.equal(await writer.close(), source.length);

    await store.connected(playback, async (reader) => {
      const player = await reader.play(store.mint(BOB, 'play'), made.id);
      await player.update(writer.track);
      assert.equal(await player.renew(newer(BOB, 'play')), ends);
      await assert.rejects(player.renew(newer(ALICE, 'play')), (error) => refused('denied')(error) && !error.ended);
      assert.ok((await player.readAll(writer.track)).equals(source));
      await player.close();
    });
  });
});

test('adds a service, and removing it ends its connections', { skip }, async () => {
  const secretKey = randomBytes(32);
  await store.connected(store.operator, async (operator) => {
    const { publicKey } = keyPair(secretKey);
    const psk = await operator.addService('second-language', ROLES.playback, publicKey);
    const known = (await operator.services()).find(({ name }) => name === 'second-language');
    assert.deepEqual({ roles: known.roles, publicKey: known.publicKey }, { roles: ROLES.playback, publicKey });

    const credential = { ...readCredential(playback), secretKey, psk };
    const client = await Client.connect(credential);
    assert.deepEqual(await client.check(store.mint(ALICE, 'list'), [call]), [true]);
    await operator.removeService('second-language');
    await client.over;
    await assert.rejects(Client.connect(credential), { message: 'the daemon closed the connection' });
    await assert.rejects(operator.removeService('second-language'), refused('not_found'));
  });
});

test('another patient\'s recording looks like one that never was', { skip }, async () => {
  const grant = await store.grant(BOB, 'list play');
  await store.connected(playback, async (client) => {
    const { recordings, withheld } = await client.list(grant);
    assert.equal(withheld, 0);
    assert.ok(!recordings.some(({ recording }) => recording === call));
    assert.deepEqual(await client.check(grant, [call]), [false]);

    const words = [];
    for (const id of [call, newRecordingId()]) {
      for (const attempt of [() => client.play(grant, id), () => client.info(grant, id)]) {
        await assert.rejects(attempt, (error) => {
          words.push(error.message);
          return refused('not_found')(error);
        });
      }
    }
    assert.deepEqual(words.slice(0, 2), words.slice(2));
  });
});

test('a service without the role, and a grant without the scope, are denied', { skip }, async () => {
  const list = await store.grant(ALICE, 'list');
  await store.connected(ingest, async (client) => {
    await assert.rejects(client.list(list), refused('denied'));
  });
  await store.connected(playback, async (client) => {
    await assert.rejects(client.play(list, call), refused('denied'));
    await assert.rejects(client.list('no.grant.atall'), refused('unauthenticated'));
    // The connection has survived the refusals.
    await client.ping();
  });
});

test('says how it is, and goodbye', { skip }, async () => {
  const client = await Client.connect(playback);
  await client.ping();
  assert.equal((await client.health()).code, 'ok');
  assert.ok(Object.keys(await client.stats()).length > 0);
  const why = await client.close();
  assert.ok(refused('ok')(why), `the daemon ended with: ${why.message}`);
});

test('talks the same over TCP', { skip }, async () => {
  const grant = await store.grant(ALICE, 'play');
  await store.connected({ ...readCredential(playback), address: `tcp:${tcp}` }, async (client) => {
    const player = await client.play(grant, call);
    const { track } = player.entry.tracks[0];
    await player.update(track);
    assert.equal(sha256(await player.readAll(track)), sha256(readFileSync(AUDIO)));
    await player.close();
  });
});

test('a message the document does not allow ends the connection with a goodbye that says so', { skip }, async () => {
  const open = { grant: 'x', recording: call };
  const wrong = {
    'a message that a free stream does not know': (c) => c.stream().send('record.sync', {}),
    'a stream used twice': async (c) => {
      const stream = c.stream();
      await stream.send('play.open', open);
      await stream.send('play.open', open);
    },
    'a stream below the last': async (c) => {
      const [first, second] = [c.stream(), c.stream()];
      await second.send('play.open', open);
      await first.send('play.open', open);
    },
  };
  for (const [what, send] of Object.entries(wrong)) {
    const connection = await Connection.open(readCredential(playback));
    await send(connection);
    const why = await connection.over;
    assert.ok(refused('usage')(why), `${what}: ${why.message}`);
  }
});

test('an unknown key or store is met with silence; a wrong pre-shared key opens nothing', { skip }, async () => {
  const credential = readCredential(playback);
  const silence = { message: 'the daemon closed the connection' };
  await assert.rejects(Client.connect({ ...credential, secretKey: randomBytes(32) }), silence);
  await assert.rejects(Client.connect({ ...credential, store: randomBytes(16) }), silence);
  await assert.rejects(Client.connect({ ...credential, serverKey: readCredential(ingest).secretKey }), silence);
  // The daemon cannot know yet: it is its reply that does not open here.
  await assert.rejects(Client.connect({ ...credential, psk: randomBytes(32) }), /unable to authenticate/);
  await store.connected(playback, (client) => client.ping());
});
