import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer, text } from 'node:stream/consumers';
import { test } from 'node:test';
import { key } from '../helpers/policy.ts';
import { handedOver } from '../helpers/scripted-app.ts';
import { responseOf, ask, problemCode, startSecureGateway } from '../helpers/secure-gateway.ts';

/** Responds with a description of the request. */
function show(request: IncomingMessage, response: ServerResponse): void {
  void text(request).then((body) => {
    const { method, url, rawHeaders, rawTrailers, httpVersion } = request;
    response.end(JSON.stringify({ method, url, rawHeaders, rawTrailers, httpVersion, body }));
  });
}

interface Shown {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly rawTrailers: readonly string[];
  readonly body: string;
}

function shownIn({ body }: { readonly body: Buffer }): Shown {
  return JSON.parse(body.toString()) as Shown;
}

function field({ rawHeaders }: Shown, name: string): string | undefined {
  const at = rawHeaders.findIndex((candidate, i) => i % 2 === 0 && candidate.toLowerCase() === name);
  return at === -1 ? undefined : rawHeaders[at + 1];
}

test('a request over HTTP/2 looks like any other to the app', async (t) => {
  const { session } = await startSecureGateway(t, show);
  const response = await responseOf(
    ask(await session(), '/a%2Fb//c?d=%20', {
      accept: 'a',
      cookie: ['x=1', 'y=2'],
      'x-latin': '\u00e9',
      te: 'trailers',
    }),
  );
  const shown = shownIn(response);
  assert.equal(response.head[':status'], 200);
  assert.equal(shown.method, 'GET');
  assert.equal(shown.url, '/a%2Fb//c?d=%20');
  assert.equal(field(shown, 'cookie'), 'x=1; y=2');
  assert.equal(field(shown, 'x-latin'), '\u00e9');
  assert.equal(field(shown, 'x-forwarded-proto'), 'https');
  assert.match(field(shown, 'x-forwarded-host') ?? '', /^localhost:\d+$/);
  for (const absent of ['te', 'transfer-encoding', 'content-length', ':path'])
    assert.equal(field(shown, absent), undefined);
  assert.ok(response.head['x-request-id'] !== undefined && response.head.date !== undefined);
});

test('keeps a known body length, uses chunks for an unknown one, and sends its trailers after it', async (t) => {
  const { session } = await startSecureGateway(t, show);
  const client = await session();
  const sized = ask(client, '/', { ':method': 'POST', 'content-length': 5 });
  sized.end('hello');
  const first = shownIn(await responseOf(sized));
  assert.deepEqual([field(first, 'content-length'), first.body], ['5', 'hello']);

  const unsized = client.request(
    { ':path': '/peer/app/', ':method': 'PUT', 'x-api-key': key, trailer: 'x-check' },
    { waitForTrailers: true },
  );
  unsized.on('wantTrailers', () => {
    unsized.sendTrailers({ 'x-check': 'sum' });
  });
  unsized.write('one ');
  unsized.end('two');
  const second = shownIn(await responseOf(unsized));
  assert.deepEqual([field(second, 'transfer-encoding'), second.body], ['chunked', 'one two']);
  assert.deepEqual(second.rawTrailers, ['x-check', 'sum']);
});

test('a POST without a body has explicit framing', async (t) => {
  const { session } = await startSecureGateway(t, show);
  const stream = ask(await session(), '/', { ':method': 'POST' });
  stream.end();
  const shown = shownIn(await responseOf(stream));
  assert.equal(shown.body, '');
  assert.ok(field(shown, 'content-length') === '0' || field(shown, 'transfer-encoding') === 'chunked');
});

test('forwards the response as the app made it: status, repeated fields, trailers', async (t) => {
  const { session } = await startSecureGateway(t, (_, response) => {
    response.writeHead(418, [
      ...['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'Connection', 'x-hop', 'X-Hop', '1', 'Keep-Alive', 'timeout=9'],
      ...['X-Latin', '\u00e9', 'Content-Type', 'a/b', 'Content-Type', 'c/d', 'Trailer', 'X-Check'],
    ]);
    response.addTrailers([['X-Check', 'sum']]);
    response.end('short and stout');
  });
  const { head, body, trailers } = await responseOf(ask(await session(), '/'));
  assert.equal(head[':status'], 418);
  assert.deepEqual(head['set-cookie'], ['a=1; Path=/peer/app', 'b=2; Path=/peer/app']);
  assert.equal(head['x-latin'], '\u00e9');
  for (const hop of ['connection', 'x-hop', 'keep-alive', 'transfer-encoding']) assert.equal(head[hop], undefined, hop);
  assert.equal(body.toString(), 'short and stout');
  assert.equal(trailers?.['x-check'], 'sum');
});

test('early hints and a 100 arrive before the response', async (t) => {
  const app = handedOver();
  const gateway = await startSecureGateway(t, app.serve);
  gateway.app.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    response.writeEarlyHints({ link: ['</a>; rel=preload', '</b>; rel=preload'] });
    response.writeContinue();
    request.pipe(response);
  });
  const stream = ask(await gateway.session(), '/', {
    ':method': 'POST',
    expect: '100-continue',
    'content-length': 3,
  });
  const continued = once(stream, 'continue');
  const responding = responseOf(stream);
  await continued;
  stream.end('yes');
  const { informational, body } = await responding;
  assert.deepEqual(
    informational.map((head) => head[':status']),
    [103, 100],
  );
  assert.match(String(informational[0]?.['link']), /<\/a>.*<\/b>/);
  assert.equal(body.toString(), 'yes');
});

