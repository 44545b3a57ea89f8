// Alarms: told to a command at once, once, and until it hears; and what the store does by itself about the worst of them.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { newRecordingId } from '../peer/writer.mjs';
import { Store, missing, refused, waitFor } from './harness.mjs';
import { misfile } from './index_file.mjs';

const skip = missing(['sealreeld', 'sealreel', 'misfile']);
const PREFIX = 'https://clinic.example/mrn|';
const ALICE = `${PREFIX}alice`;
const OTHERS = Array.from({ length: 8 }, (_, i) => `${PREFIX}other-${i}`);
const media = Buffer.alloc(1000, 7);

let store;

afterEach(async () => {
  await store?.remove();
  store = null;
}, { timeout: 60_000 });

/** A store whose alarms go to a script of this text, which finds $HERE; `told()` gives what it was given. */
async function serve(script, options = []) {
  store = await Store.make();
  const path = store.beside('hook.sh');
  if (script !== null) {
    writeFileSync(path, `#!/bin/sh\nHERE=${store.root}\n${script}\n`);
    chmodSync(path, 0o755);
  }
  store.set('alarms', 'alarm_command', path);
  options.forEach(([option, value]) => store.set('alarms', option, value));
  await store.start();
  return { told: () => read('told').split('\n').filter(Boolean).map((line) => JSON.parse(line)) };
}

const read = (name) => (existsSync(store.beside(name)) ? readFileSync(store.beside(name), 'utf8') : '');
const TELL = 'cat >>$HERE/told';

async function alarms() {
  const credential = await store.service('audit');
  return JSON.parse(await store.done(['alarm', 'list', '--json'], { credential })).alarms;
}

/** A recording of each of the others; and how Alice asks for them. */
async function foreign(name = 'clinic') {
  const clinic = await store.service('ingest,playback', name);
  return store.connected(clinic, async (client) => {
    const ids = [];
    for (const identity of OTHERS) {
      ids.push(await store.record(client, identity, { tracks: [{ media }] }));
    }
    const own = await store.record(client, ALICE, { tracks: [{ media }] });
    return { clinic, ids, own };
  });
}

const ask = (credential, ids, identity = ALICE) => store.connected(credential, async (client) => {
  for (const id of ids) {
    await assert.rejects(client.info(store.mint(identity, 'list'), id), refused('not_found'));
  }
});

test('an alarm is told at once, and what follows is told once, counted', { skip }, async () => {
  const { told } = await serve(TELL, [['alarm_window_s', '6']]);
  const { clinic, ids } = await foreign();
  const from = Date.now();
  await ask(clinic, ids.slice(0, 1));
  const [first] = await waitFor(() => told().length > 0 && told(), { what: 'the first' });
  const seen = Date.now();
  await ask(clinic, ids.slice(1));
  // A tick of the daemon and the start of a command, on whatever machine; far from the window's end.
  assert.ok(seen - Date.parse(first.first) < 3000 && Date.parse(first.first) >= from - 1000, first.first);
  const [event] = store.events('foreign');
  assert.deepEqual([first.kind, first.severity, first.operation, first.service, first.issuer, first.own_tag],
    ['foreign', 'high', 'info', 'clinic', 'dev', 'no']);
  assert.deepEqual([first.store, first.request, first.recording, first.patient_tag, first.actor_tag, first.jti],
    [store.id, event.request, ids[0], event.tag, event.actor, event.jti]);
  const [, second, ...more] = await waitFor(() => told().length > 1 && told(), { what: 'the count' });
  assert.deepEqual([second.number, second.count, more.length], [first.number, ids.length, 0]);
  const listed = await alarms();
  assert.deepEqual(listed.map(({ kind, count, delivery, tries }) => [kind, count, delivery, tries]),
    [['foreign', ids.length, 'told', 2]]);
  const stats = await store.stats();
  assert.deepEqual([stats.foreign, stats.alarms_told, stats.alarms_failed], [ids.length, 2, 0]);
  assert.ok(!read('told').includes(ALICE) && !read('told').includes('dr-scenario'), 'people by tags alone');
});

