import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../../kernel/clock.ts';
import { tempDirectory } from '../../../test/helpers/temp-directory.ts';
import { LogFile, type LogFileOptions } from './log-file.ts';

interface Bench {
  readonly directory: string;
  readonly path: string;
  readonly file: LogFile;
  readonly stuck: string[];
  readonly write: (text: string, fresh?: boolean) => Promise<void>;
  readonly backups: () => Promise<string[]>;
  nowMs: number;
}

const startMs = Date.parse('2026-01-02T03:04:05.678Z');

async function bench(t: TestContext, options: Partial<LogFileOptions> = {}): Promise<Bench> {
  const directory = await tempDirectory(t);
  const path = options.path ?? join(directory, 'gateway.log');
  const stuck: string[] = [];
  const made: Bench = {
    directory,
    path,
    stuck,
    nowMs: startMs,
    file: new LogFile({
      path,
      maxSizeBytes: 100,
      maxBackups: 3,
      maxAgeMs: 3_600_000,
      stuck: (error) => stuck.push((error as NodeJS.ErrnoException).code ?? ''),
      clock: { ...systemClock, wallMs: () => made.nowMs },
      ...options,
    }),
    write: async (text, fresh = true) => {
      assert.equal(await made.file.write(Buffer.from(text), fresh), text.length);
    },
    backups: async () => (await readdir(directory)).filter((name) => /^gateway-.*\.log$/.test(name)).sort(),
  };
  t.after(() => made.file.close());
  return made;
}

const sixty = `${'x'.repeat(59)}\n`;

test('appends to an existing file and creates a missing directory', async (t) => {
  const directory = await tempDirectory(t);
  const path = join(directory, 'logs', 'gateway.log');
  const first = await bench(t, { path });
  await first.write('one\n');
  await first.file.close();
  const second = await bench(t, { path });
  await second.write('two\n');
  assert.equal(await readFile(path, 'utf8'), 'one\ntwo\n');
  assert.equal((await stat(path)).mode & 0o777, 0o640);
});

test('rotates a file before it would become too large, under a name with the time', async (t) => {
  const { write, path, directory, backups } = await bench(t);
  await write(sixty);
  await write('two\n');
  await write(sixty);
  assert.deepEqual(await backups(), ['gateway-2026-01-02T03-04-05.678Z.log']);
  assert.equal(await readFile(join(directory, 'gateway-2026-01-02T03-04-05.678Z.log'), 'utf8'), `${sixty}two\n`);
  assert.equal(await readFile(path, 'utf8'), sixty);
});

test('does not split a line on rotation', async (t) => {
  const { write, path, backups } = await bench(t);
  await write(sixty);
  await write(sixty.slice(0, -1), false);
  assert.deepEqual(await backups(), []);
  assert.equal((await stat(path)).size, 119);
});

test('writes a batch larger than the maximum size to a separate file', async (t) => {
  const { write, path, backups } = await bench(t);
  await write('y'.repeat(300));
  await write('z\n');
  assert.equal((await backups()).length, 1);
  assert.equal(await readFile(path, 'utf8'), 'z\n');
});

test('keeps the latest rotated files, also two within one millisecond', async (t) => {
  const made = await bench(t);
  for (let i = 0; i < 6; i += 1) await made.write(sixty);
  assert.deepEqual(await made.backups(), [
    'gateway-2026-01-02T03-04-05.680Z.log',
    'gateway-2026-01-02T03-04-05.681Z.log',
    'gateway-2026-01-02T03-04-05.682Z.log',
  ]);
});

test('keeps no rotated file if the limit is zero', async (t) => {
  const made = await bench(t, { maxBackups: 0 });
  for (let i = 0; i < 3; i += 1) await made.write(sixty);
  assert.deepEqual(await readdir(made.directory), ['gateway.log']);
});

test('deletes rotated files that are too old, and no other files', async (t) => {
  const made = await bench(t, { maxBackups: 10 });
  const old = 'gateway-2026-01-02T01-00-00.000Z.log';
  const others = ['gateway-notes.log', 'gateway-2026-01-02T01-00-00.000Z.log.gz', 'other-2026-01-02T01-00-00.000Z.log'];
  for (const name of [old, ...others]) await writeFile(join(made.directory, name), 'x');
  await made.write(sixty);
  const names = await readdir(made.directory);
  assert.ok(!names.includes(old));
  for (const name of others) assert.ok(names.includes(name), name);
});

test('creates a new file if it was moved or deleted', async (t) => {
  const made = await bench(t);
  await made.write('one\n');
  await rename(made.path, join(made.directory, 'moved'));
  await made.write('two\n');
  made.nowMs += 1_000;
  await made.write('three\n');
  assert.equal(await readFile(join(made.directory, 'moved'), 'utf8'), 'one\ntwo\n');
  assert.equal(await readFile(made.path, 'utf8'), 'three\n');
  await rm(made.path);
  made.nowMs += 1_000;
  await made.write('four\n');
  assert.equal(await readFile(made.path, 'utf8'), 'four\n');
});

test('closes a deleted file in the middle of a line', async (t) => {
  const { path, file, write } = await bench(t);
  await write(sixty);
  assert.equal(await file.moved(), false);
  await rm(path);
  assert.equal(await file.moved(), true);
  await write('rest\n', false);
  assert.equal(await readFile(path, 'utf8'), 'rest\n');
});

test('follows a symbolic link and rotates its target', async (t) => {
  const directory = await tempDirectory(t);
  await mkdir(join(directory, 'data'));
  const path = join(directory, 'link.log');
  await symlink(join(directory, 'data', 'real.log'), path);
  const made = await bench(t, { path });
  await made.write(sixty);
  await made.write(sixty);
  assert.deepEqual((await readdir(join(directory, 'data'))).sort(), ['real-2026-01-02T03-04-05.678Z.log', 'real.log']);
  assert.deepEqual((await readdir(directory)).sort(), ['data', 'link.log']);
});

test('writes to a device without rotating it', async (t) => {
  const made = await bench(t, { path: '/dev/null' });
  await made.write(sixty);
  await made.write(sixty);
  assert.deepEqual(made.stuck, []);
  assert.equal((await stat('/dev/null')).isCharacterDevice(), true);
});

test('a write fails while the path is not writable, and succeeds afterwards', async (t) => {
  const directory = await tempDirectory(t);
  const path = join(directory, 'taken', 'gateway.log');
  await writeFile(join(directory, 'taken'), 'a file where a directory should be');
  const made = await bench(t, { path });
  await assert.rejects(made.write('one\n'), { code: 'ENOTDIR' });
  await rm(join(directory, 'taken'));
  await made.write('two\n');
  assert.equal(await readFile(path, 'utf8'), 'two\n');
});

test('a file that cannot be rotated grows, and this is reported', async (t) => {
  const made = await bench(t);
  await made.write(sixty);
  // Permissions do not stop root, so a directory with the name of the backup makes the rename fail.
  await mkdir(join(made.directory, 'gateway-2026-01-02T03-04-05.678Z.log'));
  await made.write(sixty);
  await made.write(sixty);
  assert.deepEqual(made.stuck, [process.platform === 'win32' ? 'EPERM' : 'EISDIR']);
  assert.equal((await stat(made.path)).size, 180);
  made.nowMs += 60_000;
  await made.write(sixty);
  assert.equal(await readFile(made.path, 'utf8'), sixty);
});
