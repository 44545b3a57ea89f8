// Stores that a daemon must not serve: each is refused with one line that says what is wrong, and nothing in it is
// changed by the attempt.
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync,
  symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { BIN, Store, missing, run } from './harness.mjs';

const [FAILED, USAGE] = [1, 2];
const DAEMON = BIN && join(BIN, 'sealreeld');

/** Changes one byte of a file; a negative place counts from the end. */
function flip(path, at) {
  const bytes = readFileSync(path);
  bytes[at < 0 ? bytes.length + at : at] ^= 1;
  writeFileSync(path, bytes);
}

const ini = (change) => (store) => {
  const path = store.path('sealreel.ini');
  writeFileSync(path, change(readFileSync(path, 'utf8')));
};
const add = (lines) => ini((text) => `${text}\n${lines}\n`);
const set = (...option) => (store) => store.set(...option);
const damage = (...args) => async (store) => {
  const { code, stderr } = await run(join(BIN, 'damage'), [store.directory, ...args]);
  assert.equal(code, 0, stderr);
};
const mode = (name, bits) => (store) => chmodSync(store.path(name), bits);
const remove = (name) => (store) => rmSync(store.path(name), { recursive: true });
const replace = (name, text) => (store) => writeFileSync(store.path(name), text);

/** Another file of the same bytes, behind a symbolic link. */
const linked = (name) => (store) => {
  renameSync(store.path(name), store.beside(name));
  symlinkSync(store.beside(name), store.path(name));
};

const asDirectory = (name) => (store) => {
  rmSync(store.path(name));
  mkdirSync(store.path(name));
};

async function otherLog(store) {
  const other = await Store.make(); // whose key is another
  rmSync(store.path('audit'), { recursive: true });
  cpSync(other.path('audit'), store.path('audit'), { recursive: true });
  await other.remove();
}

async function otherIndex(store) {
  const other = await Store.make(); // whose id is another
  rmSync(store.path('index'), { recursive: true });
  cpSync(other.path('index'), store.path('index'), { recursive: true });
  await other.remove();
}

async function otherKeyring(store) {
  const other = await Store.make(); // whose id is another
  copyFileSync(other.path('keyring'), store.path('keyring'));
  copyFileSync(other.path('keyring.key'), store.path('keyring.key'));
  await other.remove();
}

