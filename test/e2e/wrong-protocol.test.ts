// Clients that speak another protocol than the port: TLS on an HTTP port, HTTP on a TLS port,
// HTTP/2 by prior knowledge. The client and the log both learn which protocol it was.
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { connect as connectTls } from 'node:tls';
import {
  connectionRefused,
  tlsHandshakeFailed,
  type ConnectionRefused,
  type EventChannel,
  type TlsHandshakeFailed,
} from '../../src/kernel/events.ts';
import { certificate, tlsSettings } from '../helpers/certificates.ts';
import { frame, frameType, preface, readFrames } from '../helpers/http2-frames.ts';
import { startPlainGateway } from '../helpers/plain-gateway.ts';
import { proxyHeaderFor } from '../helpers/proxy-header.ts';
import { startSecureGateway } from '../helpers/secure-gateway.ts';

const http11Required = 0x0d;

function heard<T>(t: TestContext, channel: EventChannel<T>): T[] {
  const events: T[] = [];
  const listen = (event: unknown): void => void events.push(event as T);
  channel.subscribe(listen);
  t.after(() => {
    channel.unsubscribe(listen);
  });
  return events;
}

function dialed(t: TestContext, port: number, first: string | Buffer): Socket {
  const socket = connect({ port, host: '127.0.0.1' });
  t.after(() => socket.destroy());
  socket.write(first);
  return socket;
}

/** The server side of the next connection. */
function nextAccepted(): Promise<{ readonly socket: Socket }> {
  const { promise, resolve } = Promise.withResolvers<{ readonly socket: Socket }>();
  const accepted = (message: unknown): void => {
    unsubscribe('net.server.socket', accepted);
    resolve(message as { readonly socket: Socket });
  };
  subscribe('net.server.socket', accepted);
  return promise;
}

function assertGoaway(bytes: Buffer, reason: RegExp): void {
  const [settings, goaway, ...more] = readFrames(bytes).frames;
  assert.deepEqual([settings?.type, goaway?.type, more.length], [frameType.settings, frameType.goaway, 0]);
  assert.equal(goaway?.payload.readUInt32BE(4), http11Required);
  assert.match(goaway.payload.toString('latin1', 8), reason);
}

test('plain HTTP on the TLS port gets 400 and the protocol of the port', async (t) => {
  const failures = heard<TlsHandshakeFailed>(t, tlsHandshakeFailed);
  const { port } = await startSecureGateway(t, () => undefined);
  const requests = [
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    `POST /peer/app/ HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`,
    'PROPFIND / HTTP/1.0\r\n\r\n',
    'G',
    // Might become the preface of HTTP/2.
    'PRI',
  ];
  for (const request of requests) {
    const socket = dialed(t, port, request);
    if (request === 'PRI') socket.end();
    const response = await text(socket);
    assert.match(response, /^HTTP\/1\.1 400 Bad Request\r\n[^]*This port speaks TLS: use https\./);
  }
  assert.deepEqual(
    failures.map(({ code }) => code),
    requests.map(() => 'ERR_SSL_HTTP_REQUEST'),
  );
});