test('the command gets its text, PATH, and nothing of the daemon\'s', { skip }, async () => {
  await serve('ls -l /proc/self/fd >$HERE/fds; env >$HERE/env; cat >>$HERE/told');
  assert.equal(await store.done(['alarm', 'test'], { credential: store.operator }), 'the command was told');
  assert.ok(!read('fds').includes(store.directory), read('fds'));
  assert.deepEqual(read('env').split('\n').filter(Boolean).map((line) => line.split('=')[0])
    .filter((name) => !['PWD', 'SHLVL', '_', 'OLDPWD'].includes(name)), ['PATH']);
});

test('a command that fails twice is tried again', { skip }, async () => {
  const { told } = await serve('echo x >>$HERE/runs; [ $(wc -l <$HERE/runs) -gt 2 ] || exit 7; cat >>$HERE/told');
  const { code, stderr } = await store.cli(['alarm', 'test'], { credential: store.operator });
  assert.equal(code, 1);
  assert.match(stderr, /^sealreel: io: the alarm_command ended with 7;/);
  const [alarm] = await waitFor(() => told().length > 0 && told(), { what: 'the third try' });
  assert.equal(alarm.kind, 'test');
  const [listed] = await waitFor(async () => {
    const all = await alarms();
    return all[0].delivery === 'told' && all;
  });
  assert.deepEqual([listed.tries, listed.count], [3, 1]);
  assert.equal(store.events('alarm_untold').length, 2);
});

test('a command that hangs is killed with all that it started, and does not keep others', { skip }, async () => {
  await serve('case $(cat) in *foreign*) echo $$ >>$HERE/pids; sleep 1000 & wait;; *) echo >>$HERE/others;; esac',
    [['alarm_timeout_s', '1'], ['alarm_tries', '2']]);
  const { clinic, ids } = await foreign();
  await ask(clinic, ids.slice(0, 1));
  await waitFor(() => read('pids'), { what: 'the hanging command' });
  await store.done(['alarm', 'test'], { credential: store.operator });
  assert.ok(read('others'));
  await waitFor(() => store.events('alarm_untold').some(({ text }) => text === 'it is given up'));
  assert.equal(read('pids').split('\n').filter(Boolean).length, 2);
  for (const pid of read('pids').split('\n').filter(Boolean)) {
    // Its group is gone: no process of this machine is in it.
    const groups = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map((name) => {
      try {
        return readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1].split(' ')[2];
      } catch {
        return null;
      }
    });
    assert.ok(!groups.includes(pid), `a process of group ${pid} lives`);
  }
  assert.deepEqual((await alarms()).map(({ kind, delivery }) => [kind, delivery]),
    [['foreign', 'given_up'], ['test', 'told']]);
});

test('a command that is not there fails, and none at all is said', { skip }, async () => {
  await serve(null);
  const options = { credential: store.operator };
  const { code, stderr } = await store.cli(['alarm', 'test'], options);
  assert.equal(code, 1);
  assert.match(stderr, /^sealreel: io: the alarm_command ended with 127;/);
  store.set('alarms', 'alarm_command', null);
  store.child.kill('SIGHUP');
  await store.logged('reloaded');
  const second = await store.cli(['alarm', 'test'], options);
  assert.equal(second.code, 5);
  assert.match(second.stderr, /^sealreel: unavailable: there is no alarm_command;/);
  assert.deepEqual((await alarms()).at(-1).delivery, 'untold');
});

test('unusually many patients through one actor or service', { skip }, async () => {
  await serve(TELL, [['unusual_actor', '4/60'], ['unusual_service', '6/60']]);
  const { clinic } = await foreign();
  await store.connected(clinic, async (client) => {
    for (const [i, identity] of OTHERS.entries()) {
      const act = { sub: i < 5 ? 'dr-many' : `dr-few-${i}`, role: 'clinician' };
      await client.list(store.mint(identity, 'list', { claims: { act } }));
      await client.list(store.mint(identity, 'list', { claims: { act } }));
    }
  });
  const found = await store.logged('unusual', { count: 3 });
  assert.deepEqual(found.map(({ what }) => what), ['actor', 'service', 'service']);
  assert.equal((await store.stats()).unusual, 3);
});

