// `dev PORT`: an own app is called by everything that the command prints, with one command.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { createCredential } from '../../src/portal/index.ts';
import { createRelay } from '../../src/relay/relay.ts';
import { runCli, startCli, temporaryDirectory, type CliProcess } from '../helpers/cli.ts';
import { freePort } from '../helpers/free-port.ts';

const run = promisify(execFile);

interface Result {
  readonly url: string;
  readonly path_url: string;
  readonly key: string;
  readonly curl: string;
  readonly sign_in: string;
  readonly mcp: string | null;
  readonly name: string;
  readonly relay: string;
}

/** An app that says what it was asked; with `mcp`, it responds to `initialize`. */
async function startApp(t: TestContext, { port = 0, mcp = false } = {}): Promise<number> {
  const app: Server = createServer((request: IncomingMessage, response: ServerResponse) => {
    if (mcp && request.url === '/mcp') {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { protocolVersion: '2025-06-18' } }));
    } else response.end(`${request.method ?? ''} ${request.url ?? ''} for ${request.headers.host ?? ''}`);
  });
  app.listen(port, 'localhost');
  await once(app, 'listening');
  t.after(() => {
    app.closeAllConnections();
    app.close();
  });
  return (app.address() as AddressInfo).port;
}

async function startDev(t: TestContext, args: readonly string[]): Promise<CliProcess> {
  const state = await temporaryDirectory(t);
  return startCli(t, ['dev', '--port', '0', ...args], { XDG_STATE_HOME: state, HOME: state });
}

async function jsonOf(cli: CliProcess): Promise<Result> {
  await cli.line(/\}\n$/);
  return JSON.parse(cli.stdout()) as Result;
}

/** Runs a printed command as it stands. */
async function paste(command: string): Promise<string> {
  return (await run('sh', ['-c', command.replace(/^curl /, 'curl -sS ')])).stdout;
}

test('everything that dev prints for an own app works when pasted', async (t) => {
  const port = await startApp(t, { mcp: true });
  const cli = await startDev(t, [String(port), '--name', 'My-App']);
  const [, url = ''] = await cli.line(/^app {3}(\S+)$/m);
  const [, curl = ''] = await cli.line(/^try {3}(curl .+)$/m);
  const [, link = ''] = await cli.line(/^open {2}(\S+)$/m);
  const [, mcp = ''] = await cli.line(/^mcp {3}(claude mcp add .+)$/m);

  assert.equal(await paste(curl), `GET / for localhost:${port}`);
  assert.match(url, /^http:\/\/my-app\.localhost:\d+\/$/);
  const [, key = ''] = /Bearer (\S+)'/.exec(curl) ?? [];
  const [, mcpUrl = '', header = ''] = /--transport http My-App (\S+) --header '(.+)'$/.exec(mcp) ?? [];
  assert.equal(header, `Authorization: Bearer ${key}`);
  assert.match(await paste(`curl -X POST -H '${header}' ${mcpUrl}`), /protocolVersion/);
  const cookies = await temporaryDirectory(t);
  const resolved = `--resolve my-app.localhost:${new URL(url).port}:127.0.0.1`;
  assert.equal(
    await paste(`curl -L ${resolved} -c ${cookies}/jar -b ${cookies}/jar '${link}'`),
    `GET / for localhost:${port}`,
  );
  assert.equal(await paste(`curl ${resolved} -b ${cookies}/jar ${url}page`), `GET /page for localhost:${port}`);

  cli.child.kill('SIGINT');
  assert.equal(await cli.exited, 0);
  await assert.rejects(once(connect(Number(new URL(url).port), '127.0.0.1'), 'connect'), { code: 'ECONNREFUSED' });
});

