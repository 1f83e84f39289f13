// Puts marked secrets in every possible place, right or wrong, then searches everything that the
// gateway wrote or sent.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { prefixCharacters } from '../../src/auth/api-key.ts';
import { runCli, startCli, temporaryDirectory } from '../helpers/cli.ts';
import { publishDemo, startRelay } from '../helpers/published-demo.ts';
import { mistyped, withKeyIdOf } from '../helpers/wrong-keys.ts';
import { secretIn } from '../secrecy/find-secrets.ts';
import { markedHash, markedKey, markedSecret } from '../secrecy/marks.ts';

const hashed = markedKey('live');
const keys = {
  hashed,
  plain: markedKey('test'),
  variable: markedSecret('variable'),
  file: markedSecret('file'),
  environment: markedKey('live'),
  unknown: markedKey('live'),
  'wrong behind its key id': withKeyIdOf(hashed, markedKey('live')),
  mistyped: mistyped(hashed),
  elsewhere: markedSecret('elsewhere'),
};

const config = (logging: string): string => `
auth:
  keys:
    - { id: hashed, key_hash: "${markedHash(hashed)}", key_prefix: "${hashed.slice(0, prefixCharacters)}" }
    - { id: plain, key: ${keys.plain}, scopes: [read, write, admin] }
    - { id: variable, key: "\${SECRET}" }
    - { id: file, key: "file:secret", expires_at: 2020-01-01T00:00:00Z }
lease_acl: { demo: ["*"] }
leases: { demo: { headers: { request: { set: { Authorization: "${markedSecret('app')}" } } } } }
logging: { level: debug, ${logging} }
`;

/** Request heads with the key in its proper place or in a wrong one. */
function placesOf(key: string): Record<string, string> {
  const path = '/peer/demo/status/204';
  const get = `GET ${path} HTTP/1.1\r\n`;
  const places = {
    bearer: `${get}Authorization: Bearer ${key}`,
    header: `${get}X-API-Key: ${key}`,
    subprotocol: `${get}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: portal-gateway.bearer.${key}`,
    'subprotocol of no upgrade': `${get}Sec-WebSocket-Protocol: portal-gateway.bearer.${key}`,
    twice: `${get}X-API-Key: ${key}\r\nAuthorization: Bearer ${key}`,
    'two headers': `${get}Authorization: Bearer ${key}\r\nAuthorization: Bearer ${key}`,
    scheme: `${get}Authorization: Basic ${key}`,
    'password of Basic': `${get}Authorization: Basic ${Buffer.from(`u:${key}`).toString('base64')}`,
    query: `GET ${path}?key=${key} HTTP/1.1`,
    'query of nothing': `GET /nowhere?key=${key} HTTP/1.1\r\nX-API-Key: ${key}`,
    cookie: `${get}Cookie: key=${key}`,
    referer: `${get}Referer: http://gw/?key=${key}`,
    origin: `${get}Origin: http://${key}`,
    forwarded: `${get}X-Forwarded-For: ${key}\r\nX-Request-ID: ${key}\r\nTraceparent: ${key}`,
    'name of a header': `${get}${key}: 1`,
    malformed: `${get}Authorization: Bearer ${key}\u0001`,
    'no header at all': `${get}${key}`,
    large: `${get}X-API-Key: ${key.repeat(1_000)}`,
    host: `${get}Host: ${key}`,
    'user of a target': `GET http://${key}@gw${path} HTTP/1.1`,
    method: `${key} ${path} HTTP/1.1`,
    version: `GET ${path} ${key}`,
    page: `${get}Accept: text/html\r\nX-API-Key: ${key}`,
    metrics: `GET /metrics HTTP/1.1\r\nX-API-Key: ${key}`,
    details: `GET /health/details HTTP/1.1\r\nX-API-Key: ${key}`,
  };
  // In a path, lease, user agent or method, only keys in our own format can be recognized.
  if (!key.startsWith('sk_')) {
    return Object.fromEntries(Object.entries(places).filter(([place]) => place !== 'method'));
  }
  return {
    ...places,
    path: `GET ${path}/${key} HTTP/1.1`,
    'path of nothing': `GET /${key} HTTP/1.1\r\nAccept: text/html`,
    lease: `GET /peer/${key}/ HTTP/1.1\r\nX-API-Key: ${keys.plain}`,
    alias: `GET /ws/${key} HTTP/1.1\r\nX-API-Key: ${keys.plain}`,
    agent: `${get}User-Agent: ${key}`,
  };
}

