// The short commands as users run them: stdout, stderr and the exit code.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import packageJson from '../../package.json' with { type: 'json' };
import { createCredential, leaseIdOf, RelayClient } from '../../src/portal/index.ts';
import { createRelay } from '../../src/relay/relay.ts';
import { childEnvironment } from '../helpers/child-environment.ts';
import { runCli, startCli, temporaryDirectory } from '../helpers/cli.ts';

const commands = ['start', 'dev', 'expose', 'relay', 'leases', 'identity', 'health', 'explain'];

test('the manual page is in the form that npm installs', () => {
  // npm ignores a single path for packages installed from a folder or a tarball.
  assert.deepEqual(packageJson.man, ['./man/portal-gateway.1']);
});

for (const args of [['--version'], ['-v'], ['version'], ['-V']]) {
  test(`${args.join(' ')} prints the version of the package`, async (t) => {
    const { code, stdout, stderr } = await runCli(t, args, {});
    assert.deepEqual([code, stdout, stderr], [0, `${packageJson.version}\n`, '']);
  });
}

test('help COMMAND prints what COMMAND --help prints', async (t) => {
  for (const path of [[], ['start'], ['keys', 'create']]) {
    const [help, option] = await Promise.all([runCli(t, ['help', ...path], {}), runCli(t, [...path, '--help'], {})]);
    assert.deepEqual([help.code, help.stdout], [0, option.stdout]);
  }
});

test('commands that take a file take it as an argument or as an option', async (t) => {
  const file = join(await temporaryDirectory(t), 'gateway.yaml');
  await writeFile(file, 'lease_acl: { my-app: ["*"] }\n');
  for (const args of [[file], ['-c', file], ['--config', file]]) {
    const { code, stdout } = await runCli(t, ['validate', ...args], {});
    assert.equal(code, 0);
    assert.match(stdout, /gateway\.yaml is valid/);
  }
});

test('--help lists every command, and each has an example', async (t) => {
  const all = await runCli(t, ['--help'], { GATEWAY_PORT: 'even with a broken environment' });
  assert.equal(all.code, 0);
  for (const command of commands) {
    assert.match(all.stdout, new RegExp(`^  ${command} `, 'm'));
    const { code, stdout, stderr } = await runCli(t, [command, '--help'], {});
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, new RegExp(`Example:\n  \\$ .*portal-gateway ${command}`));
  }
});

test('an older Node gets a one-line error before any code that it cannot load', async (t) => {
  const preload = `data:text/javascript,Object.defineProperty(process,'versions',{value:{node:'20.20.2'}})`;
  const { code, stdout, stderr } = await runCli(t, ['--version'], { NODE_OPTIONS: `--import=${preload}` });
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /^portal-gateway needs Node 24 or newer, but this is .*\n$/);
});

test('an older Node cannot build the package, and says so in one line', async (t) => {
  const preload = `data:text/javascript,Object.defineProperty(process,'versions',{value:{node:'20.20.2'}})`;
  const script = new URL('../../tools/prepare.mjs', import.meta.url).pathname;
  const child = spawn(process.execPath, [`--import=${preload}`, script], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill());
  const [code, stdout, stderr] = await Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)]);
  assert.deepEqual([code[0], stdout], [1, '']);
  assert.match(
    stderr,
    /^portal-gateway needs Node 24 or newer to build, but this is .*`make run`, which fetches one of its own\n$/,
  );
});

test('an installation without development dependencies says that it does not build', async (t) => {
  const script = new URL('../../tools/prepare.mjs', import.meta.url).pathname;
  const env = childEnvironment({ npm_config_omit: 'dev' });
  // Without a bundler or dependencies here, a build would fail.
  const cwd = await temporaryDirectory(t);
  const child = spawn(process.execPath, [script], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill());
  const [code, stdout, stderr] = await Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)]);
  assert.deepEqual([code[0], stdout], [0, '']);
  assert.match(stderr, /^portal-gateway: dist\/ is not built, because .*: to build it, run `npm ci --include=dev`\n$/);
});

test('the relay prints its URL and stops on SIGTERM', async (t) => {
  const relay = startCli(t, ['relay', '--port', '0'], {});
  const [, url = ''] = await relay.line(/^(ws:\/\/127\.0\.0\.1:\d+\/relay)$/m);
  const { code, stdout, stderr } = await runCli(t, ['leases', '--relay', url], {});
  assert.deepEqual([code, stdout, stderr], [0, '', `The relay ${url} offers no leases.\n`]);
  relay.child.kill('SIGTERM');
  assert.equal(await relay.exited, 0);
  assert.equal(relay.stdout(), `${url}\n`);
});

test('the relay accepts an IPv6 address in brackets, as in URLs', async (t) => {
  const relay = startCli(t, ['relay', '--host', '[::1]', '--port', '0'], {});
  // On a machine without IPv6 the warning about it shows the address.
  await Promise.race([
    relay.line(/^ws:\/\/\[::1\]:\d+\/relay$/m),
    relay.note(/the relay cannot listen: ::1 is not an address of this machine/),
  ]);
});

