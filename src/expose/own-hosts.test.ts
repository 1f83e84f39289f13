// References of an app to itself when `expose` replaces Host: they must lead callers back to the
// host that they called.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { responseTo, call, exposeApp, raw } from '../../test/helpers/exposed-app.ts';
import { readUntil } from '../../test/helpers/plain-gateway.ts';

/** Like Starlette, nginx, Express and registries, which build URLs from Host. */
function referencesTo(host: string): string[] {
  return [
    ...['Location', `http://${host}/a/`, 'Content-Location', `//${host}/a/`, 'Refresh', `1; url=https://${host}/a/`],
    ...['Set-Cookie', `a=1; Domain=${host.replace(/:\d+$/, '')}; Path=/`],
  ];
}

const restored = {
  location: '/a/',
  'content-location': '/a/',
  refresh: '1; url=/a/',
  'set-cookie': ['a=1; Path=/'],
};

for (const mode of ['target', 'fixed'] as const) {
  test(`turns references to the app's host into paths, with --host-header ${mode}`, async (t) => {
    const app = await exposeApp(
      t,
      (request, response) => response.writeHead(307, referencesTo(request.headers.host ?? '')).end(),
      mode === 'fixed' ? { hostHeader: { mode, value: 'www.app.test' } } : {},
    );
    const { headers } = await call(app);
    assert.deepEqual({ ...headers, ...restored }, headers);
  });
}

test('recognises the target address under any loopback name', async (t) => {
  const app = await exposeApp(t, ({ url = '' }, response) => response.writeHead(302, { location: url.slice(1) }).end());
  for (const host of ['localhost', '127.0.0.1', '[::1]', '0.0.0.0']) {
    const { headers } = await call(app, { path: `/http://${host}:${app.port}/x` });
    assert.equal(headers.location, '/x', host);
  }
});

test('leaves other origins, other ports and parent domains of the caller unchanged', async (t) => {
  const lines = [
    ...[
      'Location',
      'http://127.0.0.1:1/x',
      'Content-Location',
      'https://other.test/',
      'Refresh',
      '1; url=//other.test',
    ],
    ...['Set-Cookie', 'a=1; Domain=other.test', 'Set-Cookie', 'b=2; Domain=.app.test; Secure'],
    ...['Set-Cookie', 'domain=c; Path=/;Domain'],
  ];
  const app = await exposeApp(t, (_, response) => response.writeHead(200, lines).end('ok'), {
    hostHeader: { mode: 'fixed', value: 'inner.app.test' },
  });
  for (const [host, domain] of [
    ['www.app.test:8443', '; Domain=.app.test'],
    ['gateway.test', ''],
  ] as const) {
    const response = await responseTo(app, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    const fields = response.split('\r\n').slice(1, 7);
    assert.deepEqual(fields, [
      ...['Location: http://127.0.0.1:1/x', 'Content-Location: https://other.test/', 'Refresh: 1; url=//other.test'],
      ...[
        'Set-Cookie: a=1; Domain=other.test',
        `Set-Cookie: b=2${domain}; Secure`,
        'Set-Cookie: domain=c; Path=/;Domain',
      ],
    ]);
  }
});

test('with --host-header preserve, replaces and restores nothing', async (t) => {
  const app = await exposeApp(t, (_, response) => response.writeHead(307, referencesTo('127.0.0.1:1')).end(), {
    hostHeader: { mode: 'preserve' },
  });
  assert.equal((await call(app)).headers.location, 'http://127.0.0.1:1/a/');
});

test('also restores references in the response to an upgrade', async (t) => {
  const app = await exposeApp(t, () => undefined);
  app.server.on('upgrade', ({ headers }, socket: Socket) => {
    const cookie = `Set-Cookie: a=1; Domain=${headers.host?.replace(/:\d+$/, '') ?? ''}`;
    socket.end(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n${cookie}\r\n\r\n`);
  });
  const upgrade = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n';
  assert.match(await readUntil(raw(app, upgrade), '\r\n\r\n'), /\r\nSet-Cookie: a=1\r\n/);
});
