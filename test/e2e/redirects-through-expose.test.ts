// An app that builds absolute URLs from its Host, behind `expose` and the gateway: its redirects
// lead clients back to the gateway.
import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test, type TestContext } from 'node:test';
import { ask } from '../helpers/echo-app.ts';
import { exposeApp } from '../helpers/exposed-app.ts';
import { startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { tunnelOver } from '../helpers/plain-transport.ts';
import { testLease } from '../helpers/policy.ts';

const redirect: RequestListener = ({ headers: { host = '' }, url = '' }, response) => {
  response.writeHead(307, [
    ...[
      'Location',
      `http://${host}${url}/`,
      'Content-Location',
      `//${host}${url}/`,
      'Refresh',
      `0;url=http://${host}/`,
    ],
    ...['Set-Cookie', `a=1; Domain=${host.replace(/:\d+$/, '')}; Path=/`],
  ]);
  response.end();
};

async function start(t: TestContext, hostHeader: string): Promise<PlainGateway> {
  const exposed = await exposeApp(t, redirect);
  const policy = { baseDomain: 'peers.test', leases: { app: { ...testLease(), hostHeader } } };
  const gateway = await startPlainGateway(t, () => undefined, { policy });
  gateway.transport.dialInstead = () => Promise.resolve(tunnelOver(exposed.tunnel().client));
  return gateway;
}

for (const hostHeader of ['', 'inner.test']) {
  test(`no header reveals the app's address, with host_header ${JSON.stringify(hostHeader)}`, async (t) => {
    const gateway = await start(t, hostHeader);
    for (const [line, host, prefix] of [
      ['GET /peer/app/x HTTP/1.1', 'gw.test', '/peer/app'],
      ['GET /x HTTP/1.1', 'app.peers.test', ''],
    ] as const) {
      const { head, values } = await ask(gateway, line, `Host: ${host}`);
      assert.doesNotMatch(head, /127\.0\.0\.1|localhost|inner/);
      assert.deepEqual(values('location'), [`${prefix}/x/`]);
      assert.deepEqual(values('content-location'), [`${prefix}/x/`]);
      assert.deepEqual(values('refresh'), [`0;url=${prefix}/`]);
      assert.deepEqual(values('set-cookie'), [`a=1; Path=${prefix === '' ? '/' : prefix}`]);
    }
  });
}

test('a path of two slashes is not a redirect to another host', async (t) => {
  const gateway = await start(t, '');
  const { values } = await ask(gateway, 'GET //evil.test/x HTTP/1.1', 'Host: app.peers.test');
  assert.deepEqual(values('location'), ['/.//evil.test/x/']);
});
