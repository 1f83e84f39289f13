// Errors of commands that connect to a relay, and `--ca-file`: the same for all of these commands.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer as createTcpServer, connect as connectTcp, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { WebSocketServer } from 'ws';
import { certificate, tlsFile } from '../helpers/certificates.ts';
import { runCli, startCli, temporaryDirectory, type CliProcess } from '../helpers/cli.ts';
import { startRelay } from '../helpers/published-demo.ts';

async function portOf(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A relay behind TLS whose certificate for `localhost` is not trusted. */
async function startTlsRelay(t: TestContext): Promise<string> {
  const relay = await startRelay(t);
  const server = createTlsServer({ cert: certificate.cert, key: certificate.key }, (client) => {
    const target = connectTcp(relay.port, '127.0.0.1');
    client.pipe(target).pipe(client);
    client.on('error', () => target.destroy());
    target.on('error', () => client.destroy());
  });
  return `wss://localhost:${await portOf(t, server)}/relay`;
}

/** Accepts the WebSocket and then speaks another protocol. */
async function startOther(t: TestContext): Promise<string> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  server.on('connection', (socket) => {
    socket.send('portal, but another protocol');
  });
  await once(server, 'listening');
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/relay`;
}

/** The commands, with the output of each for a relay that it cannot use. */
const commands: Record<string, (url: string, more?: string[]) => string[]> = {
  leases: (url, more = []) => ['leases', '--relay', url, ...more],
  'leases accept': (url, more = []) => ['leases', 'accept', 'app', '--relay', url, ...more],
  expose: (url, more = []) => ['expose', '3000', '--name', 'app', '--relay', url, ...more],
  start: (url, more = []) => ['start', '--port', '0', '--relay', url, ...more],
};

async function begin(t: TestContext, args: string[]): Promise<CliProcess> {
  return startCli(t, args, { XDG_STATE_HOME: await temporaryDirectory(t) });
}

/** Resolves with the first line about the relay. */
async function said(cli: CliProcess, pattern: RegExp): Promise<string> {
  const [line] = await Promise.any([cli.note(pattern), cli.line(pattern)]);
  return line;
}

for (const [name, args] of Object.entries(commands)) {
  test(`${name} names the relay in every error`, async (t) => {
    const closed = createTcpServer();
    const port = await portOf(t, closed);
    closed.close();
    const urls: [string, RegExp][] = [
      [await startOther(t), /^.*unknown version 112.*$/m],
      [`ws://127.0.0.1:${port}/relay`, /^.*nothing listens.*$/m],
      [await startTlsRelay(t), /^.*DEPTH_ZERO_SELF_SIGNED_CERT.*--ca-file.*$/m],
    ];
    for (const [url, pattern] of urls) {
      const cli = await begin(t, args(url));
      assert.ok((await said(cli, pattern)).includes(url), url);
      cli.child.kill('SIGKILL');
    }
  });

  test(`${name} explains a v2 relay URL as validate does`, async (t) => {
    const { code, stderr } = await runCli(t, args('https://portal.example.com'), {});
    assert.equal(code, 2);
    assert.match(stderr, /"https:\/\/portal\.example\.com" is the URL of a Portal v2 relay, which comes with a later/);
    assert.match(stderr, /a v1 relay is wss:\/\/HOST\[:PORT\]\/relay/);
  });

  test(`${name} trusts the certificates of --ca-file`, async (t) => {
    const url = await startTlsRelay(t);
    const cli = await begin(t, args(url, ['--ca-file', tlsFile('cert.pem')]));
    await said(cli, /offers no leases|lists no lease named|^app [A-Z2-7]{26} wss:|"message":"relay connected"/m);
    const broken = join(await temporaryDirectory(t), 'bundle.pem');
    const certificate = await readFile(tlsFile('cert.pem'), 'utf8');
    await writeFile(broken, certificate + certificate.replace(/[^-\n]{20}/, '!'));
    for (const [file, fault] of [
      [
        join(import.meta.dirname, 'no-such-file'),
        /--ca-file \S+no-such-file does not exist: create it, or correct the path$/m,
      ],
      [import.meta.dirname, /--ca-file \S+ is a directory: name a file in it$/m],
      [import.meta.filename, /cli-relays\.test\.ts is not a PEM certificate/],
      [broken, /bundle\.pem holds a malformed certificate, number 2 of 2/],
    ] as const) {
      const { code, stderr } = await runCli(t, args(url, ['--ca-file', file]), {});
      assert.equal(code, 1);
      assert.match(stderr, fault);
    }
  });
}

for (const [name, args] of Object.entries(commands)) {
  test(`${name} rejects --ca-file if no relay uses TLS`, async (t) => {
    const { code, stderr } = await runCli(
      t,
      args('ws://relay.example.com/relay', ['--ca-file', tlsFile('cert.pem')]),
      {},
    );
    assert.equal(code, 2);
    assert.match(stderr, /--ca-file has no effect with ws:\/\/relay\.example\.com\/relay: name a wss:\/\/ relay/);
  });
}

test('start accepts --ca-file only with --relay', async (t) => {
  const { code, stderr } = await runCli(t, ['start', '--ca-file', tlsFile('cert.pem')], {});
  assert.equal(code, 2);
  assert.match(stderr, /--ca-file needs --relay; .*portal\.relays\[\]\.ca_file/);
});
