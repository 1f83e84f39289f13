// From a clone to an own app that is called with a key, in three commands, as a newcomer runs them:
// with an empty HOME, an empty npm cache and nothing installed. The registry is left out: the
// dependencies are those of this checkout.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, symlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { temporaryDirectory } from '../helpers/cli.ts';

const run = promisify(execFile);
const checkout = join(import.meta.dirname, '../..');
/** The bar for all three commands, without the time of the registry. */
const maxMs = 60_000;

test('a clone, an installation and dev lead to an own app that is called with a key', { timeout: maxMs }, async (t) => {
  const app = createServer((_, response) => response.end('my own app')).listen(0, '127.0.0.1');
  await once(app, 'listening');
  t.after(() => {
    app.closeAllConnections();
    app.close();
  });
  const { port } = app.address() as AddressInfo;
  const directory = await temporaryDirectory(t);
  const [home, prefix, clone] = ['home', 'prefix', 'portal-gateway'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(home);
  const env = {
    PATH: [join(prefix, 'bin'), process.env['PATH'] ?? ''].join(delimiter),
    ...{ HOME: home, npm_config_prefix: prefix, npm_config_cache: join(home, 'cache') },
  };
  const startMs = performance.now();

  await run('git', ['clone', '--quiet', '--no-hardlinks', checkout, clone], { env });
  await symlink(join(checkout, 'node_modules'), join(clone, 'node_modules'));
  await run('npm', ['install', '--global', '.', '--offline', '--no-audit', '--no-fund'], { cwd: clone, env });
  const dev = spawn(join(prefix, 'bin/portal-gateway'), ['dev', String(port), '--name', 'my-app', '--port', '0'], {
    ...{ cwd: directory, env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => dev.kill());

  let printed = '';
  for await (const text of dev.stdout.setEncoding('utf8') as AsyncIterable<string>) {
    printed += text;
    if (/^try .*\n/m.test(printed)) break;
  }
  const line = printed.split('\n').find((text) => text.startsWith('try ')) ?? '';
  const { stdout } = await run(
    'sh',
    [
      '-c',
      line
        .slice('try '.length)
        .trim()
        .replace(/^curl /, 'curl -sS '),
    ],
    { env },
  );
  assert.equal(stdout, 'my own app');
  t.diagnostic(`${((performance.now() - startMs) / 1000).toFixed(1)} s`);
});