test('dev prints a line for each call that its gateway rejects, with the lease that it serves', async (t) => {
  const port = await startApp(t);
  const cli = await startDev(t, [String(port), '--name', 'my-app']);
  const [, curl = '', key = '', base = ''] = await cli.line(/^try {3}(curl .+ (sk_\w+)' (http:\S+)\/peer\/my-app\/)$/m);
  const lease = `this gateway serves one lease, "my-app", at ${base}/peer/my-app/ and http://my-app\\.localhost:\\d+/`;
  const call = (path: string, authorization: string): Promise<Response> =>
    fetch(base + path, { headers: { authorization } });
  const rejected: readonly (readonly [path: string, key: string, line: string])[] = [
    ['/peer/my-ap/', key, `GET /peer/my-ap/ 403 access_denied: ${lease}`],
    ['/my-app/', key, `GET /my-app/ 404 not_found: ${lease}`],
    [
      '/peer/my-app/a?b=c',
      `${key}x`,
      'GET /peer/my-app/a 401 invalid_credentials: its key is mistyped, or not the one',
    ],
  ];
  for (const [path, sent, line] of rejected) {
    await call(path, `Bearer ${sent}`);
    await cli.note(new RegExp(`^[\\d:.]{12} ${line}`, 'm'));
  }
  await fetch(`${base}/peer/my-app/b`);
  await cli.note(
    /^[\d:.]{12} GET \/peer\/my-app\/b 401 missing_credentials: it has no key: send the key printed above/m,
  );
  assert.equal(await paste(curl), `GET / for localhost:${port}`);
  cli.child.kill('SIGINT');
  assert.equal(await cli.exited, 0);
  assert.equal(cli.stderr().match(/^[\d:.]{12} .* [a-z]+_[a-z]+: /gm)?.length, 4, cli.stderr());
  // What it says about its lease is true for one gateway.
  assert.match(cli.stderr(), /^Its lease is [A-Z2-7]{26}\. Only this gateway serves it at \/peer\/my-app\/ and /m);
  assert.doesNotMatch(cli.stderr(), /Gateways on this relay/);
});

test('with --json, stdout is one object', async (t) => {
  const port = await startApp(t);
  const cli = await startDev(t, [String(port), '--json']);
  const result = await jsonOf(cli);
  assert.deepEqual([result.name, result.mcp], ['app', null]);
  assert.match(result.sign_in, /^http:\/\/app\.localhost:\d+\/\.well-known\/portal-gateway\/sign-in\?token=[\w-]{43}$/);
  const response = await fetch(result.path_url, { headers: { authorization: `Bearer ${result.key}` } });
  assert.equal(await response.text(), `GET / for localhost:${port}`);
  cli.child.kill('SIGINT');
  assert.equal(await cli.exited, 0);
  JSON.parse(cli.stdout());
});

test('dev starts before the app, and finds its MCP server once it listens', async (t) => {
  const port = await freePort();
  const cli = await startDev(t, [String(port), '--name', 'late']);
  const [, curl = ''] = await cli.line(/^try {3}(curl .+)$/m);
  await cli.note(/Nothing listens on http:\/\/localhost:\d+ yet/);
  assert.match(await paste(curl), /app_unreachable/);
  await startApp(t, { port, mcp: true });
  await cli.note(/accepts connections now/);
  await cli.line(/^mcp {3}claude mcp add --transport http late /m);
  assert.equal(await paste(curl), `GET / for localhost:${port}`);
});

test('dev --json does not wait for an app that does not listen yet', async (t) => {
  const port = await freePort();
  const cli = await startDev(t, [String(port), '--json']);
  await cli.note(/^lease /m);
  const startedMs = performance.now();
  const { mcp } = await jsonOf(cli);
  assert.equal(mcp, null);
  assert.ok(performance.now() - startedMs < 2_000);
});

test('an app that never responds delays nothing', async (t) => {
  const app = createServer(() => undefined);
  app.listen(0, 'localhost');
  await once(app, 'listening');
  t.after(() => {
    app.closeAllConnections();
    app.close();
  });
  const cli = await startDev(t, [String((app.address() as AddressInfo).port)]);
  await cli.line(/^open {2}/m);
  const stoppedMs = performance.now();
  cli.child.kill('SIGINT');
  assert.equal(await cli.exited, 0);
  assert.ok(performance.now() - stoppedMs < 3_000);
});

test('--relay uses a relay elsewhere, where other gateways cannot call the app', async (t) => {
  const relay = createRelay({ host: '127.0.0.1', port: 0, identity: createCredential() });
  const { url } = await relay.listen();
  t.after(() => relay.close());
  const [one, two] = [await startApp(t), await startApp(t)];
  const first = await jsonOf(await startDev(t, [String(one), '--name', 'one', '--relay', url, '--json']));
  const second = await jsonOf(await startDev(t, [String(two), '--name', 'two', '--relay', url, '--json']));
  assert.deepEqual([first.relay, second.relay], [url, url]);
  assert.equal(await paste(first.curl), `GET / for localhost:${one}`);
  assert.equal(await paste(second.curl), `GET / for localhost:${two}`);
  assert.match(await paste(first.curl.replace('/peer/one/', '/peer/two/')), /access_denied/);
});

test('names that are no host label are replaced there by the lease id', async (t) => {
  const port = await startApp(t);
  const names: readonly (readonly [name: string, host: RegExp])[] = [
    ['größe', /^xn--gre-6ka8i\.localhost$/],
    ['Straße-Ω', /^xn--[a-z0-9-]+\.localhost$/],
    ['my_app', /^my_app\.localhost$/],
    ['ｗｉｄｅ', /^[a-z2-7]{26}\.localhost$/],
    ['n'.repeat(64), /^[a-z2-7]{26}\.localhost$/],
  ];
  for (const [name, host] of names) {
    const cli = await startDev(t, [String(port), '--name', name, '--json']);
    const result = await jsonOf(cli);
    assert.match(new URL(result.url).hostname, host);
    assert.equal(await paste(result.curl), `GET / for localhost:${port}`);
    const resolve = `--resolve '${new URL(result.url).hostname}:${new URL(result.url).port}:127.0.0.1'`;
    const header = `-H 'Authorization: Bearer ${result.key}'`;
    assert.equal(await paste(`curl ${resolve} ${header} ${result.url}`), `GET / for localhost:${port}`);
    assert.match(await paste(`curl -i ${resolve} '${result.sign_in}'`), /^HTTP\/1\.1 303/);
    cli.child.kill('SIGINT');
    await cli.exited;
  }
});

describe('dev rejects', () => {
  const cases: readonly (readonly [what: string, args: readonly string[], code: number, message: RegExp])[] = [
    ['a port that is none', ['70000'], 2, /port 70000 is not between 1 and 65535/],
    ['a name in place of a port', ['my-app'], 2, /"my-app" is not a port; .+ --name my-app/],
    ['a target with a path', ['http://localhost:3000/app'], 2, /only a whole server can be published/],
    ["the gateway's own port", ['8080'], 2, /port 8080 is the gateway's own: .+ --port/],
    ["the gateway's own port, by its address", ['127.0.0.1:9', '--port', '9'], 2, /port 9 is the gateway's own/],
    ['a name with a space', ['3000', '--name', 'my app'], 2, /--name cannot be published: .+ a space/],
    ['a relay that is no WebSocket URL', ['3000', '--relay', 'https://relay.example'], 2, /relay/],
    ['--ca-file without --relay', ['3000', '--ca-file', 'ca.pem'], 2, /--ca-file needs --relay/],
    ['a second port', ['3000', '3001'], 2, /too many arguments/],
    ['a port in use', ['3000', '--port', 'BUSY'], 75, /port \d+ on 127\.0\.0\.1 is in use; .+ --port/],
  ];
  for (const [what, args, code, message] of cases) {
    test(what, async (t) => {
      const busy = await startApp(t);
      const result = await runCli(t, ['dev', ...args.map((arg) => (arg === 'BUSY' ? String(busy) : arg))], {
        XDG_STATE_HOME: await temporaryDirectory(t),
      });
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stderr, message);
      assert.equal(result.stdout, '');
    });
  }
});
