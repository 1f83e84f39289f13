// A drain must not lose a request whose bytes arrived before the connection ended.
import assert from 'node:assert/strict';
import type { RequestListener, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import process from 'node:process';
import { describe, test, type TestContext } from 'node:test';
import {
  echo,
  keepAliveClient,
  keepAliveClients,
  KeepAliveClient,
  refused,
  request,
} from '../helpers/keep-alive-client.ts';
import { startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { proxyHeaderFor } from '../helpers/proxy-header.ts';
import { handedOver } from '../helpers/scripted-app.ts';

/** Longer than anything here takes on a busy machine; no test waits for it. */
const longMs = 60_000;

function start(
  t: TestContext,
  serve: RequestListener = echo,
  drainLingerMs = longMs,
  listener: { readonly proxyProtocol?: boolean } = {},
): Promise<PlainGateway> {
  const policy = { limits: { drainLingerMs }, trustedProxies: listener.proxyProtocol === true ? ['127.0.0.1'] : [] };
  return startPlainGateway(t, serve, { policy, listener });
}

/** Blocks the process for that time, as other work on the machine would. */
function blockMs(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

test('of pipelined requests, the last response ends the connection, also if the gateway itself responds', async (t) => {
  for (const path of ['/peer/app/x', '/health/live']) {
    const { port, gateway } = await start(t);
    const client = await keepAliveClient(t, port);
    client.send(path);
    await client.response();
    const drained = gateway.drain(longMs);
    await refused(port);
    client.socket.write(request(path).repeat(3), 'latin1');
    const closes = [await client.response(), await client.response(), await client.response()].map(
      (response) => response?.closes,
    );
    assert.deepEqual(closes, [false, false, true]);
    await client.over();
    await drained;
  }
});

test('serves the request after a response that began before the drain and announced no close', async (t) => {
  const app = handedOver();
  const { port, gateway } = await start(t, app.serve);
  const client = await keepAliveClient(t, port);
  client.send('/peer/app/1');
  const [, held] = await app.next();
  held.writeHead(200, { 'Content-Length': 6 }).write('fi');
  await new Promise((resolve) => client.socket.once('data', resolve));
  const drained = gateway.drain(longMs);
  await refused(port);
  held.end('rst!');
  assert.deepEqual(await client.response(), { status: 200, body: 'first!', closes: false });
  client.send('/peer/app/2');
  (await app.next())[1].end('second');
  assert.deepEqual(await client.response(), { status: 200, body: 'second', closes: true });
  await drained;
});

test('closes an idle connection after gateway.drain_linger', async (t) => {
  const lingerMs = 300;
  const { port, gateway } = await start(t, echo, lingerMs);
  const [idle] = await keepAliveClients(t, port, 1);
  const unused = await keepAliveClient(t, port);
  const startMs = performance.now();
  const drained = gateway.drain(longMs);
  await Promise.all([idle?.over(), unused.over()]);
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs >= lingerMs && tookMs < longMs / 2, `${tookMs} ms`);
  await drained;
});

test('serves a request that arrives before the end of gateway.drain_linger, however late it is read', async (t) => {
  const lingerMs = 50;
  const { port, gateway } = await start(t, echo, lingerMs);
  const all = await keepAliveClients(t, port, 8);
  const drained = gateway.drain(longMs);
  // When the loop continues, the deadline has passed and the requests have arrived: timers run
  // before sockets.
  setImmediate(() => {
    blockMs(2 * lingerMs);
    for (const client of all) client.send('/peer/app/');
  });
  for (const client of all) assert.equal((await client.response())?.closes, true);
  await drained;
});

test('a connection after its PROXY protocol header is idle', async (t) => {
  const { port, gateway } = await start(t, echo, 100, { proxyProtocol: true });
  const socket = connect({ host: '127.0.0.1', port });
  t.after(() => socket.destroy());
  const client = new KeepAliveClient(socket);
  socket.write(proxyHeaderFor('192.0.2.1'));
  socket.write(request('/peer/app/'), 'latin1');
  await client.response();
  const unused = new KeepAliveClient(connect({ host: '127.0.0.1', port }));
  t.after(() => unused.socket.destroy());
  unused.socket.write(proxyHeaderFor('192.0.2.1'));
  const drained = gateway.drain(longMs);
  await Promise.all([client.over(), unused.over()]);
  await drained;
});

test('accepts connections made before the listener closes, and serves their requests', async (t) => {
  const { port, gateway } = await start(t, echo, 100);
  const sockets = Array.from({ length: 100 }, () => connect({ host: '127.0.0.1', port }));
  const all = sockets.map((socket) => new KeepAliveClient(socket));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  // connect(2) runs on the next tick; the kernel completes the connection, but the server has not
  // accepted it yet.
  await new Promise<void>((resolve) => {
    process.nextTick(resolve);
  });
  const drained = gateway.drain(longMs);
  for (const client of all) client.send('/peer/app/');
  for (const client of all) assert.deepEqual((await client.response())?.status, 200);
  await drained;
});

test('the same rule applies to connections that end by gateway.idle_timeout', async (t) => {
  const idleTimeoutMs = 100;
  const { port } = await startPlainGateway(t, echo, { policy: { limits: { idleTimeoutMs } } });
  const [idle, used] = await keepAliveClients(t, port, 2);
  setImmediate(() => {
    blockMs(5 * idleTimeoutMs);
    used?.send('/peer/app/');
  });
  assert.equal((await used?.response())?.status, 200);
  await idle?.over();
});

describe('gateway.drain_delay', () => {
  test('the gateway listens and serves, is not ready, and reports this on the main port', async (t) => {
    const delayMs = 1_500;
    const { port, gateway, call } = await start(t);
    const [kept] = await keepAliveClients(t, port, 1);
    const startMs = performance.now();
    const drained = gateway.drain(longMs, delayMs);
    const ready = await call('/health/ready', { headers: [] });
    assert.deepEqual([ready.status, JSON.parse(ready.text)], [503, { status: 'not_ready', reason: 'draining' }]);
    assert.equal((await call('/peer/app/')).status, 200);
    kept?.send('/peer/app/');
    assert.equal((await kept?.response())?.closes, true);
    await drained;
    // Node's timers may fire a millisecond early.
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs >= delayMs - 2, `${tookMs} ms`);
    await assert.rejects(call('/health/live'), { code: 'ECONNREFUSED' });
  });

  test('close() does not wait for it', async (t) => {
    const { gateway, call } = await start(t);
    const drained = gateway.drain(longMs, longMs);
    assert.equal((await call('/health/ready', { headers: [] })).status, 503);
    await gateway.close();
    await drained;
  });
});

test('only requests that the grace period leaves unfinished get the code draining', async (t) => {
  const held: ServerResponse[] = [];
  const { port, gateway } = await start(t, (_, response) => held.push(response));
  const client = await keepAliveClient(t, port);
  const drained = gateway.drain(300);
  client.send('/peer/app/');
  const response = await client.response();
  assert.equal(held.length, 1);
  assert.deepEqual([response?.status, response?.closes], [503, true]);
  assert.match(response?.body ?? '', /"code":"draining"/);
  await drained;
});

test('a client that pipelines without end is cut with the grace period', async (t) => {
  const { port, gateway } = await start(t);
  const client = await keepAliveClient(t, port);
  const more = setInterval(() => {
    client.socket.write(request('/peer/app/').repeat(20), 'latin1');
  }, 1);
  t.after(() => {
    clearInterval(more);
  });
  await client.response();
  await gateway.drain(500);
  await client.over();
});
