// Freezes: each scope stops its own and nothing else, at once and for good, whatever is on its way and however slowly.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '../peer/client.mjs';
import { Cut } from '../peer/connection.mjs';
import { readCredential } from '../peer/credential.mjs';
import { newRecordingId } from '../peer/writer.mjs';
import { BIN_RELEASE, Store, missing, refused, waitFor } from './harness.mjs';

const skip = missing(['sealreeld', 'sealreel']);
const skipReleased = missing(['sealreeld', 'sealreel'], BIN_RELEASE);
const FROZEN = 3;
const FAILED = 1;
const USAGE = 2;
const PREFIX = 'https://clinic.example/mrn|';
const [ALICE, BOB] = [`${PREFIX}alice-4711`, `${PREFIX}bob-4712`];
// A second is promised; a busy machine may let nobody run for longer.
const WITHIN = 3000;
const TAKEN = 100_000;
const COUNT = process.env.SEALREEL_LONG ? 100 : 20;

let store;
let clinic;
let portal;
let alices;
let bobs;
const media = randomBytes(300_000);

const because = (...args) => [...args, '--reason', 'a scenario'];
const freeze = (...args) => store.done(['freeze', ...because(...args)], { credential: store.operator });
const thaw = (...args) => store.done(['thaw', ...because(...args)], { credential: store.operator });
const frozen = async () => JSON.parse(await store.done(['freeze', '--list', '--json'], {
  credential: store.operator })).freezes;

/** Runs a command that must end with this status, and gives its standard error. */
async function ends(status, args, options) {
  const { code, stderr } = await store.cli(args, options);
  assert.equal(code, status, `${args.join(' ')}: ${stderr}`);
  return stderr;
}

before(async () => {
  if (skip) {
    return;
  }
  store = await Store.serve();
  clinic = await store.service('ingest,playback');
  portal = await store.service('ingest,playback', 'portal');
  await store.connected(clinic, async (client) => {
    alices = [];
    for (const label of ['one', 'two']) {
      alices.push(await store.record(client, ALICE, { tracks: [{ media }], label }));
    }
    bobs = await store.record(client, BOB, { tracks: [{ media }], label: 'three' });
  });
}, { timeout: 120_000 });

after(() => store?.remove(), { timeout: 60_000 });

/** A patient's requests as one caller makes them; each gives what it read, or throws the refusal. */
function caller(credential, identity, recording, claims) {
  const grant = (scope) => store.mint(identity, scope, { claims });
  const connected = (body) => store.connected(credential, body);
  return {
    list: () => connected(async (client) => (await client.list(grant('list'))).recordings.map((one) => one.recording)),
    info: (id = recording) => connected(async (client) => (await client.info(grant('list'), id)).entry.recording),
    check: () => connected((client) => client.check(grant('list'), [recording])),
    play: (id = recording) => connected(async (client) => {
      const player = await client.play(grant('play'), id);
      await player.update(1);
      return player.readAll(1);
    }),
    record: () => connected(async (client) => {
      const made = await client.record(grant('record'), { label: 'new' });
      const writer = await made.track({ type: 'video/webm' });
      await writer.append(media.subarray(0, 1000));
      await writer.close();
      await made.finish();
      return made.id;
    }),
  };
}

async function serves(who, recordings) {
  assert.deepEqual((await who.list()).filter((id) => recordings.includes(id)), recordings);
  assert.equal(await who.info(), recordings[0]);
  assert.deepEqual(await who.play(), media);
}

/** Nothing of it, but for another's id and one that never was, which are not found as ever. */
async function stopped(who, foreign) {
  for (const request of [who.list, who.check, () => who.info(), () => who.play()]) {
    await assert.rejects(request(), refused('frozen'));
  }
  for (const id of [foreign, newRecordingId()]) {
    await assert.rejects(who.info(id), refused('not_found'));
    await assert.rejects(who.play(id), refused('not_found'));
  }
}

const jti = 'the-one-grant';
const nurse = { sub: 'nurse-17', role: 'clinician' };
// How it is said, who is stopped, and who is not; recordings are those of the callers.
const SCOPES = [
  ['all', () => ['--all'], () => [clinic, ALICE, alices], null],
  ['patient', () => ['--patient', ALICE], () => [clinic, ALICE, alices], () => [clinic, BOB, [bobs]]],
  ['service', () => ['--service', 'portal'], () => [portal, ALICE, alices], () => [clinic, ALICE, alices]],
  ['issuer', () => ['--issuer', 'dev'], () => [clinic, ALICE, alices], null],
  ['grant', () => ['--grant', jti], () => [clinic, ALICE, alices, { jti }], () => [clinic, ALICE, alices]],
  ['actor', () => ['--actor', nurse.sub], () => [clinic, ALICE, alices, { act: nurse }],
    () => [clinic, ALICE, alices]],
];