test('prints leases as a table for people and JSON for programs, and untrusted text does not move the cursor', async (t) => {
  const relay = createRelay({ port: 0, identity: createCredential() });
  t.after(() => relay.close());
  const { url } = await relay.listen();
  const published: Promise<unknown>[] = [];
  const publishLease = (name: string, metadata: string): string => {
    const credential = createCredential();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const client = new RelayClient({
      url,
      credential,
      log: ({ type }) => {
        if (type === 'published') resolve(undefined);
      },
    });
    t.after(() => client.close());
    client.listen({ name, credential, alpn: ['http/1.1', 'other'], metadata });
    published.push(promise);
    return credential.id;
  };
  const plain = publishLease('plain', JSON.stringify({ description: 'What it is' }));
  const hostile = publishLease('x\u001b[2J\u202e', JSON.stringify({ description: 'a\u009b31m\nb' }));
  publishLease('y', 'no JSON at all');
  const lookalike = publishLease('z\u200b', '');
  publishLease('z', '');
  await Promise.all(published);

  const table = await runCli(t, ['leases'], { PORTAL_RELAY_URL: url });
  assert.equal(table.code, 0);
  const lines = table.stdout.trimEnd().split('\n');
  assert.match(lines[0] ?? '', /^NAME +ID +ALPN +EXPIRES +DESCRIPTION$/);
  assert.match(
    lines[1] ?? '',
    new RegExp(`^plain +${plain} +http/1\\.1,other +\\d{4}-\\d\\d-\\d\\dT[\\d:]+Z +What it is$`),
  );
  assert.match(lines[2] ?? '', new RegExp(`^x\\\\u001b\\[2J\\\\u202e +${hostile} .* a31mb$`));
  assert.match(table.stdout, new RegExp(`^z\\\\u200b +${lookalike} `, 'm'));
  assert.equal(lines.length, 6);

  const json = await runCli(t, ['leases', '--json', '--relay', url], {});
  assert.match(json.stdout, /^[\x20-\x7e]+\n$/);
  const [, second] = JSON.parse(json.stdout) as { id: string; name: string; description: string }[];
  assert.deepEqual([second?.id, second?.name, second?.description], [hostile, 'x\u001b[2J\u202e', 'a\u009b31m\nb']);
});

test('creates an identity once, private to its owner, and replaces it only on request, keeping the old one', async (t) => {
  const state = await temporaryDirectory(t);
  const environment = { XDG_STATE_HOME: state };
  const first = await runCli(t, ['identity'], environment);
  assert.equal(first.code, 0);
  const [id = '', publicKey = ''] = first.stdout.split('\n');
  assert.equal(id, leaseIdOf(Buffer.from(publicKey, 'base64')));
  const file = join(state, 'portal-gateway', 'identity.pem');
  assert.equal((await stat(file)).mode & 0o777, 0o600);

  const again = await runCli(t, ['identity', '--json'], environment);
  assert.deepEqual(JSON.parse(again.stdout), { id, public_key: publicKey, file });

  const renewed = await runCli(t, ['identity', '--new'], environment);
  assert.notEqual(renewed.stdout.split('\n')[0], id);
  assert.match(renewed.stderr, /kept as /);
  const [kept = ''] = (await readdir(join(state, 'portal-gateway'))).filter((name) => name !== 'identity.pem');
  const old = await runCli(t, ['identity', '--identity', join(state, 'portal-gateway', kept)], environment);
  assert.equal(old.stdout, first.stdout);
});

test('health uses the address from the environment, and fails with the reason', async (t) => {
  let reply = { status: 200, body: { status: 'healthy' } as Record<string, string> };
  const paths: (string | undefined)[] = [];
  const gateway = createServer((request, response) => {
    paths.push(request.url);
    response.writeHead(reply.status, { 'content-type': 'application/json' }).end(JSON.stringify(reply.body));
  }).listen(0, '127.0.0.1');
  await once(gateway, 'listening');
  t.after(() => {
    gateway.closeAllConnections();
    gateway.close();
  });
  const { port } = gateway.address() as AddressInfo;
  const healthy = await runCli(t, ['health'], { GATEWAY_HOST: '0.0.0.0', GATEWAY_PORT: `${port}` });
  assert.deepEqual([healthy.code, healthy.stdout], [0, 'ready\n']);

  reply = { status: 503, body: { status: 'unhealthy', reason: 'portal_disconnected' } };
  const url = `http://127.0.0.1:${port}`;
  const unhealthy = await runCli(t, ['health', '--url', `${url}/health`, '--json'], {});
  assert.equal(unhealthy.code, 75);
  assert.deepEqual(JSON.parse(unhealthy.stdout), { url: `${url}/health`, ready: false, ...reply });
  assert.match(
    unhealthy.stderr,
    /^portal-gateway: .*not ready \(HTTP 503: portal_disconnected\); try again shortly\n$/,
  );
  assert.deepEqual(paths, ['/health/ready', '/health']);
});
