// A page of the index that cannot be read ends the daemon with a clear word, and takes nothing with it that was
// acknowledged.
import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { Client } from '../peer/client.mjs';
import { BIN_RELEASE, Store, media, missing } from './harness.mjs';

const READERS = 8;

test('an index cut short under the daemon ends it with a clear line; put back, everything plays',
  { skip: missing() }, async () => {
    const store = await Store.serve();
    try {
      const credential = await store.service('ingest,playback');
      const grant = store.mint('urn:test|page', 'record list play');
      const id = await store.done(['ingest', media('call-audio.webm')], { credential, grant });
      const whole = readFileSync(store.path('index', 'data.mdb'));
      const readers = await Promise.all(Array.from({ length: READERS }, () => Client.connect(credential)));
      truncateSync(store.path('index', 'data.mdb'), 8192); // the two meta pages stay
      // Several threads meet it together.
      const lists = await Promise.allSettled(readers.map((reader) => reader.list(grant)));
      assert.deepEqual(lists.filter(({ status }) => status !== 'rejected'), []);
      assert.deepEqual(await store.ended, { code: 1, signal: null });
      const said = store.log.filter((line) => line.includes('event=fatal'));
      assert.equal(said.length, 1, store.log.slice(-5).join('\n'));
      assert.match(said[0], /a page of the index cannot be read/);

      writeFileSync(store.path('index', 'data.mdb'), whole);
      await store.start();
      const again = JSON.parse(await store.done(['list', '--json'], { credential, grant }));
      assert.deepEqual(again.recordings.map((one) => one.id), [id]);
    } finally {
      await store.remove();
    }
  });

// What LMDB does with a damaged page is its own; a pointer that leads nowhere is one end of it. A sanitizer would speak first.
test('a fault in memory ends the daemon with a clear line, and nothing that was acknowledged is lost',
  { skip: missing(['sealreeld', 'sealreel'], BIN_RELEASE) }, async () => {
    const store = await Store.serve({ bin: BIN_RELEASE });
    try {
      const credential = await store.service('ingest,playback');
      const grant = store.mint('urn:test|page', 'record list play');
      const id = await store.done(['ingest', media('call-audio.webm')], { credential, grant });
      store.child.kill('SIGSEGV');
      assert.deepEqual(await store.ended, { code: 1, signal: null });
      const said = store.log.filter((line) => line.includes('event=fatal'));
      assert.equal(said.length, 1, store.log.slice(-5).join('\n'));
      assert.match(said[0], /code=corrupt .*a damaged page of the index/);

      await store.start();
      const again = JSON.parse(await store.done(['list', '--json'], { credential, grant }));
      assert.deepEqual(again.recordings.map((one) => one.id), [id]);
    } finally {
      await store.remove();
    }
  });