for (const [scope, args, hit, spared] of SCOPES) {
  test(`a freeze of ${scope} stops its own and nothing else, and a thaw restores it`, { skip }, async () => {
    const [credential, identity, recordings, claims] = hit();
    const who = caller(credential, identity, recordings[0], claims);
    const from = store.log.length;
    await serves(who, recordings);
    await freeze(...args());
    await stopped(who, identity === ALICE ? bobs : alices[0]);
    const [seen] = await frozen();
    assert.equal(seen.scope, scope);
    assert.deepEqual([seen.ingest, seen.by, seen.reason], [false, 'operator', 'a scenario']);
    if (spared) {
      const [other, whose, theirs, theirClaims] = spared();
      await serves(caller(other, whose, theirs[0], theirClaims), theirs);
      // Nobody else hears of it either.
      await assert.rejects(caller(other, whose === ALICE ? BOB : whose, bobs, theirClaims).info(alices[0]),
        refused(whose === ALICE ? 'not_found' : 'not_found'));
    }
    // A call in progress keeps being recorded, and others may begin.
    const recorded = await who.record();
    await freeze(...args(), '--ingest');
    assert.deepEqual((await frozen()).map(({ ingest }) => ingest), [true], 'it is the same freeze');
    await assert.rejects(who.record(), refused('frozen'));
    await thaw(...args());
    await serves(who, recordings);
    assert.ok((await who.list()).includes(recorded));
    await who.record();
    assert.match(await ends(FAILED, ['thaw', ...because(...args())], { credential: store.operator }),
      /^sealreel: not_found: this is not frozen;/);
    assert.deepEqual(await frozen(), []);
    assert.deepEqual([...store.events('frozen', from), ...store.events('thawed', from)].map(
      (event) => [event.event, event.scope, event.by]),
    [['frozen', scope, 'operator'], ['frozen', scope, 'operator'], ['thawed', scope, 'operator']]);
  });
}

test('a frozen recording is withheld from the list, and another\'s stays not found', { skip }, async () => {
  const who = caller(clinic, ALICE, alices[0]);
  await freeze('--recording', alices[0]);
  for (const request of [() => who.info(), () => who.play()]) {
    await assert.rejects(request(), refused('frozen'));
  }
  assert.deepEqual(await who.check(), [true], 'whose it is tells nothing of it');
  await assert.rejects(caller(clinic, BOB, bobs).info(alices[0]), refused('not_found'));
  await assert.rejects(caller(clinic, BOB, bobs).play(alices[0]), refused('not_found'));
  await serves(caller(clinic, ALICE, alices[1]), [alices[1]]);
  const { code, stdout } = await store.cli(['list', '--json'], { credential: clinic, grant: store.mint(ALICE, 'list') });
  assert.equal(code, 4, 'a list with rows withheld');
  assert.ok(!stdout.toString().includes(alices[0]));
  await thaw('--recording', alices[0]);
  await serves(who, alices);
});

test('a patient of whom nothing is known is frozen, and that nothing is known is said', { skip }, async () => {
  const nobody = 'urn:test|nobody-yet';
  const asked = (...args) => store.cli(['freeze', ...args, '--reason', 'in doubt'], { credential: store.operator });
  const said = await asked('--patient', nobody);
  assert.deepEqual([said.code, said.stdout.toString()],
    [0, 'frozen; but nothing is known of this patient: check the identity\n']);
  const json = await asked('--patient', nobody, '--json');
  assert.deepEqual([json.code, JSON.parse(json.stdout)], [0, { unknown: true }]);
  await store.connected(await store.service('ingest,playback', 'nobodys'), async (client) => {
    const id = await store.record(client, nobody, { tracks: [{ media: Buffer.from('x') }] });
    await assert.rejects(client.info(store.mint(nobody, 'list'), id), refused('frozen'));
  });
  const known = await asked('--patient', nobody, '--json');
  assert.deepEqual(JSON.parse(known.stdout), { unknown: false }, 'now there is something of them');
  const quiet = await asked('--patient', ALICE);
  assert.deepEqual([quiet.code, quiet.stdout.toString()], [0, '']);
  for (const subject of [['--patient', nobody], ['--patient', ALICE]]) {
    await store.done(['thaw', ...subject, '--reason', 'over'], { credential: store.operator });
  }
});

