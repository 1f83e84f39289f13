// The longest admitted heads and trailer blocks of requests and responses, in shapes for which
// quadratic code takes seconds. Each blocks the event loop for less than 20 ms, whether it is
// accepted or not.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { threadCpuUsage } from 'node:process';
import { test, type TestContext } from 'node:test';
import { key, startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { over, rawApp } from '../helpers/scripted-app.ts';

const maxLoopMs = 20;
const runs = 5;
/** gateway.max_header_bytes, minus the rest of the head. */
const requestBytes = 31 * 1024;
/** The longest admitted target. */
const targetBytes = 15 * 1024;
/** Just below the limit for response heads. */
const responseBytes = 62 * 1024;

/** Repeats the text as often as it fits. */
const fill = (text: string, bytes: number = requestBytes): string => text.repeat(Math.floor(bytes / text.length));
const numbered = (text: (i: number) => string, bytes: number): string => {
  let all = '';
  for (let i = 0; all.length < bytes; i += 1) all += text(i);
  return all;
};
/** One field per line; requests may have 200 at most. */
const fields = (line: (i: number) => string, count: number): string =>
  Array.from({ length: count }, (_, i) => `${line(i)}\r\n`).join('');

const keyless = 'Host: a\r\nConnection: close\r\n';
const base = `${keyless}X-API-Key: ${key}\r\n`;
const get = (more: string, target = '/peer/raw/'): string => `GET ${target} HTTP/1.1\r\n${base}${more}\r\n`;
const post = (more: string): string => `POST /peer/raw/ HTTP/1.1\r\n${base}${more}\r\n`;
const padded = (text: string, bytes: number): string => text + ' '.repeat(bytes);

const heads: Readonly<Record<string, string>> = {
  'spaces within a transfer coding': post(`Transfer-Encoding: ${padded('x', requestBytes)}x, chunked\r\n`),
  'tabs and spaces around transfer codings': post(`Transfer-Encoding: x${fill(',\t ')}x\r\n`),
  'many transfer codings': post(`Transfer-Encoding: ${fill('chunked,')}chunked\r\n`),
  'a long length': post(`Content-Length: ${fill('1')}\r\n`),
  'many options of Connection, many fields': get(
    `Connection: ${numbered((i) => `o${i},`, requestBytes - 4_000)}x\r\n${fields((i) => `x-${i}: a`, 180)}`,
  ),
  'many lines of Connection': get(fields((i) => `Connection: ${numbered((j) => `o${i}-${j},`, 130)}`, 180)),
  'spaces between options of Connection': get(`Connection: a${fill(' ', requestBytes - 10)}b,c\r\n`),
  'slashes within the prefix of a proxy': get(`X-Forwarded-Prefix: ${fill('/')}x\r\n`),
  'segments of the prefix of a proxy': get(`X-Forwarded-Prefix: ${fill('/a')}!\r\n`),
  'many addresses': get(`X-Forwarded-For: ${fill('1.1.1.1,')}x\r\n`),
  'many trusted addresses': get(`X-Forwarded-For: ${fill('127.0.0.1, ', 8 * 1024)}127.0.0.1\r\n`),
  'commas of Forwarded': get(`Forwarded: ${fill(',')}\r\n`),
  'open quotes of Forwarded': get(`Forwarded: ${fill('for="a,')}\r\n`),
  'escapes of Forwarded': get(`Forwarded: for="${fill('\\,')}\r\n`),
  'many parameters of Forwarded': get(`Forwarded: ${numbered((i) => `a${i}=b;`, requestBytes)}@\r\n`),
  'spaces after a scheme': `GET /peer/raw/ HTTP/1.1\r\n${keyless}Authorization: Bearer${padded('', requestBytes)}x\r\n\r\n`,
  'an endless key': `GET /peer/raw/ HTTP/1.1\r\n${keyless}X-API-Key: ${fill('sk_live_')}\r\n\r\n`,
  'many tags of If': get(`If: ${fill('<http://a/peer/raw/>(<a>)')}\r\n`),
  'unterminated lists of If': get(`If: ${fill('("(")')}\r\n`),
  'dots of a destination': get(`Destination: /peer/raw/${fill('../')}\r\n`),
  'many ranges of Accept': `GET /peer/raw/ HTTP/1.1\r\n${keyless}Accept: ${fill('text/html;q=0.1;a=b,')}x\r\n\r\n`,
  'many subprotocols': get(`Upgrade: x\r\nSec-WebSocket-Protocol: ${fill('portal-gateway.bearer.a,')}x\r\n`),
  'many protocols': get(`Upgrade: ${fill('h2c,')}x\r\n`),
  'many expectations': get(fields(() => `Expect: ${fill('100-continue,', 150)}x`, 180)),
  'spellings of headers that only the gateway sends': get(fields(() => `x_forwarded_for${fill('_.', 130)}: a`, 180)),
  'labels of a host': `GET / HTTP/1.1\r\nConnection: close\r\nHost: ${fill('a.')}a\r\n\r\n`,
  'colons of a host': `GET / HTTP/1.1\r\nConnection: close\r\nHost: [${fill(':')}]\r\n\r\n`,
  'dots of a target': get('', `/peer/raw/${fill('../', targetBytes)}`),
  'escaped dots of a target': get('', `/peer/raw/${fill('%2e%2e/', targetBytes)}`),
  'slashes of a target': get('', `/peer/raw${fill('/', targetBytes)}`),
  'escapes of a name': get('', `/peer/${fill('%41', targetBytes)}/`),
};

const chunked = (more: string, trailers: string): string =>
  `${post(`${more}Transfer-Encoding: chunked\r\n`)}1\r\na\r\n0\r\n${trailers}\r\n`;

const trailers: Readonly<Record<string, string>> = {
  'many trailers, many options of Connection': chunked(
    `Connection: ${numbered((i) => `o${i},`, requestBytes - 100)}x\r\n`,
    fields((i) => `o${i}: a`, requestBytes / 12),
  ),
  'many trailers that only the gateway sends': chunked(
    '',
    fields(() => 'x.forwarded_for: a', requestBytes / 22),
  ),
  'one trailer of spaces': chunked('', `a: b${fill(' ')}c\r\n`),
};

const ok = (more: string): string => `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${more}\r\nok`;
const deep = get('', `/peer/raw${fill('/a', targetBytes)}`);
const dotted = get('', `/peer/raw${fill('/a/..', targetBytes)}/`);
const longHost = `GET /peer/raw/ HTTP/1.1\r\nHost: ${fill('a.', 15 * 1024)}a\r\nConnection: close\r\nX-API-Key: ${key}\r\n\r\n`;

/** The response of the app, and the request it belongs to. */
const responses: Readonly<Record<string, readonly [sends: string, to?: string]>> = {
  'many options of Connection, many fields': [
    ok(`Connection: ${numbered((i) => `o${i},`, responseBytes / 2)}x\r\n${fields((i) => `x${i}: a`, 2_500)}`),
  ],
  'many lines of Connection': [ok(fields((i) => `Connection: o${i}`, 3_000))],
  'spaces between options of Connection': [ok(`Connection: a${fill(' ', responseBytes)}b,c\r\n`)],
  'many locations below a long target': [ok(fields(() => 'Location: ..', 4_400)), deep],
  'many references below a long target': [ok(fields(() => 'Content-Location: ./a', 2_700)), deep],
  'dots of a location': [ok(`Location: ${fill('../', responseBytes)}\r\n`), deep],
  'a long authority': [ok(`Location: //${fill('a:', responseBytes)}\r\n`)],
  'many links': [ok(`Link: ${fill('</>;rel=a,', responseBytes)}\r\n`)],
  'many links below a long target': [ok(`Link: ${fill('<..>;rel=a,', responseBytes)}\r\n`), deep],
  'many links below a target of dots': [ok(`Link: ${fill('<..>;rel=a,', responseBytes)}\r\n`), dotted],
  'many lines of links': [ok(fields(() => 'Link: <..>;rel=a', 3_100)), dotted],
  'open anchors of a link': [ok(`Link: <a>${fill('; anchor="', responseBytes)}\r\n`)],
  'many URLs of a challenge': [ok(`WWW-Authenticate: Bearer ${fill('a="http://raw/",', responseBytes)}\r\n`), longHost],
  'many links of interim responses': [`${fill('HTTP/1.1 103 E\r\nLink:<..>;rel=a\r\n\r\n', 60_000)}${ok('')}`, dotted],
  'many cookies below a long target': [ok(fields(() => 'Set-Cookie: a', 4_000)), deep],
  'many paths of a cookie': [ok(`Set-Cookie: a${fill(';path', responseBytes)}\r\n`), deep],
  'scopes of service workers': [ok(fields(() => 'Service-Worker-Allowed: a', 2_300))],
  'spaces after a type': [ok(`Content-Type: a${fill(' ', responseBytes)}b\r\n`)],
  'spaces within a coding': [`HTTP/1.1 200 OK\r\nTransfer-Encoding: x${fill(' ', responseBytes)}x, chunked\r\n\r\n`],
  'many lengths': [ok(fields(() => 'Content-Length: 2', 3_000))],
  'many fields': [ok(fields((i) => `a${i}:`, 6_000))],
  'many interim responses': [`${fill('HTTP/1.1 103 Early Hints\r\n\r\n', 26_000)}${ok('')}`],
  'many trailers': [
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${fields((i) => `a${i}: b`, 5_000)}\r\n`,
  ],
};

let sends = ok('');

async function start(t: TestContext): Promise<PlainGateway> {
  const gateway = await startPlainGateway(t, (_, response) => response.end(), {
    policy: { trustedProxies: ['127.0.0.1'] },
  });
  const port = await rawApp(t, (socket: Socket, received) => {
    if (received.endsWith('\r\n\r\n')) socket.write(sends, 'latin1');
  });
  gateway.transport.publish({ name: 'raw', port });
  // Warm-up: compiles the common path.
  for (let i = 0; i < 20; i += 1) await over(gateway.raw(get('')));
  return gateway;
}

/**
 * CPU time of this thread, which runs client, gateway and app, so that other processes do not
 * count. Returns the mean, because some kernels count in steps of 10 ms.
 */
async function loopMs(gateway: PlainGateway, request: string): Promise<number> {
  await over(gateway.raw(request)); // compiles
  const before = threadCpuUsage();
  for (let run = 0; run < runs; run += 1) await over(gateway.raw(request));
  const { user, system } = threadCpuUsage(before);
  return (user + system) / 1_000 / runs;
}

async function assertCheap(t: TestContext, requests: readonly (readonly [string, string, string?])[]): Promise<void> {
  const gateway = await start(t);
  const slow: string[] = [];
  for (const [name, request, response = ok('')] of requests) {
    sends = response;
    const ms = await loopMs(gateway, request);
    t.diagnostic(`${ms.toFixed(1)} ms: ${name}`);
    if (ms >= maxLoopMs) slow.push(`${name}: ${ms.toFixed(1)} ms`);
  }
  assert.deepEqual(slow, []);
}

test('request heads block the loop only briefly', (t) => assertCheap(t, Object.entries(heads)));

test('request trailers block the loop only briefly', (t) => assertCheap(t, Object.entries(trailers)));

test('response heads and trailers block the loop only briefly', (t) =>
  assertCheap(
    t,
    Object.entries(responses).map(([name, [response, request = get('')]]) => [name, request, response] as const),
  ));
