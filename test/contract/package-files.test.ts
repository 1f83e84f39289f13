// The npm package has the files that package.json refers to. dist/ is checked by publint, after the
// build.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import process from 'node:process';
import { test } from 'node:test';
import packageJson from '../../package.json' with { type: 'json' };
import { repository } from '../helpers/pages.ts';

interface Packed {
  readonly files: readonly { readonly path: string }[];
}

test('the package has the manual page, the licence and the README', () => {
  const packed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: repository,
    encoding: 'utf8',
    // npm is a .cmd file on Windows, which only a shell can start.
    shell: process.platform === 'win32',
  });
  const [{ files } = { files: [] }] = JSON.parse(packed) as Packed[];
  const paths = files.map(({ path }) => path);
  assert.deepEqual(packageJson.man, ['./man/portal-gateway.1']);
  for (const path of ['man/portal-gateway.1', 'LICENSE', 'README.md']) assert.ok(paths.includes(path), paths.join());
});