// What is done to a new store; the exit status; what the line says.
const TABLES = {
  configuration: [
    ['missing', remove('sealreel.ini'), USAGE, /sealreel\.ini: No such file/],
    ['unreadable: a directory', asDirectory('sealreel.ini'), USAGE, /sealreel\.ini is not a regular file/],
    ['a symbolic link', linked('sealreel.ini'), USAGE, /sealreel\.ini is a symbolic link/],
    ['writable by everybody', mode('sealreel.ini', 0o666), USAGE, /sealreel\.ini has mode 0666.*chmod/],
    ['writable by its group', mode('sealreel.ini', 0o620), USAGE, /sealreel\.ini has mode 0620/],
    ['a line that is none', add('what is this'), USAGE, /^sealreel\.ini:\d+: this line is neither/],
    ['an unknown section', add('[stroe]\nkeyring = k'), USAGE, /^sealreel\.ini:\d+: there is no section of that name/],
    ['a section twice', add('[limits]'), USAGE, /^sealreel\.ini:\d+: \[limits\] is there twice/],
    ['an unknown option', set('limits', 'sesions', '5'), USAGE, /^sealreel\.ini:\d+: .*(option|sesions)/],
    ['an option twice', set('limits', 'sessions', '5\nsessions = 6'), USAGE, /^sealreel\.ini:\d+: sessions/],
    ['a number that is none', set('limits', 'sessions', 'many'), USAGE, /^sealreel\.ini:\d+: .*1 to 65536/],
    ['a number out of range', set('limits', 'sessions', '0'), USAGE, /^sealreel\.ini:\d+: .*1 to 65536/],
    ['an address that is none', set('listen', 'tcp', 'here'), USAGE, /^sealreel\.ini:\d+: .*HOST:PORT/],
    ['no address at all', set('listen', 'unix', 'none'), USAGE, /^sealreel\.ini:\d+: there is nothing to listen on/],
    ['an issuer without keys', add('[issuer x]\niss = x'), USAGE, /sealreel\.ini.*jwks/],
    ['an issuer without a name for it', add('[issuer x]\njwks = issuers/dev.jwks'), USAGE, /sealreel\.ini.*iss/],
  ],
  'keys of an issuer': [
    ['missing', remove('issuers/dev.jwks'), USAGE, /dev\.jwks: No such file/],
    ['writable by everybody', mode('issuers/dev.jwks', 0o666), USAGE, /dev\.jwks has mode 0666/],
    ['no JSON', replace('issuers/dev.jwks', '{"keys":['), USAGE, /dev\.jwks: the key set is not JSON/],
    ['no keys', replace('issuers/dev.jwks', '{"keys":[]}'), USAGE, /dev\.jwks: the key set has no keys/],
    ['empty', replace('issuers/dev.jwks', ''), USAGE, /dev\.jwks has 0 bytes/],
  ],
  keyring: [
    ['missing', remove('keyring'), USAGE, /keyring: No such file/],
    ['readable by everybody', mode('keyring', 0o644), USAGE, /keyring has mode 0644/],
    ['writable by everybody', mode('keyring', 0o602), USAGE, /keyring has mode 0602/],
    ['a symbolic link', linked('keyring'), USAGE, /keyring is a symbolic link/],
    ['empty', replace('keyring', ''), USAGE, /keyring/],
    ['cut', (store) => truncateSync(store.path('keyring'), 200), USAGE, /keyring/],
    ['damaged in its front', (store) => flip(store.path('keyring'), 60), USAGE, /keyring/],
    ['damaged in its body', (store) => flip(store.path('keyring'), -20), USAGE, /keyring: .*damaged/],
    ['of a newer format', (store) => flip(store.path('keyring'), 16), USAGE, /format 257 is newer/],
    ['another store\'s', otherKeyring, USAGE, /belongs to another store/],
  ],
  'the keyring\'s key': [
    ['missing', remove('keyring.key'), USAGE, /keyring\.key: No such file/],
    ['readable by everybody', mode('keyring.key', 0o644), USAGE, /keyring\.key has mode 0644/],
    ['a directory', asDirectory('keyring.key'), USAGE, /keyring\.key is not a regular file/],
    ['another one', (store) => flip(store.path('keyring.key'), 0), USAGE, /does not fit the keyring/],
    ['a passphrase is said to open it', (store) => {
      writeFileSync(store.path('phrase'), 'right horse\n', { mode: 0o600 });
      store.set('store', 'key_source', 'passphrase:phrase');
    }, USAGE, /made with a key source of kind/],
    ['a credential that is not there', set('store', 'key_source', 'credential:sealreel'), USAGE,
      /CREDENTIALS_DIRECTORY is not set/],
  ],
  index: [
    ['missing', remove('index'), USAGE, /index\/data\.mdb: No such file/],
    ['without its file', remove('index/data.mdb'), USAGE, /index/],
    ['of zeros', replace('index/data.mdb', Buffer.alloc(65536)), USAGE, /index/],
    ['of a newer format', damage('meta', '0', '3', '2'), USAGE, /format 3 .*only up to 1/],
    ['of a much newer format', damage('meta', '0', '0', '0x80'), USAGE, /format 2147483649 .*only up to 1/],
    ['another store\'s', otherIndex, USAGE, /belongs to another store/],
    ['that does not say whose it is', damage('meta', '0', 'drop'), USAGE, /does not say which store's/],
    ['with damaged epochs', damage('control', '1', '40', '1'), FAILED, /row of the epochs does not verify/],
    ['with a damaged service', damage('control', '2', '40', '1'), FAILED, /service\/operator does not verify/],
  ],
  'audit log': [
    ['missing', remove('audit'), USAGE, /audit log is missing from .*restore it/],
    ['without its records', remove('audit/records'), USAGE, /record file is missing/],
    ['without its checkpoint', remove('audit/checkpoint'), USAGE, /checkpoint/],
    ['whose records are none', replace('audit/records', 'nothing'), USAGE, /record file is none/],
    ['with a damaged checkpoint', (store) => flip(store.path('audit/checkpoint'), 60), USAGE, /checkpoint/],
    ['another store\'s', otherLog, USAGE, /not signed by its key/],
    ['said to be missing by a damaged row', damage('control', '0', '20', '1'), USAGE,
      /row of the audit log .*does not verify/],
  ],
  store: [
    ['without its blobs', remove('blobs'), USAGE, /blobs: No such file/],
    ['with a file for its blobs', (store) => {
      rmSync(store.path('blobs'), { recursive: true });
      writeFileSync(store.path('blobs'), '');
    }, USAGE, /blobs: Not a directory/],
    ['that is not there', (store) => renameSync(store.directory, store.beside('elsewhere')), USAGE,
      /No such file or directory/],
  ],
};

/** Runs the daemon, which must end by itself with one line. */
async function expectRefusal(directory, status, words) {
  const { code, signal, stdout, stderr } = await run(DAEMON, [directory], {
    env: { CREDENTIALS_DIRECTORY: undefined },
  });
  const own = stderr.split('\n').filter((line) => !line.startsWith('time='));
  assert.deepEqual([code, signal, stdout.toString()], [status, null, ''], stderr);
  assert.equal(own.length, 2, stderr);
  assert.match(own[0], /^sealreeld: /);
  assert.match(own[0].slice('sealreeld: '.length), words);
  assert.ok(!/internal|memory/.test(own[0]), own[0]);
}

describe('stores that are not served', { skip: missing(['sealreeld', 'sealreel', 'damage']) }, () => {
  let pristine;

  before(async () => {
    pristine = await Store.make();
    // No row is about what lies in blobs, and its thousand directories take long to copy.
    rmSync(pristine.path('blobs'), { recursive: true });
    mkdirSync(pristine.path('blobs'), { mode: 0o700 });
  });

  after(() => pristine?.remove());

  for (const [part, rows] of Object.entries(TABLES)) {
    for (const [what, spoil, status, words] of rows) {
      test(`${part}: ${what}`, async () => {
        const store = pristine.copy();
        try {
          await spoil(store);
          const keyring = existsSync(store.path('keyring')) && readFileSync(store.path('keyring'));
          await expectRefusal(store.directory, status, words);
          assert.deepEqual(existsSync(store.path('keyring')) && readFileSync(store.path('keyring')), keyring);
          assert.ok(!existsSync(store.path('sealreel.sock')));
        } finally {
          await store.remove();
        }
      });
    }
  }

  test('a second daemon on the same store is refused, and the first serves on', async () => {
    const store = await Store.serve();
    await expectRefusal(store.directory, USAGE, new RegExp(`lock is held by process ${store.pid}`));
    assert.equal((await store.cli(['health'], { credential: store.operator })).code, 0);
    // Nor may it be made anew.
    const again = await run(join(BIN, 'sealreel'), ['init', store.directory]);
    assert.equal(again.code, USAGE);
    assert.match(again.stderr, /^sealreeld: .* is not empty; .*\n$/);
    await store.remove();
  });

  test('a crash leaves a lock that the next daemon takes, and a socket that it replaces', async () => {
    const store = await Store.serve();
    await store.kill();
    assert.ok(existsSync(store.path('sealreel.sock')));
    await store.start();
    assert.equal((await store.cli(['health'], { credential: store.operator })).code, 0);
    await store.remove();
  });

  test('a bad configuration at a reload changes nothing', async () => {
    const store = await Store.serve();
    chmodSync(store.path('issuers/dev.jwks'), 0o666);
    const from = store.log.length;
    process.kill(store.pid, 'SIGHUP');
    assert.match((await store.logged('reload_failed', { from }))[0].text, /dev\.jwks has mode 0666/);
    const credential = await store.service('playback');
    assert.equal((await store.cli(['list'], { credential, grant: store.mint('p', 'list') })).code, 0);
    await store.remove();
  });
});

describe('passphrases', { skip: missing() }, () => {
  let directory;
  let store;

  /** Writes the file that the passphrase is in; returns its path. */
  function phrase(words, bits = 0o600) {
    const path = join(directory, 'phrase');
    writeFileSync(path, `${words}\n`);
    chmodSync(path, bits);
    return path;
  }

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'sealreel-'));
    store = await Store.make({ args: ['--key-source', `passphrase:${phrase('right horse')}`] });
  });

  after(async () => {
    await store?.remove();
    rmSync(directory, { recursive: true });
  });

  for (const [what, words, bits, said] of [
    ['a wrong one', 'wrong horse', 0o600, /the passphrase or key does not fit the keyring/],
    ['an empty one', '', 0o600, /passphrase file .* 0 bytes/],
    ['one that others can read', 'right horse', 0o644, /passphrase file .* has mode 0644/],
  ]) {
    test(`${what} is refused`, () => {
      phrase(words, bits);
      return expectRefusal(store.directory, USAGE, said);
    });
  }

  test('the right one opens the store', async () => {
    phrase('right horse');
    await store.start();
    await store.stop();
  });
});
