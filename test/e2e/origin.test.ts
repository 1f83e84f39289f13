// Origin where Host is replaced: an app that compares the two must accept pages of the operator's
// own names, and no others.
import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test, type TestContext } from 'node:test';
import { ask, show } from '../helpers/echo-app.ts';
import { exposeApp } from '../helpers/exposed-app.ts';
import { startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { tunnelOver } from '../helpers/plain-transport.ts';
import { testLease, type testPolicy } from '../helpers/policy.ts';

type Policy = Parameters<typeof testPolicy>[0];

const byPath = 'GET /peer/app/ HTTP/1.1';
const byHost = 'GET / HTTP/1.1';

async function originAt(gateway: PlainGateway, line: string, host: string, origin: string): Promise<string[]> {
  return (await ask(gateway, line, `Host: ${host}`, `Origin: ${origin}`)).saw('origin');
}

function start(t: TestContext, policy: Policy): Promise<PlainGateway> {
  return startPlainGateway(t, show, { policy });
}

test('in path mode, maps the origin of public_url to the app’s, whatever Host a proxy sends', async (t) => {
  const gateway = await start(t, { publicOrigin: 'https://gw.test' });
  for (const host of ['gw.test', 'internal:8080']) {
    assert.deepEqual(await originAt(gateway, byPath, host, 'https://gw.test'), ['http://app']);
  }
  for (const origin of [
    'http://gw.test',
    'https://gw.test:8443',
    'https://gw.test.evil.test',
    'https://evil.test',
    'null',
  ]) {
    assert.deepEqual(await originAt(gateway, byPath, 'gw.test', origin), [origin]);
  }
});

test('in path mode, maps the origin of a host in allowed_hosts to the app’s', async (t) => {
  const gateway = await start(t, { allowedHosts: ['gw.test', '*.apps.test', '*'] });
  for (const [host, origin] of [
    ['gw.test', 'http://gw.test'],
    ['gw.test:8080', 'http://GW.test:8080'],
    ['a.apps.test', 'https://a.apps.test'],
  ] as const) {
    assert.deepEqual(await originAt(gateway, byPath, host, origin), ['http://app'], origin);
  }
  for (const [host, origin] of [
    ['evil.test', 'http://evil.test'],
    ['a.apps.test', 'http://b.apps.test'],
    ['gw.test', 'http://gw.test:8080'],
    ['gw.test', 'http://user@gw.test'],
  ] as const) {
    assert.deepEqual(await originAt(gateway, byPath, host, origin), [origin]);
  }
});

test('leaves Origin unchanged unless a setting names the host', async (t) => {
  const gateway = await start(t, {});
  for (const host of ['evil.test', 'localhost', '127.0.0.1']) {
    assert.deepEqual(await originAt(gateway, byPath, host, `http://${host}`), [`http://${host}`]);
  }
});

test('in host mode, only a replaced Host changes Origin, and only its own origin', async (t) => {
  const policy = { baseDomain: 'peers.test', publicOrigin: 'http://peers.test' };
  const own = 'http://app.peers.test';
  assert.deepEqual(await originAt(await start(t, policy), byHost, 'app.peers.test', own), [own]);
  const replacing = await start(t, { ...policy, leases: { app: { ...testLease(), hostHeader: 'inner.test:81' } } });
  assert.deepEqual(await originAt(replacing, byHost, 'app.peers.test', own), ['http://inner.test:81']);
  for (const origin of ['http://peers.test', 'http://other.peers.test']) {
    assert.deepEqual(await originAt(replacing, byHost, 'app.peers.test', origin), [origin]);
  }
});

test('through expose, Origin and Host agree in both modes, and a foreign Origin is unchanged', async (t) => {
  const exposed = await exposeApp(t, show);
  const gateway = await start(t, { baseDomain: 'peers.test', publicOrigin: 'http://gw.test' });
  gateway.transport.dialInstead = () => Promise.resolve(tunnelOver(exposed.tunnel().client));
  for (const [line, host] of [
    [byPath, 'gw.test'],
    [byHost, 'app.peers.test'],
  ] as const) {
    assert.deepEqual(await originAt(gateway, line, host, `http://${host}`), [`http://127.0.0.1:${exposed.port}`]);
    assert.deepEqual(await originAt(gateway, line, host, 'http://evil.test'), ['http://evil.test']);
  }
});

test('with --host-header preserve, expose leaves Origin unchanged', async (t) => {
  const exposed = await exposeApp(t, show, { hostHeader: { mode: 'preserve' } });
  const gateway = await start(t, { baseDomain: 'peers.test' });
  gateway.transport.dialInstead = () => Promise.resolve(tunnelOver(exposed.tunnel().client));
  assert.deepEqual(await originAt(gateway, byHost, 'app.peers.test', 'http://app.peers.test'), [
    'http://app.peers.test',
  ]);
});

test('an app that allows the origin it received allows the client’s, and no other', async (t) => {
  const allow: RequestListener = ({ headers: { origin = '' }, url }, response) => {
    const allowed = url === '/fixed' ? 'https://evil.test' : origin;
    response.writeHead(200, { 'access-control-allow-origin': allowed }).end();
  };
  const exposed = await exposeApp(t, allow);
  const gateway = await start(t, { baseDomain: 'peers.test', publicOrigin: 'http://gw.test' });
  gateway.transport.dialInstead = () => Promise.resolve(tunnelOver(exposed.tunnel().client));
  const direct = await startPlainGateway(t, allow, {
    policy: {
      baseDomain: 'peers.test',
      publicOrigin: 'http://gw.test',
      leases: { app: testLease({ hostHeader: 'in.test' }) },
    },
  });
  for (const each of [gateway, direct]) {
    for (const [path, host] of [
      ['/peer/app/', 'gw.test'],
      ['/', 'app.peers.test'],
    ] as const) {
      for (const [origin, at, allowed] of [
        [`http://${host}`, path, `http://${host}`],
        ['http://127.0.0.1:1', path, 'http://127.0.0.1:1'],
        [`http://${host}`, `${path}fixed`, 'https://evil.test'],
      ] as const) {
        const { values } = await ask(each, `GET ${at} HTTP/1.1`, `Host: ${host}`, `Origin: ${origin}`);
        assert.deepEqual(values('access-control-allow-origin'), [allowed]);
      }
    }
  }
});