/** Alice's list with rows of others in it. */
async function withMisfiled(options) {
  await serve(TELL, options);
  const made = await foreign();
  await ask(made.clinic, made.ids.slice(0, 1));
  const [{ tag }] = await store.logged('foreign');
  await store.stop();
  for (const id of made.ids) {
    await misfile(store, id, tag);
  }
  await store.start();
  return { ...made, tag };
}

const freezes = async () => JSON.parse(await store.done(['freeze', '--list', '--json'], {
  credential: store.operator })).freezes.map(({ scope, subject, by, ingest }) => [scope, subject, by, ingest]);

for (const [value, expected] of [['alarm', () => []], ['freeze-patient', (tag) => [['patient', tag, null, false]]],
  ['freeze-all', () => [['all', null, null, false]]]]) {
  test(`on_misfiled = ${value}`, { skip }, async () => {
    const { clinic, ids, own, tag } = await withMisfiled([['on_misfiled', value]]);
    await store.connected(clinic, async (client) => {
      const { withheld } = await client.list(store.mint(ALICE, 'list'));
      assert.equal(withheld, ids.length);
      await store.logged('misfiled', { count: ids.length });
      if (value === 'alarm') {
        await delay(300);
        assert.equal((await client.list(store.mint(ALICE, 'list'))).withheld, ids.length);
      } else {
        const [event] = await store.logged('frozen');
        // A second is promised; a busy disk may take longer.
        assert.ok(Date.parse(event.time) - Date.parse(store.events('misfiled')[0].time) < 3000);
        await assert.rejects(client.list(store.mint(ALICE, 'list')), refused('frozen'));
        await assert.rejects(client.play(store.mint(ALICE, 'play'), own), refused('frozen'));
        const others = client.list(store.mint(OTHERS[0], 'list'));
        await (value === 'freeze-all' ? assert.rejects(others, refused('frozen')) : others);
      }
      // Recording goes on.
      await store.record(client, ALICE, { tracks: [{ media }] });
    });
    assert.deepEqual(await freezes(), expected(tag));
    await store.kill();
    await store.start();
    assert.deepEqual(await freezes(), expected(tag), 'it is as durable as any');
    if (value === 'freeze-patient') {
      await store.done(['thaw', '--patient', ALICE, '--reason', 'looked at'], { credential: store.operator });
      await store.connected(clinic, (client) => client.info(store.mint(ALICE, 'list'), own));
    }
  });
}

test('who names foreign ids stops nobody but the service, and only past the rule', { skip }, async () => {
  await serve(TELL, [['on_foreign', 'freeze-service'], ['foreign_rate', '5/60']]);
  const { clinic, ids, own } = await foreign();
  const portal = await store.service('playback', 'portal');
  // As often as they like, but of five patients only; and ids that never were.
  await ask(portal, [...ids.slice(0, 5), ...ids.slice(0, 5), ...Array.from({ length: 20 }, () => newRecordingId())]);
  await store.connected(portal, (client) => client.check(store.mint(ALICE, 'list'), ids));
  await delay(200);
  assert.deepEqual(await freezes(), []);
  await ask(portal, ids.slice(5, 6));
  await store.logged('frozen');
  assert.deepEqual(await freezes(), [['service', 'portal', null, false]]);
  await store.connected(portal, async (client) => {
    await assert.rejects(client.list(store.mint(ALICE, 'list')), refused('frozen'));
    await assert.rejects(client.info(store.mint(ALICE, 'list'), ids[0]), refused('not_found'));
  });
  await store.connected(clinic, (client) => client.info(store.mint(ALICE, 'list'), own));
  await store.done(['thaw', '--service', 'portal', '--reason', 'repaired'], { credential: store.operator });
  await store.connected(portal, (client) => client.info(store.mint(ALICE, 'list'), own));
});

test('by default foreign ids freeze nobody', { skip }, async () => {
  await serve(TELL, [['foreign_rate', '1/10']]);
  const { clinic, ids } = await foreign();
  await ask(clinic, ids);
  await store.logged('foreign', { count: ids.length });
  await delay(200);
  assert.deepEqual(await freezes(), []);
});
