import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { test } from 'node:test';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { tlsHandshakeFailed, type TlsHandshakeFailed } from '../../src/kernel/events.ts';
import { TlsSettingsError } from '../../src/kernel/errors/tls-settings-error.ts';
import {
  certificate,
  clientCa,
  clientCertificate,
  otherCertificate,
  strangerCertificate,
  tlsSettings,
  weakCertificate,
} from '../helpers/certificates.ts';
import { key, readUntil } from '../helpers/plain-gateway.ts';
import { testPolicy } from '../helpers/policy.ts';
import { closed, handedOver, over } from '../helpers/scripted-app.ts';
import { startSecureGateway } from '../helpers/secure-gateway.ts';

const head = (more = ''): string => `GET /peer/app/ HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${key}\r\n${more}\r\n`;

function commonName(socket: TLSSocket): string {
  return socket.getPeerX509Certificate()?.subject ?? '';
}

test('a client selects HTTP/2 or HTTP/1.1, and one without ALPN gets HTTP/1.1', async (t) => {
  const { dial } = await startSecureGateway(t, (request, response) => {
    response.end(`${request.httpVersion} ${String(request.headers['x-forwarded-proto'])}`);
  });
  for (const offered of [['h2', 'http/1.1'], ['http/1.1', 'h2'], ['http/1.1'], undefined]) {
    const socket = await dial(offered === undefined ? {} : { ALPNProtocols: offered });
    if (offered?.includes('h2') === true) assert.equal(socket.alpnProtocol, 'h2');
    else {
      assert.equal(socket.alpnProtocol, offered === undefined ? false : 'http/1.1');
      socket.write(head('Connection: close\r\n'));
      assert.match(await text(socket), /^HTTP\/1\.1 200 OK\r\n[^]*1\.1 https/);
    }
  }
  await assert.rejects(dial({ ALPNProtocols: ['spdy/3'] }), { code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' });
});

test('HTTP/1.1 over TLS keeps connections open, streams, and switches protocols', async (t) => {
  const { dial, app } = await startSecureGateway(t, (request, response) => request.pipe(response));
  const socket = await dial({ allowHalfOpen: true } as ConnectionOptions);
  for (const body of ['first', 'second']) {
    socket.write(
      `POST /peer/app/ HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    assert.match(await readUntil(socket, body), /^HTTP\/1\.1 200 OK/);
  }
  app.on('upgrade', (_: IncomingMessage, appSocket: Socket) => {
    appSocket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    let received = '';
    appSocket.on('data', (piece) => {
      received += piece.toString();
    });
    appSocket.on('end', () => appSocket.end(`all of ${received}`));
  });
  socket.write(head('Connection: Upgrade\r\nUpgrade: echo\r\n'));
  await readUntil(socket, '\r\n\r\n');
  socket.end('what was sent');
  assert.equal(await text(socket), 'all of what was sent');
});

test('the app notices at once that an HTTP/1.1 client over TLS left', async (t) => {
  const app = handedOver();
  const { dial } = await startSecureGateway(t, app.serve);
  for (const how of ['end', 'destroy'] as const) {
    const socket = await dial();
    socket.write(head());
    const [request] = await app.next();
    const felt = closed(request);
    const leftMs = performance.now();
    socket[how]();
    await felt;
    assert.ok(performance.now() - leftMs < 100);
  }
});

test('TLS 1.3 by default, 1.2 if allowed, nothing older', async (t) => {
  const strict = await startSecureGateway(t, () => undefined);
  assert.equal((await strict.dial()).getProtocol(), 'TLSv1.3');
  await assert.rejects(strict.dial({ maxVersion: 'TLSv1.2' }), { code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
  const lenient = await startSecureGateway(t, () => undefined, {
    listener: { tls: tlsSettings({ minVersion: '1.2' }) },
  });
  const socket = await lenient.dial({ maxVersion: 'TLSv1.2', ALPNProtocols: ['h2'] });
  assert.equal(socket.getProtocol(), 'TLSv1.2');
  assert.match(socket.getCipher().name, /^ECDHE-.*(GCM|POLY1305)/);
  await assert.rejects(lenient.dial({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' }), /handshake failure/);
  await assert.rejects(
    lenient.dial({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    /protocol version/,
  );
});

test('selects the certificate by the requested name: exact name, wildcard, or the first', async (t) => {
  const certificates = [certificate, otherCertificate] as const;
  const { dial } = await startSecureGateway(t, () => undefined, { listener: { tls: tlsSettings({ certificates }) } });
  const ca = [certificate.cert, otherCertificate.cert];
  const served = async (options: ConnectionOptions): Promise<string> => commonName(await dial({ ca, ...options }));
  const [first, second] = ['CN=localhost', 'CN=a.peers.localhost'];
  assert.equal(await served({ servername: 'localhost' }), first);
  assert.equal(await served({ servername: 'b.peers.localhost' }), first);
  assert.equal(await served({ servername: 'A.peers.localhost' }), second);
  assert.equal(await served({ servername: 'any.other.localhost' }), second);
  for (const servername of ['a.b.other.localhost', 'unknown.example', '']) {
    assert.equal(await served({ servername, checkServerIdentity: () => undefined }), first, servername);
  }
});

test('requires and verifies client certificates, over both protocols', async (t) => {
  const { dial } = await startSecureGateway(t, (_, response) => response.end('in'), {
    listener: { tls: tlsSettings({ clientCa, certificates: [certificate, otherCertificate] }) },
  });
  const known = { cert: clientCertificate.cert, key: clientCertificate.key };
  for (const servername of ['localhost', 'a.peers.localhost']) {
    const ca = [certificate.cert, otherCertificate.cert];
    const socket = await dial({ ...known, ca, servername });
    socket.write(head('Connection: close\r\n'));
    assert.match(await text(socket), /^HTTP\/1\.1 200/);
    for (const wrong of [{}, { cert: strangerCertificate.cert, key: strangerCertificate.key }]) {
      // In TLS 1.3 a client learns only after its own handshake that it was rejected.
      const refused = await dial({ ...wrong, ca, servername });
      refused.write(head());
      assert.equal((await buffer(refused).catch(() => Buffer.alloc(0))).length, 0);
    }
  }
});

test('new certificates apply to new handshakes, and a connection keeps its certificate', async (t) => {
  const { dial, gateway } = await startSecureGateway(t, (_, response) => response.end('ok'));
  const old = await dial();
  assert.equal(commonName(old), 'CN=localhost');
  const next = tlsSettings({ certificates: [otherCertificate], clientCa });
  await gateway.apply(testPolicy(), next);
  const known = { cert: clientCertificate.cert, key: clientCertificate.key };
  const renewed = await dial({ ca: otherCertificate.cert, servername: 'a.peers.localhost', ...known });
  assert.equal(commonName(renewed), 'CN=a.peers.localhost');
  old.write(head('Connection: close\r\n'));
  assert.match(await text(old), /^HTTP\/1\.1 200/);
});

test('rejects unusable settings completely, and names the fault', async (t) => {
  const { dial, gateway } = await startSecureGateway(t, (_, response) => response.end('ok'));
  const block = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  const broken = `${clientCa.ca}${block}${certificate.cert}`;
  const mixed = { ...otherCertificate, key: certificate.key, name: 'mixed.pem' };
  const wrong = [
    [tlsSettings({ certificates: [mixed] }), /mixed\.pem.*key values mismatch/],
    [tlsSettings({ certificates: [certificate, mixed] }), /mixed\.pem/],
    [
      tlsSettings({ certificates: [{ ...certificate, cert: 'no PEM', name: 'empty.pem' }] }),
      /empty\.pem is not a PEM certificate/,
    ],
    [tlsSettings({ clientCa: { ca: '', name: 'none.pem' } }), /none\.pem is not a PEM certificate/],
    [
      tlsSettings({ clientCa: { ca: broken, name: 'broken.pem' } }),
      /broken\.pem holds a malformed certificate, number 2 of 3/,
    ],
    [
      tlsSettings({ clientCa: { ca: clientCertificate.cert, name: 'leaf.pem' } }),
      /leaf\.pem holds .* not a certificate authority/,
    ],
    [tlsSettings({ certificates: [weakCertificate] }), /weak-cert\.pem cannot be used: ee key too small/],
  ] as const;
  for (const [settings, message] of wrong) {
    await assert.rejects(
      gateway.apply(testPolicy({ auth: { enabled: false }, acl: { '*': ['anonymous'] } }), settings),
      (error) => error instanceof TlsSettingsError && message.test(error.message) && !error.message.includes('BEGIN'),
    );
  }
  const socket = await dial();
  socket.write(head('Connection: close\r\n').replace('X-API-Key', 'X-Other'));
  assert.match(await text(socket), /^HTTP\/1\.1 401/, 'the policy that came with them is not in use either');
});

test('limits the total time of a handshake, and reports failures by code', async (t) => {
  const failures: TlsHandshakeFailed[] = [];
  const listen = (message: unknown): void => {
    failures.push(message as TlsHandshakeFailed);
  };
  tlsHandshakeFailed.subscribe(listen);
  t.after(() => {
    tlsHandshakeFailed.unsubscribe(listen);
  });
  const { port } = await startSecureGateway(t, () => undefined, { policy: { limits: { readHeaderTimeoutMs: 150 } } });
  const silent = connectTcp(port, '127.0.0.1');
  await over(silent);
  const slow = connectTcp(port, '127.0.0.1').on('error', () => undefined);
  // The beginning of a ClientHello of 512 bytes.
  slow.write(Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]));
  const drops = setInterval(() => slow.write('a'), 20);
  await over(slow);
  clearInterval(drops);
  const plain = connectTcp(port, '127.0.0.1').on('error', () => undefined);
  plain.write(head());
  await over(plain);
  assert.deepEqual(
    failures.map(({ ip, code }) => `${ip} ${code}`),
    ['127.0.0.1 ERR_TLS_HANDSHAKE_TIMEOUT', '127.0.0.1 ERR_TLS_HANDSHAKE_TIMEOUT', '127.0.0.1 ERR_SSL_HTTP_REQUEST'],
  );
});

test('a drain closes idle connections, including those within the handshake', async (t) => {
  const { dial, port, gateway } = await startSecureGateway(t, (_, response) => response.end('ok'));
  const shaking = connectTcp(port, '127.0.0.1').on('error', () => undefined);
  await once(shaking, 'connect');
  const resting = await dial();
  resting.write(head());
  await readUntil(resting, 'ok');
  const ends = Promise.all([over(shaking), over(resting)]);
  await gateway.drain(10_000);
  await ends;
});

test('with the PROXY protocol, TLS begins after the header', async (t) => {
  const { port } = await startSecureGateway(
    t,
    (request, response) => response.end(request.headers['x-forwarded-for']),
    {
      policy: { trustedProxies: ['127.0.0.1'] },
      listener: { tls: tlsSettings(), proxyProtocol: true },
    },
  );
  const address = Buffer.from([192, 0, 2, 1, 192, 0, 2, 2, 0x30, 0x39, 1, 0xbb]);
  const signature = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
  const raw = connectTcp(port, '127.0.0.1');
  raw.write(Buffer.concat([signature, Buffer.from([0x21, 0x11, 0, address.length]), address]));
  const socket = connectTls({ socket: raw, ca: certificate.cert, servername: 'localhost' });
  await once(socket, 'secureConnect');
  socket.write(head('Connection: close\r\n'));
  assert.match(await text(socket), /192\.0\.2\.1$/);
});

test('serves Node’s client, one connection after the other', async (t) => {
  const { port } = await startSecureGateway(t, (request, response) => response.end(`got ${String(request.url)}`));
  const options = {
    host: '127.0.0.1',
    port,
    ca: certificate.cert,
    servername: 'localhost',
    headers: { 'x-api-key': key },
  };
  for (const path of ['/1', '/2']) {
    const [message] = (await once(httpsRequest({ ...options, path: `/peer/app${path}` }).end(), 'response')) as [
      IncomingMessage,
    ];
    assert.equal(await text(message), `got ${path}`);
  }
});
