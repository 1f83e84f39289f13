import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { PortalError } from '../../src/portal/errors.ts';
import { errorCode, flag, frameType, setting, settingId } from '../helpers/http2-frames.ts';
import { key } from '../helpers/policy.ts';
import { closed, handedOver, rawApp, settled } from '../helpers/scripted-app.ts';
import { responseOf, ask, get, problemCode, startSecureGateway } from '../helpers/secure-gateway.ts';

const mebibyte = 1024 * 1024;

test('the app notices at once that a client reset its stream, and the connection stays open', async (t) => {
  const app = handedOver();
  const { session } = await startSecureGateway(t, app.serve);
  const client = await session();
  for (const responded of [false, true]) {
    const stream = ask(client, '/');
    const [request, response] = await app.next();
    if (responded) {
      response.write('first');
      await once(stream, 'data');
    }
    const left = closed(request);
    const leftMs = performance.now();
    stream.close(errorCode.cancel);
    await left;
    assert.ok(performance.now() - leftMs < 100);
  }
  const last = ask(client, '/');
  (await app.next())[1].end('still here');
  assert.equal((await responseOf(last)).body.toString(), 'still here');
});

for (const how of ['end', 'reset'] as const) {
  test(`the app notices at once, on every stream, that the client closed its connection by ${how}`, async (t) => {
    const app = handedOver();
    const { raw2 } = await startSecureGateway(t, app.serve);
    const client = await raw2();
    client.request(1, get('/1'));
    client.request(3, get('/2', [], 'POST'), 0);
    const requests = [(await app.next())[0], (await app.next())[0]];
    const left = Promise.all(requests.map(closed));
    const leftMs = performance.now();
    if (how === 'end') client.socket.end();
    else client.socket.destroy();
    await left;
    assert.ok(performance.now() - leftMs < 100);
  });
}

/** Returns what the app receives of an upload that is reset with this code within its body. */
async function resetUpload(t: TestContext, code: number, method: string): Promise<IncomingMessage> {
  const app = handedOver();
  const { raw2 } = await startSecureGateway(t, app.serve);
  const client = await raw2();
  client.request(1, get('/', [], method), 0);
  client.data(1, 'half');
  const [request] = await app.next();
  await once(request, 'data');
  const failed = once(request, 'end');
  client.reset(1, code);
  await assert.rejects(failed, { code: 'ECONNRESET' });
  return request;
}

test('an upload that the client abandons is never complete for the app, whatever the code', async (t) => {
  for (const code of [errorCode.cancel, errorCode.none]) {
    for (const method of ['POST', 'HEAD']) assert.equal((await resetUpload(t, code, method)).complete, false);
  }
});

test('a response that the app cuts is reset for the client, never ended', async (t) => {
  const app = handedOver();
  const { raw2 } = await startSecureGateway(t, app.serve);
  const client = await raw2();
  let stream = -1;
  for (const head of [{ 'content-length': 100 }, {}]) {
    for (const idle of [true, false]) {
      stream += 2;
      const id = stream;
      client.request(id, get());
      const [, response] = await app.next();
      response.writeHead(200, head);
      response.write('part', () => {
        // At once, or when no exchange is in progress.
        if (!idle) response.socket?.destroySoon();
      });
      if (idle) {
        await client.frame((frame) => frame.stream === id && frame.type === frameType.data);
        response.socket?.destroySoon();
      }
      assert.equal(await client.outcome(id), `reset ${errorCode.internal}`, `idle: ${idle}`);
      assert.equal(client.status(id), 200);
      assert.equal(client.body(id), 'part');
    }
  }
});

test('a body delimited by the end of the app’s connection is complete, unless it ends with a reset', async (t) => {
  const { raw2, transport } = await startSecureGateway(t, () => undefined);
  const head = 'HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nall of it';
  const apps = {
    closer: await rawApp(t, (socket) => socket.end(head)),
    resetter: await rawApp(t, (socket) => socket.write(head)),
  };
  for (const [name, port] of Object.entries(apps)) transport.publish({ name, port });
  const client = await raw2();
  client.request(1, get('/', [], 'GET', 'closer'));
  assert.equal(await client.outcome(1), '200');
  assert.equal(client.body(1), 'all of it');
  client.request(3, get('/', [], 'GET', 'resetter'));
  await client.frame(({ stream, type }) => stream === 3 && type === frameType.data);
  transport.tunnels.at(-1)?.destroy(new PortalError('stream_reset', 'as a relay resets it'));
  assert.equal(await client.outcome(3), `reset ${errorCode.internal}`);
});

test('an invalid response is 502, and the client’s connection stays open', async (t) => {
  const { session, transport } = await startSecureGateway(t, () => undefined);
  const responses = {
    odd: 'HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n',
    unsized: 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n',
    ssh: 'SSH-2.0\r\n',
  };
  for (const [name, head] of Object.entries(responses)) {
    transport.publish({ name, port: await rawApp(t, (socket) => socket.write(head)) });
  }
  const client = await session();
  for (const name of Object.keys(responses)) {
    const response = await responseOf(client.request({ ':path': `/peer/${name}/`, 'x-api-key': key }));
    assert.deepEqual([response.head[':status'], problemCode(response)], [502, 'bad_upstream_response'], name);
  }
});

