import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { test } from 'node:test';
import { responseTo, call, exposeApp, raw } from '../../../test/helpers/exposed-app.ts';
import { parseTarget } from './target.ts';

test('forwards the request to the app unchanged, except for connection headers', async (t) => {
  let seen: IncomingMessage | undefined;
  const s = await exposeApp(t, (request, response) => {
    seen = request;
    response.end('ok');
  });
  const message =
    'GET /a%2Fb/../c?x=%20&y HTTP/1.1\r\nhost: caller.test\r\nX-Twice: 1\r\nx-twice: 2\r\nX-Latin: caf\xe9\r\n' +
    'X-Private: no\r\nConnection: close, X-Private\r\nKeep-Alive: timeout=9\r\nTE: trailers\r\nVia: 1.1 gateway\r\n\r\n';
  await responseTo(s, message);
  assert.equal(seen?.url, '/a%2Fb/../c?x=%20&y');
  assert.deepEqual(seen.rawHeaders, [
    ...['Host', `127.0.0.1:${s.port}`],
    ...['X-Twice', '1', 'x-twice', '2', 'X-Latin', 'caf\xe9'],
    ...['Via', '1.1 gateway', 'Via', '1.1 portal-expose', 'Connection', 'keep-alive'],
  ]);
});

test('forwards the response to the caller unchanged: order and spelling of fields, duplicates', async (t) => {
  const s = await exposeApp(t, (_request, response) => {
    response.sendDate = false;
    response.writeHead(207, 'Quite Fine', [
      'set-Cookie',
      'a=1',
      'Set-Cookie',
      'b=2',
      'X-E',
      '\xe9',
      'Content-Length',
      '2',
    ]);
    // Sent as bytes: Node would encode the head together with a string.
    response.end(Buffer.from('ok'));
  });
  assert.equal(
    await responseTo(s, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    'HTTP/1.1 207 Multi-Status\r\nset-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-E: \xe9\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok',
  );
});

test('Host is the target by default, the caller’s with preserve, or a fixed value', async (t) => {
  const app: RequestListener = (request, response) => response.end(request.headers.host);
  const target = await exposeApp(t, app);
  assert.equal(await text(await call(target)), `127.0.0.1:${target.port}`);
  const preserve = await exposeApp(t, app, { hostHeader: { mode: 'preserve' } });
  assert.equal(await text(await call(preserve)), 'caller.test');
  const fixed = await exposeApp(t, app, { hostHeader: { mode: 'fixed', value: 'app.internal:1' } });
  assert.equal(await text(await call(fixed)), 'app.internal:1');
});

test('an upload and a download of several megabytes arrive unchanged', async (t) => {
  const s = await exposeApp(t, (request, response) => request.pipe(response));
  const body = randomBytes(8 * 1024 * 1024);
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.length; at += 50_000) pieces.push(body.subarray(at, at + 50_000));
  const response = await call(s, { method: 'PUT', body: Readable.from(pieces) });
  const hash = createHash('sha256');
  for await (const chunk of response) hash.update(chunk as Buffer);
  assert.equal(hash.digest('hex'), createHash('sha256').update(body).digest('hex'));
});

test('a caller that does not read blocks the app (back-pressure)', async (t) => {
  const maxBytes = 256 * 1024 * 1024;
  const chunk = Buffer.alloc(65_536);
  let written = 0;
  let reply: ServerResponse | undefined;
  const s = await exposeApp(t, (_request, response) => {
    reply = response;
    const pump = (): void => {
      while (written < maxBytes) {
        written += chunk.length;
        if (!response.write(chunk)) return void response.once('drain', pump);
      }
      response.end();
    };
    pump();
  });
  const { client, app } = s.tunnel();
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  // Blocked for good: no byte has moved for many turns of the loop, and both ends wait for room.
  for (let stillTurns = 0, before = -1; stillTurns < 200;) {
    await new Promise((resolve) => setImmediate(resolve));
    const isStill = app.writableNeedDrain && reply?.writableNeedDrain === true && written === before;
    stillTurns = isStill ? stillTurns + 1 : 0;
    before = written;
  }
  assert.ok(written < 32 * 1024 * 1024, `the app could write ${written} bytes`);
  client.destroy();
});

test('delivers the head and the first event of a stream at once', async (t) => {
  let send: ((event: string) => void) | undefined;
  const s = await exposeApp(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    send = (event) => response.write(event);
  });
  const response = await call(s);
  assert.equal(response.headers['content-type'], 'text/event-stream');
  for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
    send?.(event);
    const [chunk] = (await once(response, 'data')) as [Buffer];
    assert.equal(chunk.toString(), event);
  }
  response.destroy();
});