for (const [log, logging] of [
  ['the log', 'format: json'],
  ['the log for people', 'format: pretty'],
  ['the log file', 'output: file, file: { path: "gateway.log" }'],
] as const) {
  test(`no secret in ${log} at any level, in metrics, responses, or output of commands`, async (t) => {
    const relay = await startRelay(t);
    await publishDemo(t, relay.url, 'demo');
    const directory = await temporaryDirectory(t);
    const file = join(directory, 'gateway.yaml');
    await writeFile(file, config(logging), { mode: 0o600 });
    await writeFile(join(directory, 'secret'), keys.file, { mode: 0o600 });
    const environment = { XDG_STATE_HOME: directory, SECRET: keys.variable, GATEWAY_API_KEY: keys.environment };
    const cli = startCli(t, ['start', '--config', file, '--port', '0', '--relay', relay.url], environment);
    const logFile = join(directory, 'gateway.log');
    const written = log === 'the log file' ? () => readFile(logFile, 'utf8').catch(() => '') : () => cli.stdout();
    const logged = async (pattern: RegExp): Promise<RegExpExecArray> => {
      for (;;) {
        const match = pattern.exec(await written());
        if (match !== null) return match;
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await logged(/relay connected/);
    const [, port] = await logged(/url\W{1,3}http:\S+?:(\d+)/);

    const said: [string, string][] = [];
    const send = async (what: string, head: string): Promise<string> => {
      const socket = connect(Number(port), '127.0.0.1');
      await once(socket, 'connect');
      socket.write(`${head}\r\nHost: localhost\r\nConnection: close\r\n\r\n`, 'latin1');
      const response = await text(socket);
      said.push([what, response]);
      return response;
    };

    for (const [name, key] of Object.entries(keys)) {
      for (const [place, head] of Object.entries(placesOf(key))) await send(`${name} as ${place}`, head);
    }
    const withKey = `X-API-Key: ${keys.plain}`;
    assert.match(await send('a good key', `GET /peer/demo/status/204 HTTP/1.1\r\n${withKey}`), / 204 /);
    assert.match(await send('metrics', 'GET /metrics HTTP/1.1'), /portal_gateway_requests_total/);
    assert.match(await send('details', `GET /health/details HTTP/1.1\r\n${withKey}`), /"uptime/);

    await writeFile(file, config(logging).replace('plain, key:', `plain, expires_at: ${keys.unknown}, key:`));
    cli.child.kill('SIGHUP');
    await logged(/configuration rejected/);
    const faulty = await runCli(t, ['validate', '--config', file], environment);
    assert.equal(faulty.code, 1);
    await writeFile(file, config(logging));
    const commands = [['validate'], ['validate', '--json'], ['config', 'print'], ['config', 'print', '--json']];
    const results = await Promise.all(commands.map((words) => runCli(t, [...words, '--config', file], environment)));
    const asked = ['explain', '--config', file, '--key', keys.unknown, '--lease', 'demo'];
    const explained = await runCli(t, asked, environment);
    cli.child.kill('SIGTERM');
    assert.equal(await cli.exited, 0);

    const lines = await written();
    assert.ok(lines.split('\n').length > said.length / 2, 'requests are logged');
    said.push(['stdout', cli.stdout()], ['stderr', cli.stderr()], ['the log', lines]);
    for (const { stdout, stderr } of [...results, faulty, explained]) said.push(['a command', stdout + stderr]);
    const leaks = said.flatMap(([what, output]) =>
      output.split('\n').flatMap((line) => {
        const found = secretIn(line);
        return found === undefined ? [] : [`${found} as ${what}`];
      }),
    );
    assert.deepEqual(leaks, []);
  });
}