test('what alarm lines name by tag can be frozen and thawed by it', { skip }, async () => {
  const from = store.log.length;
  const claims = { act: nurse };
  await assert.rejects(caller(clinic, ALICE, alices[0], claims).info(bobs), refused('not_found'));
  const [{ tag, actor }] = await store.logged('foreign', { from });
  for (const [option, value, who] of [['--patient-tag', tag, caller(clinic, ALICE, alices[0])],
    ['--actor-tag', actor, caller(clinic, ALICE, alices[0], claims)]]) {
    await freeze(option, value);
    await assert.rejects(who.info(), refused('frozen'));
    assert.equal((await frozen())[0].subject, value);
    await thaw(option, value);
    await who.info();
  }
  // The same person, named once by tag and once by identity, is one freeze.
  await freeze('--patient', ALICE);
  await thaw('--patient-tag', tag);
  assert.deepEqual(await frozen(), []);
});

test('the command line has a status of its own for what is frozen', { skip }, async () => {
  await freeze('--patient', ALICE);
  const options = { credential: clinic, grant: store.mint(ALICE, 'list play') };
  for (const args of [['list'], ['info', alices[0]], ['play', alices[0], '-o', '-']]) {
    assert.match(await ends(FROZEN, args, options), /^sealreel: frozen: it is frozen; ask the operator why \(request/);
  }
  await thaw('--patient', ALICE);
});

test('freezes survive restarts and crashes', { skip }, async () => {
  await freeze('--patient', ALICE);
  await freeze('--service', 'portal', '--ingest');
  const before = await frozen();
  for (const end of ['kill', 'stop']) {
    await store[end]();
    await store.start();
    assert.deepEqual(await frozen(), before);
    await stopped(caller(clinic, ALICE, alices[0]), bobs);
    await assert.rejects(caller(portal, BOB, bobs).record(), refused('frozen'));
    await serves(caller(clinic, BOB, bobs), [bobs]);
  }
  await thaw('--patient', ALICE);
  await store.kill();
  await store.start();
  assert.deepEqual((await frozen()).map(({ scope }) => scope), ['service']);
  await thaw('--service', 'portal');
  await serves(caller(portal, ALICE, alices[0]), alices);
});

test('a recording under way goes on, and with --ingest ends with what is durable', { skip }, async () => {
  await store.connected(clinic, async (client) => {
    const recording = await client.record(store.mint(ALICE, 'record'), { label: 'under way' });
    const writer = await recording.track({ type: 'video/webm' });
    await writer.append(media.subarray(0, 100_000));
    await freeze('--all');
    await writer.append(media.subarray(100_000, 200_000));
    await writer.sync();
    await freeze('--all', '--ingest');
    await assert.rejects(async () => {
      for (;;) {
        await writer.append(media.subarray(200_000));
        await writer.sync();
      }
    }, refused('frozen'));
    await assert.rejects(recording.finish(), refused('frozen'));
    await thaw('--all');
    await recording.finish();
    const player = await client.play(store.mint(ALICE, 'play'), recording.id);
    await player.update(1);
    assert.deepEqual((await player.readAll(1)).subarray(0, 200_000), media.subarray(0, 200_000));
  });
});

test('a stream under way ends between two bodies', { skip }, async () => {
  await store.connected(clinic, async (client) => {
    const player = await client.play(store.mint(ALICE, 'play'), alices[0]);
    await player.update(1);
    let ended = null;
    (async () => {
      for (;;) {
        await player.readAll(1);
      }
    })().catch((error) => {
      ended = error;
    });
    await freeze('--patient', ALICE);
    await waitFor(() => ended, { what: 'the end of the stream' }).finally(() => thaw('--patient', ALICE));
    assert.equal(ended.code, 'frozen', ended.message);
    await client.ping();
  });
});

test('a grant that is frozen does not renew a stream', { skip }, async () => {
  await store.connected(clinic, async (client) => {
    const player = await client.play(store.mint(ALICE, 'play'), alices[0]);
    await freeze('--grant', jti);
    await assert.rejects(player.renew(store.mint(ALICE, 'play', { claims: { jti } })), refused('frozen'));
    await player.update(1);
    assert.deepEqual(await player.readAll(1), media, 'the stream has the grant it had');
    await thaw('--grant', jti);
  });
});

test('what makes no sense is refused, each with its error', { skip }, async () => {
  const operator = { credential: store.operator };
  const id = newRecordingId();
  for (const [args, wanted, status = USAGE] of [
    [['freeze'], /say what/], [['freeze', '--all'], /there is no --reason/], [['thaw', '--all'], /there is no --reason/],
    [['freeze', '--all', '--reason', ''], /1 to 255 bytes/],
    [['freeze', '--all', '--reason', 'x'.repeat(256)], /1 to 255 bytes/],
    [['freeze', ...because('--all', '--patient', ALICE)], /one thing to freeze at a time/],
    [['freeze', ...because('--patient', '')], /1 to 255 bytes/],
    [['freeze', ...because('--patient', 'x'.repeat(256))], /1 to 255 bytes/],
    [['freeze', ...because('--patient-tag', 'abc')], /64 hex digits/],
    [['freeze', ...because('--recording', 'abc')], /a recording's id looks like/],
    [['freeze', '--list', '--all'], /--list stands alone/], [['freeze', ...because('--all'), 'more'], /a word too much/],
    [['thaw', ...because('--all', '--ingest')], /is unknown/], [['alarm'], /alarm needs list or test/],
    [['alarm', 'louder'], /alarm needs list or test/],
    [['freeze', ...because('--recording', id)], /not_found: the store has no such recording/, FAILED],
    [['freeze', ...because('--service', 'nobody')], /not_found: no service has that name/, FAILED],
    [['freeze', ...because('--issuer', 'nobody')], /not_found: no issuer of the configuration/, FAILED],
    [['freeze', ...because('--service', 'No Name')], /usage: the request makes no sense/],
  ]) {
    assert.match(await ends(status, args, operator), wanted);
  }
  for (const command of [['freeze', ...because('--all')], ['thaw', ...because('--all')], ['freeze', '--list'],
    ['alarm', 'test'], ['alarm', 'list']]) {
    assert.match(await ends(FAILED, command, { credential: clinic }), /denied: this service's roles do not include/);
  }
  await store.connected(store.operator, async (client) => {
    await assert.rejects(client.freeze('all', '', Buffer.from([0xc3]).toString('latin1') + '\0'), refused('usage'));
    await client.ping();
  });
  assert.deepEqual(await frozen(), []);
});

test('neither log nor list names a patient or an actor', { skip }, async () => {
  const from = store.log.length;
  for (const args of [['--patient', ALICE], ['--actor', nurse.sub]]) {
    await freeze(...args);
    const shown = JSON.stringify(await frozen());
    await thaw(...args);
    for (const secret of [ALICE, nurse.sub]) {
      assert.ok(!shown.includes(secret));
      assert.ok(!store.log.slice(from).some((line) => line.includes(secret)));
    }
  }
});

// ---- streams in flight --------------------------------------------------------------------------------------------

/** A free port of this machine. */
async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => {
    server.once('listening', resolve);
  });
  const { port } = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}

/** Connects, and gives the client with its socket, whose arrivals are timed. `full`: it takes little, and then nothing more. */
async function watched(credential, address, full = false) {
  const connect = net.connect;
  let socket;
  net.connect = (...args) => {
    socket = connect(...args);
    return socket;
  };
  const client = await Client.connect({ ...readCredential(credential), address }).finally(() => {
    net.connect = connect;
  });
  const seen = { client, socket, full, port: socket.localPort, total: 0, last: 0 };
  const push = socket.push.bind(socket);
  socket.push = (chunk, ...rest) => {
    if (chunk) {
      seen.total += chunk.length;
      seen.last = performance.now();
      if (full && seen.total > TAKEN) {
        stall(socket);
      }
    }
    return push(chunk, ...rest);
  };
  return seen;
}

/** Takes no byte more, so that everything between daemon and client fills up. */
function stall(socket) {
  socket._read = () => {};
  socket._handle.readStop();
}

/**
 * The daemon's connections to TCP clients, of each the client's port and whether anything waits to be taken: what the
 * daemon has reset is none of them.
 */
function standing(port) {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1).map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(`:${hex}`) && !['0A', '06'].includes(state))
    .map(([, , remote, , queues]) => ({ port: parseInt(remote.split(':')[1], 16), waits: !queues.startsWith('00000000:') }));
}

