import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { PortalError } from '../errors.ts';
import { connectCarrier } from './connect.ts';
import type { ConnectOptions } from './connect.ts';
import { parseRelayUrl } from './relay-url.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function port(server: Server): Promise<number> {
  server.on('connection', (socket) => {
    cleanups.push(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function failure(url: string, options: Partial<ConnectOptions> = {}): Promise<PortalError> {
  try {
    await connectCarrier(url, { signal: new AbortController().signal, ...options });
  } catch (error) {
    assert.ok(error instanceof PortalError, String(error));
    assert.ok(!error.message.includes('\n'), 'the message is one line');
    return error;
  }
  return assert.fail('connected');
}

const tls = new URL('../../../test/helpers/tls/', import.meta.url);
const key = readFileSync(new URL('key.pem', tls));
const cert = readFileSync(new URL('cert.pem', tls));

test('rejects invalid relay URLs before dialling, and shows no password', async () => {
  for (const [url, part] of [
    ['no url at all', 'is not a URL'],
    ['http://relay.test:4017/relay', 'ws://'],
    ['https://relay.test/relay', 'wss://'],
    ['ws://user:secret@relay.test/relay', 'user name or password'],
    ['ftp://user:secret@relay.test/relay', 'scheme ftp'],
    ['ws://user:secret@re lay.test/relay', 'is not a URL'],
    ['ws://relay.test/relay#part', 'fragment'],
    ['ws://relay.test:0/relay', 'port 0'],
    ['ws://relay.test:99999/relay', 'is not a URL'],
    ['ws://' + 'x'.repeat(5000) + ':y/', 'is not a URL'],
  ] as const) {
    const error = await failure(url);
    assert.equal(error.code, 'bad_relay_url', url);
    assert.ok(error.message.includes(part), error.message);
    assert.ok(!error.message.includes('secret'), error.message);
    assert.ok(error.message.length < 400);
  }
});

test('defaults to /relay for a relay URL without a path', () => {
  assert.equal(parseRelayUrl('ws://relay.test:4017').shown, 'ws://relay.test:4017/relay');
  assert.equal(parseRelayUrl('wss://[::1]/relay').host, '::1');
  assert.equal(parseRelayUrl('wss://relay.test/other').port, 443);
});

test('a refused connection and an unknown host are relay_unreachable', async () => {
  const server = createTcpServer();
  const free = await port(server);
  server.close();
  const refused = await failure(`ws://127.0.0.1:${free}/relay`);
  assert.equal(refused.code, 'relay_unreachable');
  assert.match(refused.message, /nothing listens on port/);
  const unknown = await failure('ws://no-such-host.invalid/relay');
  assert.equal(unknown.code, 'relay_unreachable');
  assert.match(unknown.message, /does not resolve/);
});

test('HTTP responses are reported with their status; those of an outage are relay_unreachable', async () => {
  for (const [status, type, part, code] of [
    [404, 'text/plain', 'HTTP 404', 'not_a_relay'],
    [200, 'text/html; charset=utf-8', 'HTTP 200 and an HTML page', 'not_a_relay'],
    [301, 'text/plain', 'redirects are not followed', 'not_a_relay'],
    [403, 'text/plain', 'denies access', 'not_a_relay'],
    [501, 'text/html', 'is not a relay', 'not_a_relay'],
    [429, 'text/plain', 'overloaded or down', 'relay_unreachable'],
    [500, 'text/plain', 'overloaded or down', 'relay_unreachable'],
    [502, 'text/html', 'HTTP 502 and an HTML page', 'relay_unreachable'],
    [503, 'text/plain', 'overloaded or down', 'relay_unreachable'],
    [522, 'text/plain', 'overloaded or down', 'relay_unreachable'],
    [400, 'text/plain', 'check host, port and path', 'not_a_relay'],
  ] as const) {
    const server = createHttpServer((_request, response) => {
      response.writeHead(status, { 'content-type': type, location: 'http://elsewhere.test/' }).end('<html>');
    });
    const error = await failure(`ws://127.0.0.1:${await port(server)}/relay?token=secret`);
    assert.equal(error.code, code, String(status));
    assert.ok(error.message.includes(part), error.message);
    assert.ok(!error.message.includes('secret'));
  }
});

test('an upgrade to a protocol other than ours is not_a_relay', async () => {
  for (const headers of [
    'Upgrade: h2c\r\nConnection: Upgrade',
    'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong',
  ]) {
    const server = createTcpServer((socket) => {
      socket.once('data', () => socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n\r\n`));
      socket.on('error', () => undefined);
    });
    const error = await failure(`ws://127.0.0.1:${await port(server)}/relay`);
    assert.equal(error.code, 'not_a_relay');
  }
});

test('a server that does not speak HTTP is not_a_relay', async () => {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('SSH-2.0-OpenSSH_9.9\r\n');
  });
  const error = await failure(`ws://127.0.0.1:${await port(server)}/relay`);
  assert.equal(error.code, 'not_a_relay');
  assert.match(error.message, /HPE_/);
});

test('a connection closed without a response is relay_unreachable', async () => {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.destroy());
  });
  const error = await failure(`ws://127.0.0.1:${await port(server)}/relay`);
  assert.equal(error.code, 'relay_unreachable');
});

test('a relay that never responds is connect_timeout', async () => {
  const server = createTcpServer();
  const error = await failure(`ws://127.0.0.1:${await port(server)}/relay`, { handshakeTimeoutMs: 500 });
  assert.equal(error.code, 'connect_timeout');
  assert.match(error.message, /500 ms \(waiting for the response to the upgrade\)/);
});

test('the caller’s signal ends an attempt, before and during it, and closes its connection', async () => {
  const server = createTcpServer();
  const address = await port(server);
  const early = await failure(`ws://127.0.0.1:${address}/relay`, { signal: AbortSignal.abort('gone') });
  assert.equal(early.code, 'dial_aborted');
  const abort = new AbortController();
  const closed = Promise.withResolvers<undefined>();
  server.on('connection', (socket) => {
    socket.once('data', () => {
      abort.abort();
    });
    socket.once('close', () => {
      closed.resolve(undefined);
    });
  });
  const late = await failure(`ws://127.0.0.1:${address}/relay`, { signal: abort.signal });
  assert.equal(late.code, 'dial_aborted');
  await closed.promise;
});

test('wss: an untrusted certificate, one for another name, and no TLS at all are relay_tls', async () => {
  const server = createHttpsServer({ key, cert });
  const address = await port(server);
  const selfSigned = await failure(`wss://localhost:${address}/relay`);
  assert.equal(selfSigned.code, 'relay_tls');
  assert.match(selfSigned.message, /ca_file/);
  const otherName = await failure(`wss://127.0.0.1:${address}/relay`, { ca: cert });
  assert.equal(otherName.code, 'relay_tls');
  assert.match(otherName.message, /another host name/);
  const plain = createHttpServer();
  const noTls = await failure(`wss://127.0.0.1:${await port(plain)}/relay`);
  assert.equal(noTls.code, 'relay_tls');
});

test('wss: a relay with a configured CA is reached, and its data arrives', async () => {
  const server = createHttpsServer({ key, cert });
  const websockets = new WebSocketServer({ server });
  websockets.on('connection', (ws) => {
    ws.send(Buffer.from('over tls'));
  });
  const address = await port(server);
  const carrier = await connectCarrier(`wss://localhost:${address}/relay`, {
    signal: new AbortController().signal,
    ca: cert,
  });
  assert.equal(carrier.remote, `localhost:${address}`);
  const text = await new Promise<string>((resolve) => {
    carrier.setHandler({
      data: (chunk) => {
        resolve(chunk.toString());
      },
      drain: () => undefined,
      close: () => undefined,
    });
  });
  assert.equal(text, 'over tls');
  carrier.close();
});
