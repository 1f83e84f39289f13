// Every documented usage error: one line on stderr (what, where and what to do), nothing on stdout,
// and the documented exit code.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { createCredential } from '../../src/portal/index.ts';
import { runCli, temporaryDirectory } from '../helpers/cli.ts';
import { freePort } from '../helpers/free-port.ts';
import { listen } from '../helpers/local-ports.ts';

const ports = { notFound: 0, html: 0, noHttp: 0, closed: 0 };

before(async () => {
  ports.notFound = await listen(createHttpServer((_request, response) => response.writeHead(404).end()));
  ports.html = await listen(
    createHttpServer((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<p>hello</p>'),
    ),
  );
  ports.noHttp = await listen(
    createTcpServer((socket) => socket.on('error', () => undefined).end('220 mail.test ESMTP\r\n')),
  );
  ports.closed = await freePort();
});

interface Case {
  readonly what: string;
  /** `dir` is an empty directory that `prepare` fills. */
  readonly args: (dir: string) => readonly string[];
  readonly prepare?: (dir: string) => Promise<unknown>;
  readonly environment?: () => Record<string, string>;
  readonly code: 1 | 2 | 75;
  readonly says: readonly RegExp[];
}

const relay = (name: keyof typeof ports, scheme = 'ws'): string => `${scheme}://127.0.0.1:${ports[name]}/relay`;
const expose = (...rest: string[]): string[] => ['expose', '3000', ...rest];

const cases: readonly Case[] = [
  {
    what: 'a command that does not exist',
    args: () => ['bogus'],
    code: 2,
    says: [/unknown command "bogus"/, /--help/],
  },
  {
    what: 'an option that does not exist',
    args: () => ['leases', '--bogus'],
    code: 2,
    says: [/--bogus/, /leases --help/],
  },
  { what: 'a required option left out', args: () => expose(), code: 2, says: [/--name/, /expose --help/] },
  { what: 'an invalid target', args: () => ['expose', 'a b', '--name', 'x'], code: 2, says: [/"a b"/, /port/] },
  { what: 'a target with a path', args: () => ['expose', 'http://a/b', '--name', 'x'], code: 2, says: [/has a path/] },
  { what: 'an invalid port', args: () => ['dev', '--port', '70000'], code: 2, says: [/70000/, /0 to 65535/] },
  {
    what: 'an invalid port in the environment',
    args: () => ['start'],
    environment: () => ({ GATEWAY_PORT: 'http' }),
    code: 1,
    says: [/GATEWAY_PORT: .*"http"/, /0 to 65535/],
  },
  {
    what: 'an invalid relay URL',
    args: () => ['leases', '--relay', 'nonsense'],
    code: 2,
    says: [/"nonsense"/, /ws:\/\/HOST/],
  },
  {
    what: 'a relay URL of another scheme',
    args: () => ['leases', '--relay', 'http://relay.test'],
    code: 2,
    says: [/scheme http/, /ws:\/\/HOST/],
  },
  {
    what: 'an invalid relay URL in the environment',
    args: () => ['leases'],
    environment: () => ({ PORTAL_RELAY_URL: 'nonsense' }),
    code: 2,
    says: [/"nonsense"/],
  },
  {
    what: 'a relay that responds with 404',
    args: () => ['leases', '--relay', relay('notFound')],
    code: 1,
    says: [/HTTP 404/, /\/relay/],
  },
  {
    what: 'a relay that responds with a page',
    args: () => ['leases', '--relay', relay('html')],
    code: 1,
    says: [/HTML page/, /check host, port and path/],
  },
  {
    what: 'a relay that does not speak HTTP',
    args: () => ['leases', '--relay', relay('noHttp')],
    code: 1,
    says: [/does not respond in HTTP/, /check host and port/],
  },
  {
    what: 'a relay that refuses TLS',
    args: () => ['leases', '--relay', relay('notFound', 'wss')],
    code: 1,
    says: [/TLS/, /ws:\/\//],
  },
  {
    what: 'an unreachable relay',
    args: () => ['leases', '--relay', relay('closed')],
    code: 75,
    says: [/nothing listens on port/, /start the relay/],
  },
  {
    what: 'a relay for publishing that responds with 404',
    args: () => expose('--name', 'x', '--relay', relay('notFound')),
    code: 1,
    says: [/HTTP 404/],
  },
  {
    what: 'a relay for publishing that refuses TLS',
    args: () => expose('--name', 'x', '--relay', relay('notFound', 'wss')),
    code: 1,
    says: [/TLS/],
  },
  {
    what: 'a name with a space',
    args: () => expose('--name', 'my app'),
    code: 2,
    says: [/--name/, /a space/, /letters, digits/],
  },
  { what: 'a name with a path separator', args: () => expose('--name', 'a/b'), code: 2, says: [/path separator "\/"/] },
  {
    what: 'a name with the other path separator',
    args: () => expose('--name', 'a\\b'),
    code: 2,
    says: [/path separator/],
  },
  { what: 'a name with a control character', args: () => expose('--name', 'a\u001b[2Jb'), code: 2, says: [/U\+001B/] },
  {
    what: 'a name of 300 characters',
    args: () => expose('--name', 'x'.repeat(300)),
    code: 2,
    says: [/300 characters/, /128/],
  },
  { what: 'a name like an option', args: () => expose('--name', '-x'), code: 2, says: [/--name .* begins with "-"/] },
  {
    what: 'a control character in an argument',
    args: () => ['dev', 'http://127.0.0.1:3000/\u001b[31m'],
    code: 2,
    says: [/3000\/\\u001b\[31m" has a path/],
  },
  { what: 'one in an unknown option', args: () => ['dev', '--\u009b31m'], code: 2, says: [/option '--\\u009b31m'/] },
  { what: 'an empty name', args: () => expose('--name', ''), code: 2, says: [/empty/] },
  {
    what: 'an invalid client id',
    args: () => expose('--name', 'x', '--allow-client', 'me'),
    code: 2,
    says: [/26 characters/],
  },
  { what: 'an invalid Host', args: () => expose('--name', 'x', '--host-header', 'a b'), code: 2, says: [/"a b"/] },
  {
    what: 'an identity file that is truncated',
    args: (dir) => ['identity', '--identity', join(dir, 'id.pem')],
    prepare: (dir) => writeFile(join(dir, 'id.pem'), createCredential().exportPem().slice(0, 60), { mode: 0o600 }),
    code: 1,
    says: [/id\.pem/],
  },
  {
    what: 'an identity file that everyone can read',
    args: (dir) => expose('--name', 'x', '--identity', join(dir, 'id.pem')),
    prepare: (dir) => writeFile(join(dir, 'id.pem'), createCredential().exportPem(), { mode: 0o644 }),
    code: 1,
    says: [/id\.pem/, /chmod/],
  },
  {
    what: 'an identity file that is a directory',
    args: (dir) => ['identity', '--identity', join(dir, 'id.pem')],
    prepare: (dir) => mkdir(join(dir, 'id.pem')),
    code: 1,
    says: [/id\.pem/, /directory/],
  },
  {
    what: 'a new identity in place of a directory',
    args: (dir) => ['identity', '--new', '--identity', join(dir, 'id.pem')],
    prepare: (dir) => mkdir(join(dir, 'id.pem')),
    code: 1,
    says: [/id\.pem/, /directory/],
  },
  {
    what: 'dev on a port in use',
    args: () => ['dev', '--port', `${ports.html}`],
    code: 75,
    says: [/port \d+ on 127\.0\.0\.1 is in use/, /--port/],
  },
  {
    what: 'start on a port in use',
    args: () => ['start', '--port', `${ports.html}`],
    code: 75,
    says: [/is in use/, /--port/],
  },
  {
    what: 'relay on a port in use',
    args: () => ['relay', '--port', `${ports.html}`],
    code: 75,
    says: [/is in use/, /--port/],
  },
  {
    what: 'an invalid relay host',
    args: () => ['relay', '--host', '[relay]', '--port', '0'],
    code: 2,
    says: [/--host/, /an address or a host name/],
  },
  {
    what: 'a host that is not on this machine',
    args: () => ['relay', '--host', '192.0.2.1', '--port', '0'],
    code: 1,
    says: [/not an address of this machine/, /--host/],
  },
  {
    what: 'an unreachable gateway',
    args: () => ['health', '--url', `http://127.0.0.1:${ports.closed}`],
    code: 75,
    says: [/no gateway responds/, /ECONNREFUSED/, /--url/],
  },
  {
    what: 'a server that is not a gateway',
    args: () => ['health', '--url', `http://127.0.0.1:${ports.notFound}`],
    code: 1,
    says: [/is not a gateway/, /HTTP 404/, /correct --url/],
  },
  {
    what: 'https:// for a server of plain HTTP',
    args: () => ['health', '--url', `https://127.0.0.1:${ports.notFound}`],
    code: 1,
    says: [/does not use TLS/, /write http:\/\/ in --url/],
  },
  {
    what: 'an invalid health URL',
    args: () => ['health', '--url', 'nonsense'],
    code: 2,
    says: [/nonsense/, /http:\/\/HOST/],
  },
];

// Each process mostly waits for its modules to load, so four run at a time.
describe('bad input', { concurrency: 4 }, () => {
  for (const { what, args, prepare, environment, code, says } of cases) {
    test(`${what}: exit ${code} and one line`, async (t) => {
      const directory = await temporaryDirectory(t);
      await prepare?.(directory);
      const result = await runCli(t, args(directory), { XDG_STATE_HOME: directory, ...environment?.() });
      assert.equal(result.code, code, result.stderr);
      assert.equal(result.stdout, '');
      const lines = result.stderr.trimEnd().split('\n');
      assert.equal(lines.length, 1, result.stderr);
      assert.match(lines[0] ?? '', /^portal-gateway: /);
      for (const words of says) assert.match(lines[0] ?? '', words);
    });
  }
});
