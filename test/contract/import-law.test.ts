// Checks the rules of .dependency-cruiser.cjs against a planted import from every directory to
// every other one: allowed imports pass, all others are reported. A gap in the rules would go
// unnoticed otherwise.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { temporaryDirectory } from '../helpers/cli.ts';

const repository = join(import.meta.dirname, '../..');
const lawFile = join(repository, '.dependency-cruiser.cjs');
const cruiser = join(repository, 'node_modules/.bin/depcruise');

interface Rule {
  readonly name: string;
  readonly to: { readonly pathNot?: readonly string[] };
}

interface Violation {
  readonly rule: { readonly name: string };
  readonly from: string;
  readonly to: string;
}

/** The directories that each directory may import, including itself. */
function allowedRooms(): Map<string, readonly string[]> {
  const { forbidden } = createRequire(import.meta.url)(lawFile) as { readonly forbidden: readonly Rule[] };
  const rooms = new Map<string, readonly string[]>();
  for (const { name, to } of forbidden) {
    if (!name.startsWith('law-of-')) continue;
    rooms.set(
      name.slice('law-of-'.length),
      (to.pathNot ?? []).map((path) => path.replace(/^\^src\/|\/$/g, '')),
    );
  }
  return rooms;
}

async function violationsOf(directory: string): Promise<readonly Violation[]> {
  const args = ['--config', lawFile, '--output-type', 'json', 'src'];
  // The exit code is the number of errors.
  const { stdout } = await promisify(execFile)(process.execPath, [cruiser, ...args], {
    cwd: directory,
    maxBuffer: 64 * 1024 * 1024,
  }).catch((error: unknown) => error as { readonly stdout: string });
  return (JSON.parse(stdout) as { readonly summary: { readonly violations: readonly Violation[] } }).summary.violations;
}

async function plant(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  await symlink(join(repository, 'node_modules'), join(directory, 'node_modules'));
  await writeFile(join(directory, 'package.json'), '{ "type": "module", "dependencies": { "zod": "*" } }');
  await writeFile(join(directory, 'tsconfig.json'), '{ "compilerOptions": { "module": "nodenext" } }');
}

const importing = (paths: readonly string[]): string => paths.map((path) => `import '${path}';`).join('\n');

test('each room imports only what the import law allows', async (t) => {
  const rooms = allowedRooms();
  const directory = await temporaryDirectory(t);
  const all = [...rooms.keys()];
  await plant(
    directory,
    Object.fromEntries(
      all.flatMap((room) => [
        [`src/${room}/target.ts`, 'export const target = 1;'],
        [
          `src/${room}/planted.ts`,
          importing(all.filter((other) => other !== room).map((other) => `../${other}/target.ts`)),
        ],
      ]),
    ),
  );
  const violations = await violationsOf(directory);
  const reported = new Set(
    violations.filter(({ rule }) => rule.name.startsWith('law-of-')).map(({ from, to }) => `${from} -> ${to}`),
  );
  const expected = new Set(
    [...rooms].flatMap(([room, allowed]) =>
      all
        .filter((other) => !allowed.includes(other))
        .map((other) => `src/${room}/planted.ts -> src/${other}/target.ts`),
    ),
  );
  assert.deepEqual(reported, expected);
});

test('every other rule reports violations', async (t) => {
  const directory = await temporaryDirectory(t);
  await plant(directory, {
    'src/unknown/target.ts': 'export const target = 1;',
    'src/kernel/a.ts': importing(['./b.ts']),
    'src/kernel/b.ts': importing(['./a.ts']),
    'src/kernel/alone.ts': 'export const alone = 1;',
    'src/kernel/tests.ts': importing(['../../test/helper.ts']),
    'src/kernel/tools.ts': importing(['eslint']),
    'src/guard/reads.ts': importing(['node:fs', 'zod']),
    'src/cli/unknown.ts': importing(['../unknown/target.ts']),
    'src/portal/session.ts': 'export const session = 1;',
    'src/portal/relay-client.ts': 'export const client = 1;',
    'src/portal/publishing/publish.ts': 'export const publish = 1;',
    'src/relay/client.ts': importing([
      '../portal/session.ts',
      '../portal/relay-client.ts',
      '../portal/publishing/publish.ts',
    ]),
    'test/helper.ts': 'export const helper = 1;',
  });
  const reported = new Set(
    (await violationsOf(directory)).map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`),
  );
  const found = (rule: string): string[] => [...reported].filter((line) => line.startsWith(`${rule}: `)).sort();
  assert.equal(found('known-rooms-only').length, 1);
  assert.ok(found('no-cycles').length > 0);
  assert.ok(found('no-orphans').some((line) => line.includes('alone.ts')));
  assert.equal(found('source-never-imports-tests').length, 1);
  assert.equal(found('no-dev-dependencies-in-source').length, 1);
  assert.deepEqual(
    found('guard-has-no-io')
      .map((line) => line.replace(/ -> .*node_modules\/([^/]+)\/.*/, ' -> $1'))
      .sort(),
    ['guard-has-no-io: src/guard/reads.ts -> fs', 'guard-has-no-io: src/guard/reads.ts -> zod'],
  );
  assert.equal(found('relay-uses-the-doors-of-portal').length, 3);
});

test('every existing room of the law is a folder, and every folder is in the law', async () => {
  const folders = (await readdir(join(repository, 'src'), { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  const rooms = allowedRooms();
  assert.deepEqual(
    folders.filter((name) => !rooms.has(name)),
    [],
  );
});
