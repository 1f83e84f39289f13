// Where apps listen on this machine: a target that is only a port means both address families, for
// everything that `expose` sends to the app.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { certificate } from '../../../test/helpers/certificates.ts';
import { call, exposeApp, raw } from '../../../test/helpers/exposed-app.ts';
import { freePort } from '../../../test/helpers/free-port.ts';
import { systemClock } from '../../kernel/clock.ts';
import { Deadlines } from '../../kernel/work/deadlines.ts';
import { LocalDial, type LocalTarget } from './local-dial.ts';
import { parseTarget } from './target.ts';
import { probeTarget } from './target-probe.ts';

const loopbackAddresses = ['127.0.0.1', '::1'];

async function listening(
  t: TestContext,
  server: Server & { closeAllConnections(): void },
  host: string,
): Promise<number> {
  server.listen(0, host);
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const echo: RequestListener = (request, response) => {
  request.pipe(response.setHeader('X-Host', request.headers.host ?? ''));
};

async function dialled(local: LocalTarget): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  new LocalDial(local, new Deadlines(systemClock), {
    connected: (pipe) => {
      pipe.destroy();
      resolve('connected');
    },
    failed: ({ reason }) => {
      resolve(reason);
    },
  });
  return promise;
}

for (const address of loopbackAddresses) {
  for (const shown of ['', 'localhost:', 'http://localhost:']) {
    test(`"${shown}PORT" reaches an app that listens on ${address} only`, async (t) => {
      const server = createServer(echo).on('upgrade', (_request, socket) => {
        socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nupgraded');
      });
      const port = await listening(t, server, address);
      const target = parseTarget(`${shown}${port}`);
      assert.equal(await probeTarget(target, t.signal), undefined);
      const s = await exposeApp(t, () => undefined, { target });
      const got = await call(s);
      assert.deepEqual([got.statusCode, got.headers['x-host']], [200, `localhost:${port}`]);
      got.resume();
      const posted = await call(s, { method: 'POST', body: Readable.from(['hello']) });
      assert.equal(await text(posted), 'hello');
      const upgraded = raw(s, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
      assert.match(await text(upgraded), /^HTTP\/1\.1 101 [^]*upgraded$/);
    });
  }

  test(`https://localhost reaches an app that listens on ${address} only, and a bad certificate is reported`, async (t) => {
    const { cert, key } = certificate;
    const port = await listening(t, createHttpsServer({ cert, key }, echo), address);
    const target = parseTarget(`https://localhost:${port}`);
    const fault = await probeTarget(target, t.signal);
    assert.equal(fault?.proxyError, 'tls_certificate_error');
    const trusted = getCACertificates('default');
    t.after(() => {
      setDefaultCACertificates(trusted);
    });
    setDefaultCACertificates([...trusted, cert]);
    assert.equal(await probeTarget(target, t.signal), undefined);
  });

  test(`remembers ${address}, and tries the other address family when the app no longer listens there`, async (t) => {
    const server = createServer(echo);
    const port = await listening(t, server, address);
    const local: LocalTarget = { target: parseTarget(String(port)), tlsSession: undefined, loopbackAddress: undefined };
    assert.equal(await dialled(local), 'connected');
    assert.equal(local.loopbackAddress, address);
    server.close();
    await once(server, 'close');
    assert.equal(await dialled(local), 'ECONNREFUSED');
    const other = loopbackAddresses.find((one) => one !== address) ?? '';
    const moved = createServer(echo).listen(port, other);
    t.after(() => moved.close());
    await once(moved, 'listening');
    assert.equal(await dialled(local), 'connected');
    assert.equal(local.loopbackAddress, other);
  });
}

test('a literal address is never replaced by another one', async (t) => {
  const port = await listening(t, createServer(echo), '::1');
  const fault = await probeTarget(parseTarget(`127.0.0.1:${port}`), t.signal);
  assert.deepEqual([fault?.proxyError, fault?.reason], ['connection_refused', 'ECONNREFUSED']);
});

test('probing the app fails if nothing listens, and ends when its signal aborts', async (t) => {
  const target = parseTarget(String(await freePort()));
  assert.equal((await probeTarget(target, t.signal))?.proxyError, 'connection_refused');
  assert.equal(await probeTarget(target, AbortSignal.abort()), undefined);
  const abort = new AbortController();
  const probing = probeTarget(target, abort.signal);
  abort.abort();
  assert.equal(await probing, undefined);
});
