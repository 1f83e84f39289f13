// The HTTP door of our relay: its pages, and which upgrades it takes.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { test } from 'node:test';
import { startRelay } from '../../test/helpers/relay-bench.ts';
import { connectCarrier } from '../portal/websocket/connect.ts';

test('a page, health, 426 on the WebSocket path, 404 elsewhere', async (t) => {
  const bench = await startRelay(t);
  await (await bench.peer()).register();
  const at = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${bench.port}${path}`);
  const health = await at('/health');
  assert.equal(health.status, 200);
  assert.deepEqual(await health.json(), { status: 'ok', connections: 1, leases: 1, forwards: 0 });
  assert.equal((await at('/')).status, 200);
  assert.equal((await at('/relay?x=1')).status, 426);
  assert.equal((await at('/other')).status, 404);
});

test('every response has the Date of the relay’s clock, including upgrade responses', async (t) => {
  const clock = { monotonicMs: () => performance.now(), wallMs: () => Date.UTC(1994, 10, 6, 8, 49, 37) };
  const { url, port } = await startRelay(t, {}, { clock });
  for (const path of ['/', '/health', '/relay', '/nothing']) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    assert.equal(response.headers.get('date'), 'Sun, 06 Nov 1994 08:49:37 GMT');
    await response.body?.cancel();
  }
  const dates: number[] = [];
  const signal = AbortSignal.timeout(20_000);
  (
    await connectCarrier(url, { signal, dates: { monotonicMs: () => 0, take: ({ dateMs }) => dates.push(dateMs) } })
  ).close();
  assert.deepEqual(dates, [clock.wallMs()]);
});

async function upgradeStatus(port: number, path: string, ...more: readonly string[]): Promise<string> {
  const socket = connectTcp(port, '127.0.0.1');
  const fields = ['Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
  const lines = [`GET ${path} HTTP/1.1`, ...fields, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', ...more];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return data.toString().slice(9, 12);
}

test('an upgrade by a page in a browser gets 403, whatever its origin', async (t) => {
  const { port } = await startRelay(t);
  assert.equal(await upgradeStatus(port, '/relay'), '101');
  for (const origin of ['http://evil.example', 'http://x', 'null', `http://127.0.0.1:${port}`, '']) {
    assert.equal(await upgradeStatus(port, '/relay', `Origin: ${origin}`), '403', origin);
  }
});

test('an upgrade elsewhere gets 404, one too many 429 or 503, and a closed connection frees its slot', async (t) => {
  const bench = await startRelay(t, { connectionsPerAddress: 2 });
  const upgrade = (path: string): Promise<string> => upgradeStatus(bench.port, path);
  assert.equal(await upgrade('/other'), '404');
  const first = await bench.peer();
  await bench.peer();
  assert.equal(await upgrade('/relay'), '429');
  first.close();
  await bench.event('disconnected');
  await bench.peer();
  const full = await startRelay(t, { connections: 1 });
  await full.peer();
  await assert.rejects(full.peer(), { code: 'relay_unreachable' });
});