test('HEAD, 204, 205 and 304 have no content, whatever their length says', async (t) => {
  const { session } = await startSecureGateway(t, (request, response) => {
    const length = Number(request.headers['x-length'] ?? 5);
    response.writeHead(Number(request.headers['x-status'] ?? 200), { 'content-length': length });
    response.end(request.method === 'HEAD' ? undefined : Buffer.alloc(length, 'x'));
  });
  const client = await session();
  const head = await responseOf(ask(client, '/', { ':method': 'HEAD' }));
  assert.deepEqual([head.head['content-length'], head.body.length], ['5', 0]);
  const notModified = await responseOf(ask(client, '/', { 'x-status': '304' }));
  assert.deepEqual([notModified.head[':status'], notModified.body.length], [304, 0]);
  const reset = await responseOf(ask(client, '/', { 'x-status': '205', 'x-length': '0' }));
  assert.deepEqual([reset.head[':status'], reset.head['content-length']], [205, '0']);
  const none = await responseOf(ask(client, '/', { 'x-status': '204', 'x-length': '0' }));
  assert.deepEqual([none.head[':status'], none.head['content-length']], [204, undefined]);
});

test('delivers the first byte at once, and does not hold back an event', async (t) => {
  const app = handedOver();
  const { session } = await startSecureGateway(t, app.serve);
  const stream = ask(await session(), '/');
  const [, response] = await app.next();
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  await once(stream, 'response');
  for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
    response.write(event);
    const [piece] = (await once(stream, 'data')) as [Buffer];
    assert.equal(piece.toString(), event);
  }
  response.end();
});

test('forwards a response from before the end of the upload, and tells the client to stop', async (t) => {
  const { session } = await startSecureGateway(t, (_, response) => {
    response.writeHead(200, { 'content-length': 5 });
    response.end('early');
  });
  const stream = ask(await session(), '/', { ':method': 'POST' });
  stream.write(Buffer.alloc(300_000));
  const closed = once(stream, 'close');
  assert.equal((await responseOf(stream)).body.toString(), 'early');
  await closed;
  assert.equal(stream.rstCode, 0);
});

test('gateway responses are the same as over HTTP/1.1, with security headers for TLS', async (t) => {
  const { session } = await startSecureGateway(t, show);
  const client = await session();
  const unauthorised = await responseOf(client.request({ ':path': '/peer/app/' }));
  assert.deepEqual([unauthorised.head[':status'], problemCode(unauthorised)], [401, 'missing_credentials']);
  assert.match(String(unauthorised.head['www-authenticate']), /Bearer/);
  assert.match(String(unauthorised.head['strict-transport-security']), /max-age/);
  const health = await responseOf(client.request({ ':path': '/health' }));
  assert.equal(health.head[':status'], 200);
  const headOfHealth = await responseOf(client.request({ ':path': '/health', ':method': 'HEAD' }));
  assert.deepEqual([headOfHealth.head[':status'], headOfHealth.body.length], [200, 0]);
  const upload = client.request({ ':path': '/peer/app/', ':method': 'POST' });
  upload.on('error', () => undefined).write('some of it');
  assert.equal((await responseOf(upload)).head[':status'], 401);
});

test('many requests share the connection, and a large body passes both ways', async (t) => {
  const { session } = await startSecureGateway(t, (request, response) => request.pipe(response));
  const client = await session();
  const blob = Buffer.alloc(3_000_000, 'abcdefg');
  const bodies = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      const stream = ask(client, `/${i}`, { ':method': 'POST' });
      stream.end(i === 0 ? blob : `body ${i}`);
      await once(stream, 'response');
      return buffer(stream);
    }),
  );
  assert.ok(bodies[0]?.equals(blob));
  assert.equal(bodies[19]?.toString(), 'body 19');
});
