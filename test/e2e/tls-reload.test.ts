// Existing connections and sessions when a reload changes what a TLS handshake requires of the
// client.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { Duplex } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { certificate, clientCa, clientCertificate, otherCertificate, tlsSettings } from '../helpers/certificates.ts';
import { key, readUntil } from '../helpers/plain-gateway.ts';
import { testPolicy } from '../helpers/policy.ts';
import { handedOver } from '../helpers/scripted-app.ts';
import { responseOf, ask, startSecureGateway } from '../helpers/secure-gateway.ts';

const head = (): string => `GET /peer/app/ HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${key}\r\n\r\n`;

test('an earlier session cannot be resumed against stricter settings', async (t) => {
  const { dial, gateway } = await startSecureGateway(t, (_, response) => response.end('ok'));
  const first = await dial();
  const ticket = once(first, 'session') as Promise<[Buffer]>;
  first.write(head());
  const [session] = await ticket;
  const resumed = await dial({ session });
  assert.equal(resumed.isSessionReused(), true);
  await gateway.apply(testPolicy(), tlsSettings({ clientCa }));
  const refused = await dial({ session });
  assert.equal(refused.isSessionReused(), false);
  refused.write(head());
  assert.equal((await buffer(refused).catch(() => Buffer.alloc(0))).length, 0);
});

const otherDemands = [
  { what: 'a client certificate', before: {}, after: { clientCa } },
  { what: 'another CA', before: { clientCa }, after: { clientCa: { ...clientCa, ca: certificate.cert } } },
  { what: 'no client certificate', before: { clientCa }, after: {} },
  { what: 'a newer TLS version', before: { minVersion: '1.2' }, after: { minVersion: '1.3' } },
] as const;
for (const { what, before, after } of otherDemands) {
  test(`a reload that demands ${what} ends earlier connections after the requests in flight`, async (t) => {
    const app = handedOver();
    const { dial, session, gateway } = await startSecureGateway(t, app.serve, {
      listener: { tls: tlsSettings(before) },
    });
    const known = { cert: clientCertificate.cert, key: clientCertificate.key };
    const [idle, busy, session2] = [await dial(known), await dial(known), await session(known)];
    busy.write(head());
    const [, early] = await app.next();
    const stream = ask(session2, '/in-flight');
    const [, late] = await app.next();
    const goaway = once(session2, 'goaway') as Promise<[number, number]>;
    await gateway.apply(testPolicy(), tlsSettings(after));
    // GOAWAY names the last stream, and that stream is served.
    const [code, lastStream] = await goaway;
    assert.deepEqual([code, lastStream], [0, stream.id]);
    late.end('late');
    assert.equal((await responseOf(stream)).body.toString(), 'late');
    early.end('early');
    assert.match(await text(busy), /^HTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n[^]*early/i);
    // A request may be in flight, so an idle connection gets one more response, which announces the
    // close.
    idle.write(head());
    const [, last] = await app.next();
    last.end('last');
    assert.match(await text(idle), /connection: close\r\n[^]*last/i);
  });
}

test('an earlier connection cannot be upgraded after such a reload', async (t) => {
  const upgrades: (string | undefined)[] = [];
  const { app, dial, gateway } = await startSecureGateway(t, (request, response) => {
    upgrades.push(request.headers.upgrade);
    response.end('plain');
  });
  app.on('upgrade', (_, socket) =>
    socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n'),
  );
  const idle = await dial();
  await gateway.apply(testPolicy(), tlsSettings({ clientCa }));
  idle.write(head().replace('\r\n\r\n', '\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n'));
  assert.match(await text(idle), /^HTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n[^]*plain/i);
  assert.deepEqual(upgrades, [undefined]);
});

test('a reload with equal demands keeps connections, also with new certificates', async (t) => {
  const { dial, session, gateway } = await startSecureGateway(t, (_, response) => response.end('ok'));
  const [first, second] = [await dial(), await session()];
  await gateway.apply(testPolicy(), tlsSettings({ certificates: [otherCertificate] }));
  for (let i = 0; i < 2; i += 1) {
    first.write(head());
    assert.doesNotMatch(await readUntil(first, 'ok'), /connection: close/i);
    assert.equal((await responseOf(ask(second, '/'))).body.toString(), 'ok');
  }
});

test('a handshake that began before such a reload ends its connection in the same way', async (t) => {
  const { port, gateway } = await startSecureGateway(t, (_, response) => response.end('ok'));
  const below = connectTcp(port, '127.0.0.1');
  // The ClientHello passes, and the rest of the handshake is held back.
  let release: (() => void) | undefined;
  let writes = 0;
  let released = false;
  const client = new Duplex({
    read: () => undefined,
    write: (bytes: Buffer, _, done) => {
      const pass = (): void => {
        below.write(bytes);
        done();
      };
      writes += 1;
      if (writes === 1 || released) pass();
      else release = pass;
    },
  });
  const greeted = once(below, 'data');
  below.on('data', (bytes: Buffer) => client.push(bytes)).on('end', () => client.push(null));
  const socket = connectTls({ socket: client, ca: certificate.cert, servername: 'localhost' });
  await Promise.all([once(socket, 'secureConnect'), greeted]);
  await gateway.apply(testPolicy(), tlsSettings({ minVersion: '1.2' }));
  released = true;
  release?.();
  socket.write(head());
  assert.match(await readUntil(socket, 'ok'), /connection: close\r\n/i);
});
