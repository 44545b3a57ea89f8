// What scenarios of several callers at once share: media known beforehand, connections that end with their test, and
// what a recording plays.
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { readCredential } from '../peer/client.mjs';
import { Connection } from '../peer/connection.mjs';
import { Player } from '../peer/player.mjs';
import { Recording, newRecordingId } from '../peer/writer.mjs';

export const ALICE = 'https://clinic.example/mrn|alice';
export const BOB = 'https://clinic.example/mrn|bob';

/** The same bytes in every run, without a pattern that could hide a shift. */
export const SOURCE = createCipheriv('aes-128-ctr', Buffer.alloc(16, 9), Buffer.alloc(16))
  .update(Buffer.alloc(32 * 1024 * 1024));

/**
 * Runs `body` with so many connections of a service, which are cut when it is over, whatever came of it. Each has shown
 * that it has the service's key, so that the daemon lets it be silent for as long as the others take.
 */
export async function connecting(credential, count, body) {
  const known = readCredential(credential);
  const connections = await Promise.all(Array.from({ length: count }, () => Connection.open(known)));
  try {
    await Promise.all(connections.map((connection) => connection.request('ping', {}, 'pong')));
    return await body(...connections);
  } finally {
    connections.forEach((connection) => connection.fail(new Error('the test is over')));
  }
}

/** A new recording of ALICE's, opened on a connection. */
export const begin = (store, connection) => Recording.open(connection, store.mint(ALICE, 'record'), {
  id: newRecordingId(),
});

/** The same recording as another connection sees it. */
export const seenBy = (store, connection, { id }) => new Recording(connection, store.mint(ALICE, 'record'), id);

/** Appends SOURCE up to byte `end` to a writer of it. */
export const appendTo = (writer, end) => writer.append(SOURCE.subarray(writer.offset, end));

/** A new recording of ALICE's with a track of so many segments of a byte each, which is left unfinished; its id. */
export async function recordSegments(store, client, count) {
  const recording = await client.record(store.mint(ALICE, 'record'));
  const writer = await recording.track({ type: 'video/webm' });
  for (let at = 0; at < count; at++) {
    await writer.append(Buffer.of(at & 255));
    await writer.sync();
  }
  await writer.close();
  return recording.id;
}

/** How long a track of SOURCE is, every byte of which has been played and compared. */
export async function playedLength(store, { id }, track = 1) {
  return connecting(await store.service('playback'), 1, async (connection) => {
    const player = await Player.open(connection, store.mint(ALICE, 'play'), id);
    const { length } = await player.update(track);
    const bytes = await player.readAll(track);
    assert.equal(bytes.length, length);
    assert.ok(bytes.equals(SOURCE.subarray(0, length)), `the ${length} bytes played are not those recorded`);
    return length;
  });
}

/** What each promise came to: { won: [values], lost: [reasons] }. */
export async function outcomes(promises) {
  const settled = await Promise.allSettled(promises);
  return {
    won: settled.filter(({ status }) => status === 'fulfilled').map(({ value }) => value),
    lost: settled.filter(({ status }) => status === 'rejected').map(({ reason }) => reason),
  };
}
