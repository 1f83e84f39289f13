// The access log of requests through a whole gateway, and what it must never contain.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import { timestamp } from '../../src/observe/logs/timestamp.ts';
import { WebSocket, WebSocketServer } from 'ws';
import { writeAccessLog } from '../../src/observe/logs/access-log.ts';
import { auth, key, readUntil, startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import type { testPolicy } from '../helpers/policy.ts';
import { handedOver } from '../helpers/scripted-app.ts';

type Line = Record<string, unknown>;

interface Logged extends PlainGateway {
  readonly lines: readonly string[];
  /** The next line that was not read yet. */
  readonly line: () => Promise<Line>;
}

async function startLogged(
  t: TestContext,
  serve: RequestListener,
  policy: Parameters<typeof testPolicy>[0] = {},
): Promise<Logged> {
  const lines: string[] = [];
  let next = 0;
  let wake: (() => void) | undefined;
  const end = writeAccessLog({
    now: () => timestamp(systemClock.wallMs()),
    enabled: () => true,
    write: (line) => {
      lines.push(line);
      wake?.();
    },
    fault: () => undefined,
  });
  t.after(end);
  const gateway = await startPlainGateway(t, serve, { policy });
  return {
    ...gateway,
    lines,
    line: async () => {
      while (lines.length <= next) await new Promise<void>((resolve) => (wake = resolve));
      next += 1;
      return JSON.parse(lines[next - 1] ?? '') as Line;
    },
  };
}

const leaseId = 'APPAAAAAAAAAAAAAAAAAAAAAAA';

test('a completed request', async (t) => {
  const { call, line } = await startLogged(t, (request, response) => {
    request.resume().on('end', () => response.writeHead(201).end('answer'));
  });
  const headers = [...auth, 'User-Agent', 'agent/1'];
  const { message } = await call('/peer/app/a/b?c=d', { method: 'POST', body: 'four', headers });
  const { timestamp, duration_ms: durationMs, ...rest } = await line();
  assert.ok(Math.abs(Date.parse(String(timestamp)) - Date.now()) < 60_000);
  assert.ok(typeof durationMs === 'number' && durationMs > 0 && durationMs < 60_000);
  assert.deepEqual(rest, {
    level: 'info',
    request_id: message.headers['x-request-id'],
    method: 'POST',
    path: '/peer/app/a/b',
    status: 201,
    bytes_sent: 6,
    bytes_received: 4,
    lease_id: leaseId,
    relay: 'plain://test',
    key_id: 'test',
    client_ip: '127.0.0.1',
    user_agent: 'agent/1',
    message: 'request',
  });
});

test('rejected requests', async (t) => {
  const { call, line } = await startLogged(t, (_, response) => response.end());
  const logged = async (path: string, headers: readonly string[] = auth): Promise<unknown[]> => {
    await call(path, { headers });
    const { status, error_code: code, lease_id: lease, key_id: keyId, level, bytes_sent: bytes } = await line();
    return [status, code, lease, keyId, level, bytes];
  };
  assert.deepEqual(await logged('/peer/app/', []), [
    401,
    'missing_credentials',
    undefined,
    undefined,
    'info',
    undefined,
  ]);
  assert.deepEqual(await logged('/peer/none/'), [404, 'lease_not_found', undefined, 'test', 'info', undefined]);
  assert.deepEqual(await logged('/nothing'), [404, 'not_found', undefined, undefined, 'info', undefined]);
});

test('an app that is unreachable or closes before it responds', async (t) => {
  const { call, line, transport } = await startLogged(t, (request) => request.socket.destroy());
  transport.publish({ name: 'closed', port: 1 });
  await call('/peer/app/');
  const broken = await line();
  assert.deepEqual(
    [broken['status'], broken['error_code'], broken['level'], broken['relay'], broken['lease_id']],
    [502, 'tunnel_failed', 'warn', 'plain://test', leaseId],
  );
  await call('/peer/closed/');
  const closed = await line();
  assert.deepEqual([closed['error_code'], closed['reason']], ['lease_unreachable', 'ECONNREFUSED']);
});

test('a response that the app breaks off', async (t) => {
  const app = handedOver();
  const { open, line } = await startLogged(t, app.serve);
  const opened = open('/peer/app/');
  const [, response] = await app.next();
  response.write('part');
  const message = await opened;
  message.on('error', () => undefined);
  message.once('data', () => response.socket?.destroy());
  const { status, outcome, error_code: code, level, bytes_sent: bytes } = await line();
  assert.deepEqual([status, outcome, code, level, bytes], [200, 'cut', 'tunnel_failed', 'warn', 4]);
});

test('a client that leaves before or within the response', async (t) => {
  const app = handedOver();
  const { raw, open, line } = await startLogged(t, app.serve);
  const socket = raw(`GET /peer/app/early HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\n\r\n`);
  await app.next();
  socket.destroy();
  const early = await line();
  assert.deepEqual([early['status'], early['outcome'], early['error_code']], [499, 'client_closed', 'client_closed']);
  const opened = open('/peer/app/late');
  const [, response] = await app.next();
  response.write('part');
  (await opened).destroy();
  const late = await line();
  assert.deepEqual(
    [late['status'], late['outcome'], late['bytes_sent'], late['level']],
    [200, 'client_closed', 4, 'info'],
  );
});

test('an event stream, when it ends', async (t) => {
  const app = handedOver();
  const { open, line, lines } = await startLogged(t, app.serve);
  const opened = open('/peer/app/events');
  const [, response] = await app.next();
  response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
  const message = await opened;
  await once(message, 'data');
  assert.equal(lines.length, 0);
  response.end('data: 2\n\n');
  await text(message);
  const { stream, bytes_sent: bytes, outcome } = await line();
  assert.deepEqual([stream, bytes, outcome], ['sse', 18, undefined]);
});

test('a WebSocket, when it ends, with the bytes of both directions', async (t) => {
  const { app, port, line, lines } = await startLogged(t, (_, response) => response.end());
  const server = new WebSocketServer({ server: app });
  server.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      socket.send(`${data.toString()} and back`);
    });
  });
  const client = new WebSocket(`ws://127.0.0.1:${port}/peer/app/socket?token=secret`, {
    headers: { 'x-api-key': key },
  });
  await once(client, 'open');
  client.send('there');
  await once(client, 'message');
  assert.equal(lines.length, 0);
  client.close();
  await once(client, 'close');
  const logged = await line();
  assert.deepEqual([logged['status'], logged['stream'], logged['outcome']], [101, 'websocket', undefined]);
  // RFC 6455 §5.2: a 2-byte header, 4 bytes of mask from the client, and a close frame each way.
  assert.deepEqual([logged['bytes_received'], logged['bytes_sent']], [2 + 4 + 5 + 2 + 4, 2 + 14 + 2]);
  assert.equal(logged['path'], '/peer/app/socket');
});

