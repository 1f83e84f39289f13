import assert from 'node:assert/strict';
import { chmod, chown, lchown, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import process from 'node:process';
import { describe, test, type TestContext } from 'node:test';
import { tempDirectory } from '../../../test/helpers/temp-directory.ts';
import { futureRefusalOf, placeFault, privacyFault, type PrivateKind, processUser } from './private-file.ts';

const own = 1000;
const lent = 2000;
const user = { uid: own, gids: [own, lent] };

describe('a private file', () => {
  const cases: [what: string, mode: number, uid: number, accepts: readonly PrivateKind[]][] = [
    ['private to its owner', 0o600, own, ['key', 'secret', 'mounted']],
    ['private to its owner, read-only', 0o400, own, ['key', 'secret', 'mounted']],
    ['of ours that a group may read', 0o640, own, ['secret', 'mounted']],
    ['of root that a group may read, as Kubernetes mounts it with fsGroup', 0o440, 0, ['key', 'secret', 'mounted']],
    ['of root that every user may read, as Docker mounts it', 0o444, 0, ['mounted']],
    ['that a group may write', 0o620, own, []],
    ['of root that a group may write', 0o460, 0, []],
    ['that every user may write', 0o602, own, []],
    ['that every user may execute', 0o601, own, ['mounted']],
    ['of another user', 0o600, 1234, []],
    ['of another user that a group may read', 0o440, 1234, []],
  ];
  for (const [what, mode, uid, accepts] of cases) {
    for (const kind of ['key', 'secret', 'mounted'] as const) {
      test(`${what} is ${accepts.includes(kind) ? 'accepted' : 'rejected'} as ${kind}`, () => {
        const fault = privacyFault('/x', { mode, uid, gid: lent }, kind, user);
        assert.equal(fault === undefined, accepts.includes(kind), fault ?? 'accepted');
      });
    }
  }

  test('of another user is rejected for root, who needs no group either', () => {
    const root = { uid: 0, gids: [0] };
    assert.match(
      privacyFault('/x', { mode: 0o600, uid: own, gid: own }, 'secret', root) ?? '',
      /user 1000, not to root/,
    );
    assert.match(privacyFault('/x', { mode: 0o440, uid: 0, gid: lent }, 'key', root) ?? '', /its group may use it/);
  });
});

describe('the suggested fix for a private file', () => {
  const others = user.uid + 1;
  const remedies: [what: string, file: { mode: number; uid: number; gid: number }, kind: PrivateKind, says: RegExp][] =
    [
      ['a key of ours', { mode: 0o644, uid: own, gid: lent }, 'key', /: run "chmod 600 \/x"$/],
      ['a secret of ours', { mode: 0o644, uid: own, gid: lent }, 'secret', /: run "chmod o= \/x"$/],
      ['a secret of ours for its group', { mode: 0o620, uid: own, gid: lent }, 'secret', /: run "chmod g-w \/x"$/],
      [
        'a key of root with a group of ours, as Kubernetes mounts it by default',
        { mode: 0o644, uid: 0, gid: lent },
        'key',
        /: run "chmod 440 \/x" as root; in Kubernetes mount it with defaultMode: 0400 and set fsGroup$/,
      ],
      [
        'a key of root',
        { mode: 0o644, uid: 0, gid: others },
        'key',
        /run "chown 1000 \/x && chmod 400 \/x" as root; in K/,
      ],
      ['a keys file of root', { mode: 0o644, uid: 0, gid: others }, 'secret', /run "chown 1000 \/x && chmod 400 \/x"/],
      ['a mounted secret of root', { mode: 0o446, uid: 0, gid: others }, 'mounted', /: run "chmod 444 \/x" as root$/],
      ['a mounted secret of root', { mode: 0o460, uid: 0, gid: lent }, 'mounted', /: run "chmod 440 \/x" as root$/],
    ];
  for (const [what, file, kind, says] of remedies) {
    test(`${what}, mode ${file.mode.toString(8)}, lets this user read it and is accepted`, () => {
      const fault = privacyFault('/x', file, kind, user) ?? '';
      assert.match(fault, says);
      const [, mode = ''] = /chmod (\d+)/.exec(fault) ?? [];
      if (mode === '') return;
      const [, newOwner = `${file.uid}`] = /chown (\d+)/.exec(fault) ?? [];
      const repaired = { ...file, mode: parseInt(mode, 8), uid: Number(newOwner) };
      assert.equal(privacyFault('/x', repaired, kind, user), undefined);
    });
  }
});

const asRoot = process.getuid?.() === 0 ? false : 'needs root, to give directories to other users';

/**
 * The layout of Kubernetes' AtomicWriter: directory/volume/..data -> ..2026, which contains the
 * file, and directory/volume/file -> ..data/file.
 */
async function mounted(t: TestContext, volumeMode: number): Promise<{ path: string; volume: string }> {
  const volume = join(await tempDirectory(t), 'volume');
  await mkdir(join(volume, '..2026'), { recursive: true });
  await writeFile(join(volume, '..2026/file'), 'x', { mode: 0o600 });
  await symlink('..2026', join(volume, '..data'));
  await symlink('..data/file', join(volume, 'file'));
  await chmod(volume, volumeMode);
  return { path: join(volume, 'file'), volume };
}

describe('the directory of a private file', () => {
  for (const [mode, says] of [
    [0o755, undefined],
    [0o1777, undefined],
    [0o3775, undefined],
    [0o777, /every user .* may write to the directory .*volume", and so replace it: run "chmod go-w /],
    [0o757, /every user/],
    [0o775, /users of its group may write to the directory .*volume".* run "chmod g-w /],
  ] as const) {
    const what = says === undefined ? 'accepted' : 'refused';
    // Run as root, the volume would belong to root and a group of this process, which is accepted.
    const lentToUs = process.getuid?.() === 0 && mode === 0o775;
    test(`a directory of mode ${mode.toString(8)} is ${what}`, async (t) => {
      const { path, volume } = await mounted(t, mode);
      if (lentToUs) await chown(volume, 0, 54_321);
      const fault = await placeFault(path);
      if (says === undefined) assert.equal(fault, undefined);
      else assert.match(fault ?? '', says);
    });
  }

  test('checks all parent directories', async (t) => {
    const { path, volume } = await mounted(t, 0o755);
    await chmod(join(volume, '..'), 0o777);
    assert.match((await placeFault(path)) ?? '', /and so replace it/);
  });

  test('checks the directories of links on the path, and of their targets', async (t) => {
    const [outside, inside] = [await tempDirectory(t), await tempDirectory(t)];
    await writeFile(join(inside, 'file'), 'x');
    await symlink(join(inside, 'file'), join(outside, 'link'));
    assert.equal(await placeFault(join(outside, 'link')), undefined);
    for (const directory of [outside, inside]) {
      await chmod(directory, 0o777);
      assert.ok((await placeFault(join(outside, 'link')))?.includes(directory));
      await chmod(directory, 0o700);
    }
    assert.equal(await placeFault(join(outside, 'x', '..', 'link')), undefined);
  });

  test('does not report link loops and missing files as a fault of the directory', async (t) => {
    const directory = await tempDirectory(t);
    await symlink('circle', join(directory, 'circle'));
    assert.equal(await placeFault(join(directory, 'circle')), undefined);
    assert.equal(await placeFault(join(directory, 'missing', 'file')), undefined);
  });

  test('rejects a directory of another user at every level', { skip: asRoot }, async (t) => {
    const { path, volume } = await mounted(t, 0o755);
    for (const directory of [join(volume, '..2026'), volume, join(volume, '..')]) {
      await chown(directory, own, own);
      const says = `the directory ${JSON.stringify(directory)} belongs to user ${own}, not to root`;
      assert.ok((await placeFault(path))?.startsWith(says));
      assert.equal(await placeFault(path, user), undefined);
      await chown(directory, 0, 0);
    }
  });

  test('accepts a directory of root that is writable by a group of the process', { skip: asRoot }, async (t) => {
    const { path, volume } = await mounted(t, 0o2775);
    await chown(volume, 0, lent);
    assert.equal(await placeFault(path, user), undefined);
    assert.match((await placeFault(path, { uid: own, gids: [own] })) ?? '', /users of its group/);
    await chown(volume, own, lent);
    assert.match((await placeFault(path, user)) ?? '', /users of its group/);
  });

  test('rejects a link of another user in a sticky directory', { skip: asRoot }, async (t) => {
    const { path, volume } = await mounted(t, 0o1777);
    await lchown(join(volume, '..data'), 1234, 1234);
    const says = /the link ".*\.\.data" belongs to user 1234/;
    assert.match((await placeFault(path)) ?? '', says);
    // Paths that pass through a parent directory are checked too.
    assert.match((await placeFault(`${volume}/..2026/../..data/file`)) ?? '', says);
    await symlink('../..data/file', join(volume, '..2026', 'link'));
    assert.match((await placeFault(join(volume, '..2026', 'link'))) ?? '', says);
  });

  test('resolves a relative path link by link, as the system does', async (t) => {
    const { volume } = await mounted(t, 0o755);
    const link = join(await tempDirectory(t), 'link');
    await symlink(join(volume, '..2026'), link);
    await chmod(volume, 0o777);
    // A temporary directory beside the volume: without the link, no other user could write to it.
    assert.match((await placeFault(`${relative(process.cwd(), link)}/../file`)) ?? '', /and so replace it/);
  });
});

test('rejects the place of a new file if others could replace it and this user could create it there', async (t) => {
  const directory = await tempDirectory(t);
  const path = join(directory, 'state', 'file');
  assert.equal(await futureRefusalOf(path, 'secret'), undefined);
  await chmod(directory, 0o777);
  assert.match((await futureRefusalOf(path, 'secret')) ?? '', /and so replace it/);
  await mkdir(join(directory, 'state'));
  await writeFile(path, '', { mode: 0o644 });
  await chmod(directory, 0o755);
  assert.match((await futureRefusalOf(path, 'secret')) ?? '', /every user of this machine may use it/);
});

test('determines the user of the process and its groups', { skip: process.platform === 'win32' }, () => {
  assert.equal(processUser()?.uid, process.geteuid?.());
  assert.ok(processUser()?.gids.includes(process.getegid?.() ?? -1));
});
