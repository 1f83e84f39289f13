// Slow clients and greedy callers: the resources held by one caller never lock another one out.
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { slowClientCut, type SlowClientCut } from '../../src/kernel/events.ts';
import { setting, settingId } from '../helpers/http2-frames.ts';
import { key, startPlainGateway } from '../helpers/plain-gateway.ts';
import { testKey } from '../helpers/policy.ts';
import { get as h2get, startSecureGateway } from '../helpers/secure-gateway.ts';
import { markedSecret } from '../secrecy/marks.ts';

const largeBytes = 30 * 1024 * 1024;
/** A busy machine may stop an honest client for half a second. */
const writeRateWindowMs = 1_000;
const otherKey = markedSecret('other-key');
const keys = [testKey(), testKey({ id: 'other', secret: { kind: 'digest', sha256: hash('sha256', otherKey) } })];

function get(path: string, withKey = key): string {
  return `GET /peer/app${path} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${withKey}\r\n\r\n`;
}

/** /large: 30 MiB with a length. /stream: endless events. Everything else: two bytes. */
function serve(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === '/large') {
    response.writeHead(200, { 'content-length': largeBytes });
    response.end(Buffer.alloc(largeBytes));
  } else if (request.url === '/stream') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const fill = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(64 * 1024, 0x3a)));
    };
    response.on('drain', fill);
    fill();
  } else response.end('ok');
}

/** Reads the head and then stops reading. */
async function stalled(socket: Socket): Promise<Socket> {
  await once(socket, 'readable');
  return socket;
}

test('clients of one key that do not read leave room for another key', async (t) => {
  const limits = { maxInFlight: 16, queue: 4, minWriteRateBytes: 0 };
  // Both use one lease and one address, whose shares would also limit the other key.
  const shares = { perLeaseInFlight: 1000, perIpInFlight: 1000 };
  const gateway = await startPlainGateway(t, serve, { policy: { limits, shares, auth: { keys } } });
  // 13 are admitted: three quarters are 12, and one more is admitted while exactly 12 are in use.
  await Promise.all(Array.from({ length: 13 }, () => stalled(gateway.raw(get('/large')))));
  const waiting = Array.from({ length: 4 }, () => gateway.raw(get('/large')));
  const full = await text(gateway.raw(get('/large').replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')));
  assert.match(full, /^HTTP\/1\.1 503 [^]*"overloaded"/);
  for (let i = 0; i < 20; i += 1) {
    const { status } = await gateway.call('/peer/app/', { headers: ['X-API-Key', otherKey] });
    assert.equal(status, 200);
  }
  for (const socket of waiting) socket.destroy();
});

/** Records every cut from now on, with a promise of the first one. */
function watchCuts(t: TestContext): { readonly cuts: readonly SlowClientCut[]; readonly first: Promise<unknown> } {
  const cuts: SlowClientCut[] = [];
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const listen = (message: unknown): void => {
    cuts.push(message as SlowClientCut);
    resolve(message);
  };
  slowClientCut.subscribe(listen);
  t.after(() => {
    slowClientCut.unsubscribe(listen);
  });
  return { cuts, first: promise };
}

test('a response whose client does not read is cut and reported, and frees its slot', async (t) => {
  const { cuts, first } = watchCuts(t);
  const gateway = await startPlainGateway(t, serve, {
    policy: { limits: { maxInFlight: 1, queue: 0, minWriteRateBytes: 1024 * 1024 } },
    listener: { writeRateWindowMs },
  });
  const slow = await stalled(gateway.raw(get('/large')));
  await first;
  const whole = await gateway.call('/peer/app/large');
  assert.deepEqual([whole.status, whole.text.length], [200, largeBytes]);
  assert.deepEqual(
    cuts.map(({ clientIp }) => clientIp),
    ['127.0.0.1'],
  );
  const ended = Promise.race([once(slow, 'end'), once(slow, 'close')]);
  slow.resume();
  await ended;
  assert.ok(slow.bytesRead < largeBytes);
});

test('does not cut a stream whose client does not read', async (t) => {
  const { cuts, first } = watchCuts(t);
  const gateway = await startPlainGateway(t, serve, {
    policy: { limits: { minWriteRateBytes: 1024 * 1024 } },
    listener: { writeRateWindowMs },
  });
  const stream = await stalled(gateway.raw(get('/stream')));
  await stalled(gateway.raw(get('/large')));
  // The response with a length began later and is cut; the stream had at least as much time.
  await first;
  assert.equal(cuts.length, 1);
  assert.equal(stream.readyState, 'open');
});

test('over HTTP/2 resets the stream of a slow client and keeps its connection', async (t) => {
  const { cuts, first } = watchCuts(t);
  const gateway = await startSecureGateway(t, serve, {
    policy: { limits: { minWriteRateBytes: 1024 * 1024 } },
    listener: { writeRateWindowMs },
  });
  // The stream's window is never raised; the connection's window stays open for other streams.
  const client = await gateway.raw2(setting(settingId.initialWindowSize, 1024));
  client.request(1, h2get('/large'));
  await first;
  assert.match(await client.outcome(1), /^reset /);
  client.request(3, h2get('/'));
  assert.equal(await client.outcome(3), '200');
  assert.equal(cuts.length, 1);
});