test('an upgraded connection that the client cuts', async (t) => {
  const { app, raw, line } = await startLogged(t, (_, response) => response.end());
  app.on('upgrade', (_: IncomingMessage, socket: Socket) => {
    socket.on('error', () => undefined);
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello');
  });
  const client = raw(
    `GET /peer/app/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n`,
  );
  await readUntil(client, 'hello');
  client.resetAndDestroy();
  const { stream, outcome, bytes_sent: bytes } = await line();
  assert.deepEqual([stream, outcome, bytes], ['upgrade', 'client_closed', 5]);
});

test('also logs non-HTTP bytes and malformed requests', async (t) => {
  const { raw, line } = await startLogged(t, (request, response) => {
    request.resume().on('end', () => response.end());
  });
  const refused = async (text: string): Promise<unknown[]> => {
    raw(text).resume();
    const { message, method, path, status, error_code: code, client_ip: ip } = await line();
    return [message, method, path, status, code, ip];
  };
  assert.deepEqual(await refused('no HTTP at all\r\n\r\n'), [
    'request refused',
    undefined,
    undefined,
    400,
    'invalid_request',
    '127.0.0.1',
  ]);
  assert.deepEqual(await refused('GET /a?secret HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n'), [
    'request refused',
    'GET',
    '/a',
    400,
    'invalid_request',
    '127.0.0.1',
  ]);
});

test('logs the actual response to a body that grows too large', async (t) => {
  const forwarded = Promise.withResolvers<undefined>();
  const { raw, line } = await startLogged(
    t,
    (request, response) => {
      forwarded.resolve(undefined);
      request.resume().on('end', () => response.end());
    },
    { limits: { maxBodyBytes: 10 } },
  );
  const socket = raw(
    `POST /peer/app/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n0\r\n`,
  );
  socket.resume();
  await forwarded.promise;
  socket.write('14\r\n01234567890123456789\r\n0\r\n\r\n');
  const { status, error_code: code, message } = await line();
  assert.deepEqual([status, code, message], [413, 'body_too_large', 'request']);
});

test('logs no credential, wherever a client puts it', async (t) => {
  const secret = 'planted-secret-1234567890';
  const { port, call, line, lines } = await startLogged(t, (_, response) => {
    response.setHeader('set-cookie', `session=${secret}`).end(secret);
  });
  const headers = [...auth, 'Authorization', `Bearer ${secret}`, 'Cookie', `session=${secret}`, 'X-Other', secret];
  await call(`/peer/app/?api_key=${secret}&key=${key}#${secret}`, { headers });
  await line();
  await call('/peer/app/', { headers: ['Authorization', `Bearer ${secret}`] });
  await line();
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.write(
    `GET http://user:${secret}@host/peer/app/?${secret} HTTP/1.1\r\nHost: host\r\nX-API-Key: ${key}\r\n\r\n`,
  );
  await line();
  assert.equal(lines.length, 3);
  assert.ok(!lines.join('\n').includes(secret));
  assert.ok(!lines.join('\n').includes(key));
});
