import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import type { LeasePolicy } from '../../src/policy/policy.ts';
import { ask, show } from '../helpers/echo-app.ts';
import { startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { testLease } from '../helpers/policy.ts';

const plain = testLease();

function serve(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('Server', 'secret/1.0').setHeader('X-App', 'yes');
  show(request, response);
}

function start(t: TestContext, leases: Record<string, LeasePolicy>): Promise<PlainGateway> {
  return startPlainGateway(t, serve, { policy: { leases, baseDomain: 'peers.test' } });
}

test('sets and removes headers of requests and responses, including the gateway’s own', async (t) => {
  const gateway = await start(t, {
    'ap*': {
      ...plain,
      headers: {
        request: { set: { 'X-Env': 'prod', via: 'nobody' }, remove: ['Cookie'] },
        response: { set: { 'X-Frame-Options': 'DENY' }, remove: ['server'] },
      },
    },
  });
  const response = await ask(gateway, 'GET /peer/app/ HTTP/1.1', 'Host: gw.test', 'cookie: a=1', 'x-env: forged');
  assert.deepEqual(response.saw('cookie'), []);
  assert.deepEqual(response.saw('x-env'), ['prod']);
  assert.deepEqual(response.saw('via'), ['nobody']);
  assert.deepEqual(response.values('server'), []);
  assert.deepEqual(response.values('x-frame-options'), ['DENY']);
  assert.deepEqual(response.values('x-app'), ['yes']);
});

test('host_header is the Host that the app receives, in both modes', async (t) => {
  const gateway = await start(t, { app: { ...plain, hostHeader: 'inside.test:81' } });
  for (const [line, host] of [
    ['GET /peer/app/ HTTP/1.1', 'gw.test'],
    ['GET / HTTP/1.1', 'app.peers.test'],
  ] as const) {
    assert.deepEqual((await ask(gateway, line, `Host: ${host}`)).saw('host'), ['inside.test:81']);
  }
});

test('the settings of another lease do not apply', async (t) => {
  const gateway = await start(t, { other: { ...plain, hostHeader: 'inside.test' } });
  assert.deepEqual((await ask(gateway, 'GET /peer/app/ HTTP/1.1', 'Host: gw.test')).saw('host'), ['app']);
});
