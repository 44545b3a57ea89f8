// What every command says of itself, and what its failures say to do next.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { BIN, Store, missing, run } from './harness.mjs';

const NOBODY = '01936f6e-8c3a-7000-8000-000000000001';
const namesIn = (help) => [...help.split('\nEach')[0].matchAll(/^ {2}([a-z]+) +\S/gm)].map(([, name]) => name);

describe('the command line', { skip: missing() }, () => {
  let store;

  before(async () => {
    store = await Store.serve();
  });

  after(() => store?.remove());

  const help = async (...command) => {
    const { code, stdout } = await run(join(BIN, 'sealreel'), [...command, '--help']);
    assert.equal(code, 0);
    return stdout.toString();
  };

  test('every example can be pasted into a shell', async () => {
    const commands = namesIn(await help()).map((name) => [name]);
    const audit = namesIn(await help('audit')).map((name) => ['audit', name]);
    assert.ok(commands.length > 25 && audit.length > 7);
    for (const command of [...commands.filter(([name]) => name !== 'audit'), ['patient', 'erase'], ...audit]) {
      const said = await help(...command);
      const [, ...parts] = said.split(/^Example[^\n]*:\n\n/m);
      assert.ok(parts.length > 0, `${command.join(' ')} has no example`);
      const example = parts.at(-1);
      assert.match(example, new RegExp(`sealreel .*${command[0]}`), command.join(' '));
      for (const line of example.split('\n').filter(Boolean).join('\n').replaceAll(/\\\n/g, '').split('\n')) {
        assert.match(line, /^ {2}(sealreel|ffmpeg|export|for|id=)/, `${command.join(' ')}: a line begins in the middle`);
      }
      const { status, stderr } = spawnSync('bash', ['-n'], { input: example });
      assert.equal(status, 0, `${command.join(' ')}: ${stderr}`);
    }
  });

  test('what is not found is said with what fits the command', async () => {
    await store.service('audit');
    for (const [args, next] of [
      [['service', 'remove', 'nobody'], 'sealreel service list names them'],
      [['thaw', '--all', '--reason', 'x'], 'sealreel freeze --list names what is'],
      [['freeze', '--service', 'nobody', '--reason', 'x'], 'check what is named'],
      [['hold', 'release', NOBODY, '--reason', 'x'], 'check what is named; sealreel hold list names the holds'],
      [['scrub', '--discard', NOBODY, '--reason', 'x'], 'check what is named'],
      [['patient', 'erase', 'nobody', '--reason', 'x'], 'check the identity'],
    ]) {
      const { code, stderr } = await store.cli(args, { credential: store.operator });
      assert.equal(code, 1, stderr);
      assert.match(stderr, /^sealreel: not_found: [^;]+; [^\n]+\n$/, args.join(' '));
      assert.equal(/; (.*?)( \(request [0-9a-f]+\))?\n$/.exec(stderr)[1], next, args.join(' '));
    }
    const { stderr } = await store.cli(['play', NOBODY, '-o', '-'], {
      credential: await store.service('playback'), grant: store.mint('somebody', 'play'),
    });
    assert.match(stderr, /^sealreel: not_found: .*; check the id and whose grant it is \(request [0-9a-f]+\)\n$/);
  });
});