for (const [kind, scope] of [['unix', '--all'], ['tcp', '--patient']]) {
  test(`${COUNT} fast and ${COUNT} full streams over ${kind} end within a second of the command`, {
    skip: skipReleased, timeout: 300_000,
  }, async () => {
    const port = await freePort();
    const big = randomBytes(16 << 20);
    const own = await Store.serve({ bin: BIN_RELEASE, options: [['listen', 'tcp', `127.0.0.1:${port}`]] });
    const streams = [];
    let idle;
    try {
      const credential = await own.service('ingest,playback');
      const id = await own.connected(credential, (client) => own.record(client, ALICE, { tracks: [{ media: big }] }));
      const address = kind === 'unix' ? own.server : `tcp:127.0.0.1:${port}`;
      const operator = { credential: own.operator };
      // One that reads all the time, whose call is recorded meanwhile, and some of another patient.
      const call = await Client.connect(credential);
      const recording = await call.record(own.mint(BOB, 'record'), { label: '' });
      const writer = await recording.track({ type: 'video/webm' });
      for (let i = 0; i < 2 * COUNT; i++) {
        const seen = await watched(credential, address, i % 2 === 1);
        seen.player = await seen.client.play(own.mint(ALICE, 'play'), id);
        await seen.player.update(1);
        streams.push(seen);
      }
      idle = await watched(credential, `tcp:127.0.0.1:${port}`);
      idle.player = await idle.client.play(own.mint(ALICE, 'play'), id);
      await idle.player.update(1);
      const [fast, full] = [false, true].map((which) => streams.filter((seen) => seen.full === which));
      // Not before all are open: what is read takes this thread's time, and a handshake may take five seconds.
      for (const seen of streams) {
        seen.result = (async () => {
          for (;;) {
            for await (const part of seen.player.read(1)) {
              seen.read = part.length;
            }
          }
        })().catch((error) => error);
      }
      await waitFor(() => streams.every(({ total }) => total > TAKEN), { what: 'bytes of every stream' });
      await delay(300);
      await writer.append(randomBytes(50_000));
      await own.done(['freeze', ...because(scope, ...(scope === '--all' ? [] : [ALICE]))], operator);
      const returned = performance.now();
      for (const seen of fast) {
        const error = await seen.result;
        assert.ok(error.code === 'frozen' || error instanceof Cut, error.message);
        seen.told = error.code === 'frozen';
      }
      const latest = Math.max(...fast.map(({ last }) => last)) - returned;
      assert.ok(latest < WITHIN, `the last byte came ${latest} ms after the command had returned`);
      // A client that takes too little in that time is reset as well, though it is only busy; on a busy machine that may be
      // all of them: they share one thread. Of whom nothing waits is told, and so is everybody who is not reset.
      const cut = fast.filter(({ told }) => !told);
      let reset;
      let left;
      const isOver = () => (kind === 'unix' ? reset >= COUNT + cut.length && reset <= 2 * COUNT :
        reset === 2 * COUNT + 1 - left.length && left.every(({ waits }) => !waits));
      const took = await waitFor(async () => {
        ({ reset_frozen: reset } = await own.stats());
        left = standing(port);
        return isOver() ? performance.now() - returned : null;
      }, { deadline: 10_000 }).catch(() => Infinity);
      const said = `after ${took} ms ${reset} were reset, ${cut.length} of the fast ones cut, ${JSON.stringify(left)} stood`;
      assert.ok(took < WITHIN, said);
      // Of the full ones nothing is left at the daemon: on TCP not in the kernel either, as they were reset.
      for (const seen of [...full, ...cut]) {
        assert.ok(left.every((one) => one.port !== seen.port), said);
      }
      await assert.rejects(idle.player.readAll(1, 0, 1), refused('frozen'));
      await writer.append(randomBytes(50_000));
      await writer.close();
      await recording.finish();
      await call.close();
      for (const { client } of [...fast, idle]) {
        await client.close();
      }
      await own.done(['thaw', ...because(scope, ...(scope === '--all' ? [] : [ALICE]))], operator);
      const again = await own.connected(credential, async (client) => {
        const player = await client.play(own.mint(ALICE, 'play'), id);
        await player.update(1);
        return player.readAll(1);
      });
      assert.ok(again.equals(big));
    } finally {
      [...streams, ...(idle ? [idle] : [])].forEach(({ socket }) => socket.destroy());
      await own.remove();
    }
  });
}
