// TLS handshakes that never complete: they release their connection slot at once, and each is
// counted with its reason.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { connectionRefused, tlsHandshakeFailed, type TlsHandshakeFailed } from '../../src/kernel/events.ts';
import { clientCa, strangerCertificate, tlsSettings } from '../helpers/certificates.ts';
import { over } from '../helpers/scripted-app.ts';
import { startSecureGateway } from '../helpers/secure-gateway.ts';

/** The beginning of a ClientHello of 512 bytes. */
const halfHello = Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);
/** Far longer than any test, so that it never ends a connection here. */
const readHeaderTimeoutMs = 600_000;

interface Failures {
  /** Resolves with the first `count` codes. */
  readonly first: (count: number) => Promise<string[]>;
  readonly codes: () => string[];
}

function failures(t: TestContext): Failures {
  const codes: string[] = [];
  let wake = (): void => undefined;
  const listen = (message: unknown): void => {
    const { code, ip } = message as TlsHandshakeFailed;
    assert.equal(ip, '127.0.0.1');
    codes.push(code);
    wake();
  };
  tlsHandshakeFailed.subscribe(listen);
  t.after(() => {
    tlsHandshakeFailed.unsubscribe(listen);
  });
  return {
    codes: () => codes,
    first: async (count) => {
      while (codes.length < count) await new Promise<void>((resolve) => (wake = resolve));
      return codes.slice(0, count);
    },
  };
}

async function connected(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  return socket.on('error', () => undefined);
}

/** The ways in which a client can disconnect within a handshake. */
const leavings: Readonly<Record<string, (socket: Socket) => void>> = {
  'end with nothing sent': (socket) => socket.end(),
  'end within the ClientHello': (socket) => socket.end(halfHello),
  'reset with nothing sent': (socket) => socket.resetAndDestroy(),
  'reset within the ClientHello': (socket) => socket.write(halfHello, () => socket.resetAndDestroy()),
};

for (const [how, leave] of Object.entries(leavings)) {
  test(`${how}: the connection ends at once and is counted once`, async (t) => {
    const reports = failures(t);
    const { port, dial } = await startSecureGateway(t, () => undefined, {
      policy: { limits: { readHeaderTimeoutMs } },
    });
    const socket = await connected(port);
    const ended = over(socket);
    leave(socket);
    await ended;
    assert.deepEqual(await reports.first(1), ['CLIENT_CLOSED']);
    // A complete handshake later nothing more has been counted.
    (await dial()).destroy();
    assert.deepEqual(reports.codes(), ['CLIENT_CLOSED']);
  });
}

test('twice as many health checks as connections allowed per address take no slot from a client', async (t) => {
  const maxConnectionsPerIp = 20;
  const reports = failures(t);
  const refused: unknown[] = [];
  const listen = (message: unknown): void => void refused.push(message);
  connectionRefused.subscribe(listen);
  t.after(() => {
    connectionRefused.unsubscribe(listen);
  });
  const { port, dial } = await startSecureGateway(t, () => undefined, {
    policy: { limits: { readHeaderTimeoutMs, maxConnectionsPerIp } },
  });
  for (let round = 1; round <= 2; round += 1) {
    const sockets = await Promise.all(Array.from({ length: maxConnectionsPerIp }, () => connected(port)));
    const ended = Promise.all(sockets.map(over));
    for (const socket of sockets) socket.end();
    await ended;
    await reports.first(round * maxConnectionsPerIp);
  }
  (await dial()).destroy();
  assert.deepEqual(refused, []);
});

test('reports a rejected and a missing client certificate with their reasons', async (t) => {
  const reports = failures(t);
  for (const minVersion of ['1.3', '1.2'] as const) {
    const { dial } = await startSecureGateway(t, () => undefined, {
      policy: { limits: { readHeaderTimeoutMs } },
      listener: { tls: tlsSettings({ clientCa, minVersion }) },
    });
    const version = { maxVersion: `TLSv${minVersion}` } as const;
    const before = reports.codes().length;
    await Promise.allSettled([dial({ ...version, cert: strangerCertificate.cert, key: strangerCertificate.key })]);
    await reports.first(before + 1);
    await Promise.allSettled([dial(version)]);
    const codes = (await reports.first(before + 2)).slice(before);
    assert.deepEqual(codes, ['DEPTH_ZERO_SELF_SIGNED_CERT', 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'], minVersion);
  }
});

test('connections ended by a drain are not failures of clients', async (t) => {
  const reports = failures(t);
  const { port, gateway } = await startSecureGateway(t, () => undefined, {
    policy: { limits: { readHeaderTimeoutMs, drainLingerMs: 0 } },
  });
  const [silent, begun] = [await connected(port), await connected(port)];
  begun.write(halfHello);
  const ends = Promise.all([over(silent), over(begun)]);
  await gateway.drain(50);
  await ends;
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(reports.codes(), []);
});