test('forwards trailers in both directions', async (t) => {
  const s = await exposeApp(t, (request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { Trailer: 'X-Sum' });
      response.write('body');
      response.addTrailers({ 'X-Sum': `of ${request.trailers['x-in'] ?? ''}` });
      response.end();
    });
  });
  const response = await responseTo(
    s,
    'POST / HTTP/1.1\r\nHost: x\r\nTrailer: X-In\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\na\r\n0\r\nX-In: 7\r\n\r\n',
  );
  assert.match(response, /\r\nTrailer: X-Sum\r\n/);
  assert.ok(response.endsWith('4\r\nbody\r\n0\r\nX-Sum: of 7\r\n\r\n'), response);
});

test('forwards Early Hints byte for byte', async (t) => {
  const s = await exposeApp(t, (_request, response) => {
    response.writeEarlyHints({ link: '</a.css>; rel=preload', 'x-more': '1' });
    response.end('ok');
  });
  const response = await responseTo(s, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  assert.ok(
    response.startsWith(
      'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nx-more: 1\r\n\r\nHTTP/1.1 200 OK\r\n',
    ),
    response,
  );
});

test('the app, not the bridge, asks for the body of an Expect request', async (t) => {
  const s = await exposeApp(t, () => undefined);
  s.server.on(
    'checkContinue',
    (request: IncomingMessage, response: { writeContinue(): void; end(body: string): void }) => {
      response.writeContinue();
      void text(request).then((body) => {
        response.end(`got ${body}`);
      });
    },
  );
  const client = raw(
    s,
    'POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n',
  );
  const [first] = (await once(client, 'data')) as [Buffer];
  assert.equal(first.toString(), 'HTTP/1.1 100 Continue\r\n\r\n');
  client.write('body');
  assert.match((await buffer(client)).toString(), /got body$/);
});

test("forwards an app's rejection of an Expect request and closes the connection", async (t) => {
  const s = await exposeApp(t, () => undefined);
  s.server.on('checkContinue', (_request: unknown, response: { writeHead(status: number): { end(): void } }) => {
    response.writeHead(413).end();
  });
  const response = await responseTo(
    s,
    'POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n',
  );
  assert.match(response, /^HTTP\/1\.1 413 /);
  assert.match(response, /\r\nConnection: close\r\n/);
  assert.doesNotMatch(response, /100 Continue/);
});

test('HEAD, 204 and 304 have no content and keep the tunnel open', async (t) => {
  const s = await exposeApp(t, (request, response) => {
    const status = Number(request.url?.slice(1));
    response.writeHead(status, status === 200 ? { 'content-length': 5 } : {}).end();
  });
  const { client } = s.tunnel();
  const head = await call(s, { method: 'HEAD', path: '/200', over: client });
  assert.equal(head.headers['content-length'], '5');
  assert.equal(await text(head), '');
  for (const status of [204, 304]) {
    const response = await call(s, { path: `/${status}`, over: client });
    assert.equal(response.statusCode, status);
    assert.equal(await text(response), '');
  }
});

test('a POST without a body reaches the app without one', async (t) => {
  let seen: IncomingMessage | undefined;
  const s = await exposeApp(t, (request, response) => {
    seen = request;
    response.end();
  });
  await responseTo(s, 'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  assert.equal(seen?.headers['content-length'], '0');
  assert.equal(seen.headers['transfer-encoding'], undefined);
});

test('repeats an idempotent request if the app has closed the kept-alive connection', async (t) => {
  let connections = 0;
  const app = createTcpServer((socket) => {
    connections += 1;
    let served = false;
    socket
      .on('error', () => undefined)
      .on('data', () => {
        if (served) socket.resetAndDestroy();
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        served = true;
      });
  }).listen(0, '127.0.0.1');
  await once(app, 'listening');
  t.after(() => app.close());
  const { port } = app.address() as AddressInfo;
  const s = await exposeApp(t, () => undefined, { target: parseTarget(`127.0.0.1:${port}`) });
  assert.equal(await text(await call(s)), 'ok');
  assert.equal(await text(await call(s)), 'ok');
  assert.equal(connections, 2);
  const post = await call(s, { method: 'POST', headers: { 'content-length': '1' }, body: Readable.from(['x']) });
  assert.equal(post.statusCode, 200);
});

const refused: readonly (readonly [what: string, message: string, status: number])[] = [
  ['non-HTTP bytes', '\x16\x03\x01 hello\r\n\r\n', 400],
  ['an absolute target', 'GET http://other.test/ HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['two Hosts', 'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', 400],
  [
    'both framings',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  [
    'another coding besides chunked',
    'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    501,
  ],
];
for (const [what, message, status] of refused) {
  test(`rejects before contacting the app: ${what}`, async (t) => {
    let calls = 0;
    const s = await exposeApp(t, () => (calls += 1));
    const client = raw(s, message);
    const [head] = (await once(client, 'data')) as [Buffer];
    assert.match(head.toString(), new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.equal(calls, 0);
    client.destroy();
  });
}
