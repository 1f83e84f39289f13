// `start` and `expose` without writable storage: on a read-only root, and with a home directory
// that is missing or belongs to another user.
import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { test, type TestContext } from 'node:test';
import { startCli, temporaryDirectory } from '../helpers/cli.ts';
import { startRelay } from '../helpers/published-demo.ts';
import { readOnlyMount } from '../helpers/read-only-mount.ts';
import { markedKey } from '../secrecy/marks.ts';

const configuration =
  'gateway: { public_url: "https://gateway.example.com" }\nauth: { assertion: { enabled: true } }\nquotas: { daily: { default: { requests: 10 } } }\n';

async function startsAnyway(t: TestContext, environment: Record<string, string>, uid?: number): Promise<void> {
  const { url: relay } = await startRelay(t);
  const directory = await temporaryDirectory(t);
  await chmod(directory, 0o755);
  const file = join(directory, 'gateway.yaml');
  await writeFile(file, configuration);
  const gateway = startCli(
    t,
    ['start', '--config', file, '--port', '0', '--relay', relay],
    { GATEWAY_API_KEY: markedKey('test'), ...environment },
    '',
    uid,
  );
  await gateway.line(/"message":"listening"/);
  const warnings = gateway.stdout().split('\n');
  assert.ok(warnings.some((line) => /"level":"warn".*portal\.identity.*XDG_STATE_HOME/.test(line)));
  assert.ok(warnings.some((line) => /"level":"warn".*assertion keys.*XDG_STATE_HOME/.test(line)));
  assert.ok(warnings.some((line) => /"level":"error".*cannot persist quota usage/.test(line)));

  const args = ['expose', '127.0.0.1:9', '--name', 'my-app', '--relay', relay];
  const expose = startCli(t, args, environment, '', uid);
  await expose.line(/^my-app [A-Z2-7]{26} /m);
  assert.match(expose.stderr(), /new at each start.*--identity.*XDG_STATE_HOME/);
}

test('with a read-only root, start and expose run under a temporary identity', async (t) => {
  const home = await readOnlyMount(t);
  if (home === undefined) {
    t.skip('needs root and the right to mount');
    return;
  }
  await startsAnyway(t, { HOME: home });
});

test('with a home that is not a directory, they run too', (t) => startsAnyway(t, { HOME: '/dev/null' }));

test('with a home that belongs to another user, they run too', async (t) => {
  if (process.getuid?.() !== 0) {
    t.skip('needs root, to start a process of another user');
    return;
  }
  const home = await temporaryDirectory(t);
  await chmod(home, 0o700);
  await startsAnyway(t, { HOME: home }, 54_321);
});

test('a user id without a database entry and without HOME has no writable home', async (t) => {
  if (process.getuid?.() !== 0) {
    t.skip('needs root, to start a process of another user');
    return;
  }
  await startsAnyway(t, { HOME: '' }, 54_321);
});

test('a file named with --identity is used or causes an error', async (t) => {
  const args = ['expose', '127.0.0.1:9', '--name', 'my-app', '--identity', '/dev/null/identity.pem'];
  const expose = startCli(t, args, {});
  assert.equal(await expose.exited, 1);
  assert.match(expose.stderr(), /identity file \/dev\/null\/identity\.pem/);
});

test('an existing but unusable identity file is an error, not replaced by a new identity', async (t) => {
  const state = await temporaryDirectory(t);
  await mkdir(join(state, 'portal-gateway/expose'), { recursive: true });
  await writeFile(join(state, 'portal-gateway/expose/my-app.pem'), 'no key', { mode: 0o600 });
  const expose = startCli(t, ['expose', '127.0.0.1:9', '--name', 'my-app'], { XDG_STATE_HOME: state });
  assert.equal(await expose.exited, 1);
  assert.match(expose.stderr(), /restore the file/);
});
