import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { ask, show, type EchoResponse } from '../helpers/echo-app.ts';
import { startPlainGateway } from '../helpers/plain-gateway.ts';

type Ask = (...fields: readonly string[]) => Promise<EchoResponse>;

/** Every client in this file connects from 127.0.0.1. */
async function behind(t: TestContext, ...trustedProxies: readonly string[]): Promise<Ask> {
  const gateway = await startPlainGateway(t, show, { policy: { trustedProxies } });
  return (...fields) => ask(gateway, 'GET /peer/app/ HTTP/1.1', 'Host: gw.test', ...fields);
}

const forged = ['X-Forwarded-For: 9.9.9.9', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: evil.test'] as const;
const more = ['Forwarded: for=9.9.9.9;proto=https;host=evil.test', 'X-Forwarded-Prefix: /evil'] as const;

test('replaces what a client claims about itself with the facts of the connection', async (t) => {
  for (const trusted of [[], ['10.0.0.0/8', '::1']]) {
    const response = await (await behind(t, ...trusted))(...forged, ...more);
    assert.deepEqual(response.saw('x-forwarded-for'), ['127.0.0.1']);
    assert.deepEqual(response.saw('x-forwarded-proto'), ['http']);
    assert.deepEqual(response.saw('x-forwarded-host'), ['gw.test']);
    assert.deepEqual(response.saw('x-forwarded-prefix'), ['/peer/app']);
    assert.deepEqual(response.saw('forwarded'), ['for=127.0.0.1;host="gw.test";proto=http']);
  }
});

test('believes a trusted proxy and adds it to the chain sent to the app', async (t) => {
  const response = await (
    await behind(t, '127.0.0.0/8')
  )('X-Forwarded-For: 9.9.9.9, 192.0.2.1', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: app.example:8443');
  assert.deepEqual(response.saw('x-forwarded-for'), ['192.0.2.1, 127.0.0.1']);
  assert.deepEqual(response.saw('x-forwarded-proto'), ['https']);
  assert.deepEqual(response.saw('x-forwarded-host'), ['app.example:8443']);
  assert.deepEqual(response.saw('forwarded'), ['for=192.0.2.1;host="app.example:8443";proto=https, for=127.0.0.1']);
});

test('the right-most untrusted address is the client, across several field lines', async (t) => {
  const response = await (
    await behind(t, '127.0.0.1', '10.0.0.0/8')
  )('X-Forwarded-For: 9.9.9.9', 'X-Forwarded-For: 2001:DB8::7', 'X-Forwarded-For: 10.1.2.3:4711');
  assert.deepEqual(response.saw('x-forwarded-for'), ['2001:db8::7, 10.1.2.3, 127.0.0.1']);
  assert.deepEqual(response.saw('forwarded'), [
    'for="[2001:db8::7]";host="gw.test";proto=http, for=10.1.2.3, for=127.0.0.1',
  ]);
});

test('an invalid address ends the search', async (t) => {
  const response = await (await behind(t, '127.0.0.1', '10.0.0.0/8'))('X-Forwarded-For: 192.0.2.1, unknown, 10.0.0.1');
  assert.deepEqual(response.saw('x-forwarded-for'), ['10.0.0.1, 127.0.0.1']);
});

test('believes Forwarded if the proxy does not write X-Forwarded-For', async (t) => {
  const response = await (
    await behind(t, '127.0.0.1')
  )('Forwarded: for="[2001:db8::1]:80";proto=https;host=app.example', 'X-Forwarded-Prefix: /gw/');
  assert.deepEqual(response.saw('x-forwarded-for'), ['2001:db8::1, 127.0.0.1']);
  assert.deepEqual(response.saw('x-forwarded-proto'), ['https']);
  assert.deepEqual(response.saw('x-forwarded-host'), ['app.example']);
  assert.deepEqual(response.saw('x-forwarded-prefix'), ['/gw/peer/app']);
});

test('a client cannot inject the kind of field that the proxy does not write', async (t) => {
  const response = await (
    await behind(t, '127.0.0.1')
  )('Forwarded: for=9.9.9.9;proto=https;host=evil.test', 'X-Forwarded-For: 192.0.2.1');
  assert.deepEqual(response.saw('x-forwarded-for'), ['192.0.2.1, 127.0.0.1']);
  assert.deepEqual(response.saw('x-forwarded-proto'), ['http']);
  assert.deepEqual(response.saw('x-forwarded-host'), ['gw.test']);
});

test('ignores an invalid scheme, host or path', async (t) => {
  const response = await (
    await behind(t, '127.0.0.1')
  )('X-Forwarded-Proto: gopher', 'X-Forwarded-Host: a"b', 'X-Forwarded-Prefix: //evil.test');
  assert.deepEqual(response.saw('x-forwarded-proto'), ['http']);
  assert.deepEqual(response.saw('x-forwarded-host'), ['gw.test']);
  assert.deepEqual(response.saw('x-forwarded-prefix'), ['/peer/app']);
});
