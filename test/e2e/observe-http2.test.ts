// Logs and metrics of requests over TLS and HTTP/2, and of the certificate in use.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { test, type TestContext } from 'node:test';
import { WebSocketServer } from 'ws';
import {
  listen,
  requestFinished,
  requestRefused,
  streamOpened,
  type RequestFinished,
  type RequestRefused,
} from '../../src/kernel/events.ts';
import { createMetrics } from '../../src/observe/metrics/metrics.ts';
import { certificate, otherCertificate, tlsSettings } from '../helpers/certificates.ts';
import { parseExposition, valueOf } from '../helpers/exposition.ts';
import { key } from '../helpers/plain-gateway.ts';
import { testPolicy } from '../helpers/policy.ts';
import { startSecureGateway } from '../helpers/secure-gateway.ts';

interface Recorded {
  readonly finished: RequestFinished[];
  readonly refused: RequestRefused[];
}

function record(t: TestContext): Recorded {
  const recorded: Recorded = { finished: [], refused: [] };
  const ends = [
    listen(requestFinished, (event) => recorded.finished.push(event)),
    listen(requestRefused, (event) => recorded.refused.push(event)),
  ];
  t.after(() => {
    for (const end of ends) end();
  });
  return recorded;
}

test('publishes a request over HTTP/2 like any other', async (t) => {
  const { finished, refused } = record(t);
  const { session } = await startSecureGateway(t, (request, response) => {
    request.resume().on('end', () => response.end('answer'));
  });
  const stream = (await session()).request({
    ':method': 'POST',
    ':path': '/peer/app/a?b',
    'x-api-key': key,
    'user-agent': 'agent/2',
  });
  stream.end('four');
  stream.resume();
  await once(stream, 'close');
  const [event] = finished;
  assert.deepEqual([finished.length, refused.length], [1, 0]);
  assert.deepEqual(
    [
      event?.httpVersion,
      event?.method,
      event?.path,
      event?.status,
      event?.bytesReceived,
      event?.bytesSent,
      event?.userAgent,
    ],
    ['2', 'POST', '/peer/app/a', 200, 4, 6, 'agent/2'],
  );
});

test('publishes the actual response to a body that is too large, over HTTP/2 too', async (t) => {
  const { finished } = record(t);
  const { session } = await startSecureGateway(
    t,
    (request, response) => {
      request.resume().on('end', () => response.end());
    },
    { policy: { limits: { maxBodyBytes: 10 } } },
  );
  const stream = (await session()).request({ ':method': 'POST', ':path': '/peer/app/', 'x-api-key': key });
  stream.on('error', () => undefined);
  stream.write('01234567890123456789');
  const [head] = (await once(stream, 'response')) as [Record<string, unknown>];
  stream.resume().end();
  await once(stream, 'close');
  assert.equal(head[':status'], 413);
  assert.deepEqual(
    finished.map(({ status, error }) => [status, error?.code]),
    [[413, 'body_too_large']],
  );
});

test('publishes a rejection once, and a response of the gateway itself once', async (t) => {
  const { finished, refused } = record(t);
  const { session, dial } = await startSecureGateway(t, (_, response) => response.end());
  const client = await session();
  for (const path of ['/health', '/health/live']) {
    const stream = client.request({ ':path': path });
    stream.resume();
    await once(stream, 'close');
  }
  assert.deepEqual(
    finished.map(({ route, status, bytesSent }) => [route, status, (bytesSent ?? 0) > 0]),
    [
      ['/health', 200, true],
      ['/health', 200, true],
    ],
  );
  const socket = await dial();
  socket.write('GET /peer/app/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
  await once(socket.resume(), 'end');
  const unexpected = client.request({ ':path': '/peer/app/2?x', expect: 'more' });
  await once(unexpected.resume(), 'close');
  assert.deepEqual(
    refused.map(({ error, path, clientIp }) => [error.code, path, clientIp]),
    [
      ['invalid_request', '/peer/app/', '127.0.0.1'],
      ['expectation_failed', '/peer/app/2', '127.0.0.1'],
    ],
  );
  assert.equal(finished.length, 2);
});

test('publishes a WebSocket over HTTP/2 when it ends', async (t) => {
  const { finished } = record(t);
  const { app, session } = await startSecureGateway(t, (_, response) => response.end());
  const opened: string[] = [];
  t.after(listen(streamOpened, ({ kind }) => opened.push(kind)));
  new WebSocketServer({ server: app }).on('connection', (socket) => {
    socket.close();
  });
  const stream = (await session()).request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':path': '/peer/app/',
    'x-api-key': key,
    'sec-websocket-version': '13',
  });
  // An empty close frame, masked: RFC 6455 §5.5.1.
  await once(stream, 'data');
  stream.end(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
  await once(stream.resume(), 'close');
  while (finished.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(opened, ['websocket']);
  const { stream: kind, status, bytesReceived, bytesSent, outcome } = finished[0] ?? assert.fail();
  assert.deepEqual([kind, status, bytesReceived, bytesSent, outcome], ['websocket', 101, 6, 2, 'complete']);
});

test('metrics contain the expiry of served certificates and failed handshakes', async (t) => {
  const { gateway, port } = await startSecureGateway(t, (_, response) => response.end());
  const metrics = createMetrics({ version: '1', status: () => gateway.status() });
  t.after(() => {
    metrics.close();
  });
  const name = 'portal_gateway_tls_certificate_expiry_timestamp_seconds';
  const read = async (): Promise<ReturnType<typeof parseExposition>> => parseExposition((await metrics.text()).body);
  const seconds = valueOf(await read(), name, { file: certificate.name }) ?? 0;
  assert.ok(seconds > Date.now() / 1000, 'it expires in the future');
  await gateway.apply(testPolicy(), tlsSettings({ certificates: [otherCertificate] }));
  assert.deepEqual(
    (await read()).get(name)?.samples.map(({ labels }) => labels['file']),
    [otherCertificate.name],
  );
  const socket = connectTcp(port, '127.0.0.1').on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket.resume(), 'close');
  const { samples = [] } = (await read()).get('portal_gateway_tls_handshakes_failed_total') ?? {};
  assert.deepEqual(
    samples.map(({ labels, value }) => [labels['code'], value]),
    [['ERR_SSL_HTTP_REQUEST', 1]],
  );
});
