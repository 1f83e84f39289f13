import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { call, exposeApp, raw } from '../../../test/helpers/exposed-app.ts';
import type { AppFailure } from './app-fault.ts';
import { parseTarget } from './target.ts';

type Expected = readonly [code: string, proxyError: string, failure: AppFailure, reason: RegExp];
const notHttp = (reason: RegExp, proxyError = 'http_protocol_error'): Expected => [
  'bad_app_response',
  proxyError,
  'not_http',
  reason,
];

const badResponses: readonly (readonly [what: string, response: string, expected: Expected])[] = [
  ['non-HTTP bytes', 'SSH-2.0-OpenSSH_9\r\n', notHttp(/^The response is not HTTP\/1\.0 or HTTP\/1\.1$/)],
  [
    'a control character in the reason',
    'HTTP/1.1 200 O\u0001K\r\nContent-Length: 0\r\n\r\n',
    notHttp(/^The status line of the response is malformed$/),
  ],
  [
    'a control character in a value',
    'HTTP/1.1 200 OK\r\nX: a\u0001b\r\nContent-Length: 0\r\n\r\n',
    notHttp(/^A header field of the response is malformed$/),
  ],
  [
    'another coding besides chunked',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    notHttp(/Transfer-Encoding of the response is invalid$/),
  ],
  [
    'an unrequested upgrade',
    'HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
    notHttp(/a protocol that the request did not offer$/, 'http_upgrade_failed'),
  ],
  [
    'two lengths',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    notHttp(/Content-Length or Transfer-Encoding/),
  ],
  [
    'an endless head',
    `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`,
    notHttp(/too large$/, 'http_response_header_section_size'),
  ],
  [
    'an incomplete head',
    'HTTP/1.1 200 OK\r\nX: ',
    ['bad_app_response', 'http_response_incomplete', 'incomplete', /^the peer ended the connection$/],
  ],
  ['nothing', '', ['app_unreachable', 'connection_terminated', 'unreachable', /without a response$/]],
];
for (const [what, reply, [code, proxyError, failure, reason]] of badResponses) {
  test(`an app that responds with ${what} causes a 502, and the next request is served`, async (t) => {
    let served = 0;
    const app = createTcpServer((socket) => {
      socket
        .on('error', () => undefined)
        .once('data', () => {
          served += 1;
          socket.end(
            served === 1 ? reply : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok',
            'latin1',
          );
        });
    }).listen(0, '127.0.0.1');
    await once(app, 'listening');
    t.after(() => app.close());
    const target = parseTarget(`127.0.0.1:${(app.address() as AddressInfo).port}`);
    const s = await exposeApp(t, () => undefined, { target });
    const first = await call(s);
    assert.equal(first.statusCode, 502);
    assert.equal((JSON.parse(await text(first)) as { code: string }).code, code);
    const proxyStatus = `portal-expose; error=${proxyError}; details="${code}"`;
    assert.equal(first.headers['proxy-status'], proxyStatus);
    const [event] = s.events;
    assert.ok(event?.type === 'target_failed' && s.events.length === 1);
    assert.deepEqual([event.failure, event.outcome], [failure, 502]);
    assert.match(event.reason, reason);
    assert.equal(await text(await call(s)), 'ok');
  });
}

test("excess bytes after the app's response do not affect the caller", async (t) => {
  const heads = ['204 No Content\r\nContent-Length: 5', '200 OK\r\nContent-Length: 5'];
  for (const [head, content] of [
    [heads[0], ''],
    [heads[1], 'hello'],
  ] as const) {
    const app = createTcpServer((socket) => {
      socket
        .on('error', () => undefined)
        .once('data', () => socket.write(`HTTP/1.1 ${head}\r\n\r\nhello, and more\r\n`));
    }).listen(0, '127.0.0.1');
    t.after(() => app.close());
    await once(app, 'listening');
    const { port } = app.address() as AddressInfo;
    const s = await exposeApp(t, () => undefined, { target: parseTarget(`127.0.0.1:${port}`) });
    const { client } = s.tunnel();
    client.write('GET / HTTP/1.1\r\nHost: app\r\n\r\n');
    let received = '';
    client.on('data', (piece: Buffer) => (received += piece.toString()));
    while (!received.endsWith(`\r\n\r\n${content}`)) await setTimeout(5);
    assert.match(received, /^HTTP\/1\.1 20[04] /);
    assert.ok(!client.destroyed, 'the tunnel serves the next request');
  }
});

test('an unreachable target: the caller gets a problem, the owner gets the reason', async (t) => {
  const taken = createTcpServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  taken.close();
  const s = await exposeApp(t, () => undefined, { target: parseTarget(`127.0.0.1:${port}`) });
  const response = await call(s, { path: '/secret?token=1' });
  assert.equal(response.statusCode, 502);
  assert.equal(response.headers['content-type'], 'application/problem+json');
  assert.equal(response.headers['proxy-status'], 'portal-expose; error=connection_refused; details="app_unreachable"');
  const problem = JSON.parse(await text(response)) as { code: string; detail: string };
  assert.equal(problem.code, 'app_unreachable');
  assert.equal(
    problem.detail,
    'The app behind this lease does not respond: start it, or correct the target of `expose`, which prints the reason.',
  );
  assert.deepEqual(s.events, [
    {
      type: 'target_failed',
      method: 'GET',
      path: '/secret',
      outcome: 502,
      failure: 'unreachable',
      reason: 'ECONNREFUSED',
    },
  ]);
});

test('a target that fails during an upload causes a 502 and ends the tunnel', async (t) => {
  const s = await exposeApp(t, (request) => {
    request.once('data', () => request.socket.destroy());
  });
  const client = raw(s, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nsome of it');
  const response = (await buffer(client)).toString();
  assert.match(response, /^HTTP\/1\.1 502 /);
  assert.match(response, /\r\nConnection: close\r\n/);
});

test('an app that dies within its response leaves a detectably incomplete message', async (t) => {
  const s = await exposeApp(t, (_request, response) => {
    response.writeHead(200, { 'content-length': 1000 });
    response.write('half', () => response.destroy());
  });
  const response = await call(s);
  await assert.rejects(text(response), { code: 'ECONNRESET' });
});