test('also after a PROXY protocol header, and TLS after one is TLS', async (t) => {
  const { port, dial } = await startSecureGateway(t, (_, response) => response.end('ok'), {
    policy: { trustedProxies: ['127.0.0.1'] },
    listener: { tls: tlsSettings(), proxyProtocol: true },
  });
  const header = proxyHeaderFor('192.0.2.1');
  const plain = dialed(t, port, Buffer.concat([header, Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')]));
  assert.match(await text(plain), /^HTTP\/1\.1 400 /);
  const socket = connect({ port, host: '127.0.0.1' });
  socket.write(header);
  const secure = await dial({ socket });
  secure.end('GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  assert.match(await text(secure), /^HTTP\/1\.1 200 /);
});

test('reports TLS on the plain port', async (t) => {
  const refused = heard<ConnectionRefused>(t, connectionRefused);
  const { port } = await startPlainGateway(t, () => undefined);
  const socket = connectTls({ port, host: '127.0.0.1', ca: certificate.cert });
  const { promise, resolve } = Promise.withResolvers<Error>();
  socket.on('error', resolve);
  assert.match(String(await promise), /wrong version number|packet length/i);
  assert.deepEqual(refused, [{ ip: '127.0.0.1', reason: 'tls_on_plain_port' }]);
});

test('HTTP/2 by prior knowledge gets a GOAWAY that asks for HTTP/1.1, on either port', async (t) => {
  const refused = heard<ConnectionRefused>(t, connectionRefused);
  const greeting = Buffer.concat([preface, frame(frameType.settings, 0, 0)]);
  const plain = await startPlainGateway(t, () => undefined);
  assertGoaway(await buffer(dialed(t, plain.port, greeting)), /over TLS only/);
  const secure = await startSecureGateway(t, () => undefined);
  assertGoaway(await buffer(dialed(t, secure.port, greeting)), /over TLS only/);
  const chosenNothing = await secure.dial();
  chosenNothing.write(greeting);
  assertGoaway(await buffer(chosenNothing), /ALPN/);
  assert.deepEqual(
    refused.map(({ reason }) => reason),
    ['http2_prior_knowledge', 'http2_prior_knowledge', 'http2_prior_knowledge'],
  );
});

test('GOAWAY and report are the same, however the preface of HTTP/2 is split', async (t) => {
  const refused = heard<ConnectionRefused>(t, connectionRefused);
  const failures = heard<TlsHandshakeFailed>(t, tlsHandshakeFailed);
  const plain = await startPlainGateway(t, () => undefined);
  const secure = await startSecureGateway(t, () => undefined);
  const splits = [[1], [3], [5], [14], [16], [18], [20], [23], [24], [...preface.keys()].slice(1)];
  for (const { port } of [plain, secure]) {
    for (const cuts of splits) {
      const accepted = nextAccepted();
      const socket = dialed(t, port, preface.subarray(0, cuts[0]));
      const received = buffer(socket);
      const { socket: peer } = await accepted;
      for (const [i, from] of cuts.entries()) {
        // The server reads each piece separately.
        while (peer.bytesRead < from && socket.writable) await new Promise((resolve) => setImmediate(resolve));
        // The TLS port rejects the connection after the first line.
        if (socket.writable) socket.write(preface.subarray(from, cuts[i + 1]));
      }
      assertGoaway(await received, /over TLS only/);
    }
  }
  assert.equal(refused.length, 2 * splits.length);
  assert.ok(refused.every(({ reason }) => reason === 'http2_prior_knowledge'));
  assert.equal(failures.length, splits.length);
});

test('a client that stops within a possible HTTP/2 preface gets 400 on the TLS port', async (t) => {
  const { port } = await startSecureGateway(t, () => undefined, { policy: { limits: { readHeaderTimeoutMs: 50 } } });
  assert.match(await text(dialed(t, port, 'P')), /^HTTP\/1\.1 400 /);
});

test('an HTTP/2 client parses the GOAWAY', async (t) => {
  const { port } = await startPlainGateway(t, () => undefined);
  const session: ClientHttp2Session = connectHttp2(`http://127.0.0.1:${port}`);
  t.after(() => {
    session.destroy();
  });
  session.on('error', () => undefined);
  const { promise, resolve } = Promise.withResolvers<number>();
  session.on('goaway', resolve);
  assert.equal(await promise, http11Required);
});

test('after a request, neither is taken for another protocol', async (t) => {
  const refused = heard<ConnectionRefused>(t, connectionRefused);
  const { raw } = await startPlainGateway(t, (_, response) => response.end('ok'));
  const socket = raw('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n\x16\x03\x01\x02\x00\r\n\r\n');
  assert.match(await text(socket), /^HTTP\/1\.1 200 [^]*HTTP\/1\.1 400 /);
  assert.deepEqual(refused, []);
});