test('a client that does not read blocks the app, only on that stream', async (t) => {
  let sent = 0;
  const { session } = await startSecureGateway(t, (request, response) => {
    if (request.url === '/small') {
      response.end('small');
      return;
    }
    const more = (): void => {
      while (!response.destroyed && sent < 64 * mebibyte) {
        sent += 65_536;
        if (!response.write(Buffer.alloc(65_536, 'x'))) {
          response.once('drain', more);
          return;
        }
      }
      response.end();
    };
    more();
  });
  const client = await session();
  const slow = ask(client, '/endless');
  await once(slow, 'response');
  const blockedAt = await settled(() => sent);
  assert.ok(blockedAt < 32 * mebibyte, `the app could send ${blockedAt}`);
  assert.equal((await responseOf(ask(client, '/small'))).body.toString(), 'small');
  let received = 0;
  for await (const piece of slow) received += (piece as Buffer).length;
  assert.equal(received, 64 * mebibyte);
});

test('an app that does not read blocks the client, only on that stream', async (t) => {
  const app = handedOver();
  const { session } = await startSecureGateway(t, app.serve);
  const client = await session();
  const upload = ask(client, '/', { ':method': 'POST' });
  let written = 0;
  const more = (): void => {
    while (!upload.destroyed && written < 64 * mebibyte) {
      written += 65_536;
      if (!upload.write(Buffer.alloc(65_536, 'x'))) return;
    }
    upload.end();
  };
  upload.on('drain', more);
  more();
  const [request, response] = await app.next();
  const blockedAt = await settled(() => written);
  assert.ok(blockedAt < 32 * mebibyte, `the client could send ${blockedAt}`);
  const other = ask(client, '/', { ':method': 'POST' });
  other.end('other');
  const [second, secondResponse] = await app.next();
  second.pipe(secondResponse);
  assert.equal((await responseOf(other)).body.toString(), 'other');
  let received = 0;
  for await (const piece of request) received += (piece as Buffer).length;
  assert.equal(received, 64 * mebibyte);
  response.end('all');
  assert.equal((await responseOf(upload)).body.toString(), 'all');
});

test('waits for a client that does not read the end of its response no longer than for an idle connection', async (t) => {
  const { raw2 } = await startSecureGateway(t, (_, response) => response.end('the end'), {
    policy: { limits: { idleTimeoutMs: 100 } },
  });
  // A zero window: no byte of a body may be sent.
  const client = await raw2(setting(settingId.initialWindowSize, 0));
  client.request(1, get());
  assert.equal(await client.outcome(1), `reset ${errorCode.cancel}`);
  assert.equal(await client.goaway(), errorCode.none);
});

test('limits a body by its announced length, its size and its pauses', async (t) => {
  const echo = (request: IncomingMessage, response: ServerResponse): void => {
    text(request).then(
      (body) => response.end(body),
      () => response.destroy(),
    );
  };
  const limits = { maxBodyBytes: 10, bodyTimeoutMs: 100 };
  const { raw2 } = await startSecureGateway(t, echo, { policy: { limits } });
  const client = await raw2();
  client.request(1, get('/', [['content-length', '11']], 'POST'), 0);
  assert.equal(await client.outcome(1), '413');
  client.request(3, get('/', [], 'POST'), 0);
  client.data(3, Buffer.alloc(11));
  assert.equal(await client.outcome(3), '413');
  client.request(5, get('/', [['content-length', '5']], 'POST'), 0);
  client.data(5, 'half');
  assert.equal(await client.outcome(5), '408');
  client.request(7, get('/', [], 'POST'), 0);
  client.data(7, 'whole', flag.endStream);
  assert.equal(await client.outcome(7), '200');
  assert.equal(client.body(7), 'whole');
});

test('a response before the end of the upload arrives complete, then NO_ERROR resets the rest', async (t) => {
  const { raw2 } = await startSecureGateway(t, (request, response) => {
    request.on('error', () => undefined);
    response.statusCode = Number(request.headers['x-status']);
    response.end(request.headers['x-body']);
  });
  const client = await raw2();
  let stream = -1;
  for (const [method, status, body] of [
    ['HEAD', '200', ''],
    ['POST', '200', ''],
    ['POST', '200', 'with content'],
    ['POST', '204', ''],
    ['POST', '304', ''],
  ] as const) {
    stream += 2;
    const id = stream;
    client.request(
      id,
      get(
        '/',
        [
          ['x-status', status],
          ['x-body', body],
        ],
        method,
      ),
      0,
    );
    assert.equal(await client.outcome(id), status, `${method} ${status}`);
    assert.equal(client.body(id), body);
    const { payload } = await client.frame((frame) => frame.stream === id && frame.type === frameType.reset);
    assert.equal(payload.readUInt32BE(), errorCode.none);
  }
  // The gateway's own response, which completes before nghttp2 has finished with the request.
  stream += 2;
  client.request(stream, get('/', [], 'HEAD', '%00'), 0);
  assert.equal(await client.outcome(stream), '400');
});
