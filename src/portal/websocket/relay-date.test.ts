import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../../kernel/clock.ts';
import { dateSample, requestDate } from './relay-date.ts';

const date = 'Sun, 06 Nov 1994 08:49:37 GMT';
const dateMs = Date.UTC(1994, 10, 6, 8, 49, 37);

/**
 * A server that answers each request with these bytes, or not at all. Returns the URL of a relay
 * there, and the requests.
 */
async function responding(t: TestContext, bytes: string): Promise<{ url: string; requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (chunk: Buffer) => {
      requests.push(chunk.toString('latin1'));
      socket.write(bytes);
    });
    t.after(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/relay`, requests };
}

test('accepts Date only in the form that senders may use, and adds its Age', () => {
  const cases: [headers: Record<string, string>, expected: number | undefined][] = [
    [{ date }, dateMs],
    [{ date, age: '0' }, dateMs],
    [{ date, age: '90' }, dateMs + 90_000],
    [{ date, age: '-1' }, undefined],
    [{ date, age: '12345678' }, undefined],
    [{}, undefined],
    [{ date: '' }, undefined],
    [{ date: '1994-11-06T08:49:37Z' }, undefined],
    [{ date: 'Sun Nov  6 08:49:37 1994' }, undefined],
    [{ date: 'Sun, 99 Nov 1994 08:49:37 GMT' }, undefined],
    [{ date: `${date} ` }, undefined],
  ];
  for (const [headers, expected] of cases) {
    const sample = expected === undefined ? undefined : { dateMs: expected, sentAtMs: 1, receivedAtMs: 2 };
    assert.deepEqual(dateSample(headers, 1, 2), sample, JSON.stringify(headers));
  }
});

test('accepts the Date of any response, whatever its status', async (t) => {
  for (const status of ['405 Method Not Allowed', '404 Not Found', '301 Moved Permanently', '200 OK']) {
    const { url, requests } = await responding(t, `HTTP/1.1 ${status}\r\nDate: ${date}\r\nContent-Length: 5\r\n\r\n`);
    const sample = await requestDate(url, { clock: systemClock, signal: AbortSignal.timeout(20_000) });
    assert.equal(sample?.dateMs, dateMs, status);
    assert.ok(sample.sentAtMs <= sample.receivedAtMs);
    assert.match(requests[0] ?? '', /^HEAD \/relay HTTP\/1\.1\r\n/);
  }
});

test('a relay without a usable response has no time, and stays within time and size limits', async (t) => {
  const long = `HTTP/1.1 200 OK\r\nDate: ${date}\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`;
  const upgrade = `HTTP/1.1 101 Switching Protocols\r\nDate: ${date}\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n`;
  for (const bytes of ['not HTTP\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\n', long, upgrade]) {
    const { url } = await responding(t, bytes);
    assert.equal(
      await requestDate(url, { clock: systemClock, signal: AbortSignal.timeout(20_000) }),
      undefined,
      bytes.slice(0, 40),
    );
  }
  const { url } = await responding(t, '');
  assert.equal(
    await requestDate(url, { clock: systemClock, signal: new AbortController().signal }),
    undefined,
    'a silent relay, after 3 s',
  );
  const stop = new AbortController();
  const stopped = requestDate(url, { clock: systemClock, signal: stop.signal });
  stop.abort();
  assert.equal(await stopped, undefined);
  assert.equal(
    await requestDate('ws://127.0.0.1:1/relay', { clock: systemClock, signal: new AbortController().signal }),
    undefined,
  );
});
