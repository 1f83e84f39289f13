import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCode, fieldBlock, flag, frame, frameType, preface, setting, settingId } from '../helpers/http2-frames.ts';
import { RawHttp2 } from '../helpers/http2-raw.ts';
import { closed, handedOver } from '../helpers/scripted-app.ts';
import { responseOf, ask, get, startSecureGateway } from '../helpers/secure-gateway.ts';

const impatient = { policy: { limits: { readHeaderTimeoutMs: 100, idleTimeoutMs: 60_000 } } };
const restless = { policy: { limits: { readHeaderTimeoutMs: 60_000, idleTimeoutMs: 100 } } };

test('closes a connection that never starts HTTP/2 like one that sends no head', async (t) => {
  const { dial } = await startSecureGateway(t, () => undefined, impatient);
  for (const beginning of [Buffer.alloc(0), preface.subarray(0, 10), preface]) {
    const client = new RawHttp2(await dial({ ALPNProtocols: ['h2'] }));
    client.send(beginning);
    await client.goaway();
  }
});

test('a connection without requests gets GOAWAY and is closed after its timeout, despite pings', async (t) => {
  const { raw2 } = await startSecureGateway(t, (_, response) => response.end(), restless);
  const client = await raw2();
  const startMs = performance.now();
  client.request(1, get());
  assert.equal(await client.outcome(1), '200');
  const pings = setInterval(() => client.send(frame(frameType.ping, 0, 0, Buffer.alloc(8))), 20);
  assert.equal(await client.goaway(), errorCode.none);
  clearInterval(pings);
  assert.ok(performance.now() - startMs >= 100);
});

test('an endless head is not a request: its connection is idle', async (t) => {
  const { raw2 } = await startSecureGateway(t, () => undefined, restless);
  const client = await raw2();
  client.send(frame(frameType.headers, flag.endStream, 1, fieldBlock(get())));
  client.send(frame(frameType.continuation, 0, 1, fieldBlock([['x-more', 'to come']])));
  await client.goaway();
});

/**
 * Longer than the TLS handshake takes on a busy machine; this timeout covers the handshake as well.
 */
const readHeaderTimeoutMs = 800;
/** Longer than two requests take on a busy machine. */
const drainLingerMs = 1_500;
/** Far above either of the two, and far below every other timeout on these connections. */
const busyMachineMs = 15_000;

/** Starts of a head that never completes. */
const unfinished: Readonly<Record<string, readonly Buffer[]>> = {
  'no byte of the fields': [
    frame(frameType.headers, flag.endStream | flag.endHeaders, 3, fieldBlock(get())).subarray(0, 9),
  ],
  'half of a frame': [frame(frameType.headers, flag.endStream | flag.endHeaders, 3, fieldBlock(get())).subarray(0, 40)],
  'no END_HEADERS': [frame(frameType.headers, flag.endStream, 3, fieldBlock(get()))],
  'CONTINUATION after CONTINUATION': [
    frame(frameType.headers, flag.endStream, 3, fieldBlock(get())),
    ...Array.from({ length: 1_000 }, () => frame(frameType.continuation, 0, 3, fieldBlock([['a', 'b']]))),
  ],
};

for (const [name, pieces] of Object.entries(unfinished)) {
  test(`a head that is incomplete after its timeout ends the connection, despite a stream being served: ${name}`, async (t) => {
    const app = handedOver();
    const { raw2 } = await startSecureGateway(t, app.serve, { policy: { limits: { readHeaderTimeoutMs } } });
    const client = await raw2();
    client.request(1, get());
    const [request] = await app.next();
    const felt = closed(request);
    const startMs = performance.now();
    const [first, ...more] = pieces;
    client.send(first ?? Buffer.alloc(0));
    const timer = setInterval(() => {
      const piece = more.shift();
      if (piece !== undefined) client.send(piece);
      // nghttp2 accepts 8 CONTINUATION frames: it must not be the one to close the connection.
    }, readHeaderTimeoutMs / 4);
    await client.goaway();
    clearInterval(timer);
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs >= readHeaderTimeoutMs && tookMs < busyMachineMs, `${tookMs} ms`);
    await felt;
  });
}

test('a head that is completed in time or rejected ends nothing, however long the connection lives', async (t) => {
  const app = handedOver();
  const { raw2 } = await startSecureGateway(t, app.serve, { policy: { limits: { readHeaderTimeoutMs } } });
  const client = await raw2();
  client.request(1, get());
  const [, response] = await app.next();
  // nghttp2 resets the stream and JavaScript never sees it: only the PING shows that it ended.
  client.request(3, get('/', [['X-Upper', '1']]));
  assert.equal(await client.outcome(3), `reset ${errorCode.protocol}`);
  const { payload } = await client.frame(({ type, flags }) => type === frameType.ping && flags === 0);
  client.send(frame(frameType.ping, flag.ack, 0, payload));
  await new Promise((resolve) => setTimeout(resolve, 3 * readHeaderTimeoutMs));
  response.end('still here');
  assert.equal(await client.outcome(1), '200');
  assert.equal(client.over, false);
});

test('a connection with a stream is not idle, however quiet the stream', async (t) => {
  const app = handedOver();
  const { session } = await startSecureGateway(t, app.serve, restless);
  const client = await session();
  const stream = ask(client, '/');
  const responding = responseOf(stream);
  const [, response] = await app.next();
  response.flushHeaders();
  await new Promise((resolve) => setTimeout(resolve, 300));
  response.end('at last');
  assert.equal((await responding).body.toString(), 'at last');
});

test('a drain serves requests within its linger, then sends GOAWAY with the last stream, and ends with the last response', async (t) => {
  const app = handedOver();
  const { raw2, gateway } = await startSecureGateway(t, app.serve, { policy: { limits: { drainLingerMs } } });
  const [busy, idle] = [await raw2(), await raw2()];
  busy.request(1, get());
  const [, held] = await app.next();
  const startMs = performance.now();
  const drained = gateway.drain(10_000);
  // An idle connection still serves a request, too.
  idle.request(1, get());
  (await app.next())[1].end('one more');
  assert.equal(await idle.outcome(1), '200');
  busy.request(3, get());
  (await app.next())[1].end('another');
  await busy.frame(
    ({ type, stream, flags }) => stream === 3 && type === frameType.data && (flags & flag.endStream) !== 0,
  );
  assert.equal(await idle.goaway(), errorCode.none);
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs >= drainLingerMs && tookMs < busyMachineMs, `${tookMs} ms`);
  const goaway = await busy.frame(({ type }) => type === frameType.goaway);
  assert.deepEqual([goaway.payload.readUInt32BE(0), goaway.payload.readUInt32BE(4)], [3, errorCode.none]);
  // It gets no response, and the last id in the GOAWAY says so: the client may retry elsewhere.
  busy.request(5, get());
  held.end('the last');
  assert.equal(await busy.goaway(), errorCode.none);
  assert.equal(busy.body(1), 'the last');
  assert.equal(busy.status(5), undefined);
  await drained;
});

test('without a linger a drain sends GOAWAY at once; if the grace period ends first, GOAWAY precedes the cut', async (t) => {
  for (const [drainLingerMs, graceMs] of [
    [0, 10_000],
    [60_000, 50],
  ] as const) {
    const { raw2, gateway } = await startSecureGateway(t, () => undefined, { policy: { limits: { drainLingerMs } } });
    const idle = await raw2();
    const drained = gateway.drain(graceMs);
    const { payload } = await idle.frame(({ type }) => type === frameType.goaway);
    assert.deepEqual([payload.readUInt32BE(0), payload.readUInt32BE(4)], [0, errorCode.none]);
    await drained;
  }
});

test('a drain cuts streams that remain after the grace period', async (t) => {
  const app = handedOver();
  const { raw2, gateway } = await startSecureGateway(t, app.serve);
  const client = await raw2();
  client.request(1, get());
  const [request] = await app.next();
  const felt = closed(request);
  await gateway.drain(50);
  await felt;
  await client.goaway();
});

test('a client that does not read cannot keep a connection after GOAWAY', async (t) => {
  const { raw2, gateway } = await startSecureGateway(t, (_, response) => response.end(Buffer.alloc(100_000)));
  const client = await raw2(setting(settingId.initialWindowSize, 0));
  client.request(1, get());
  await client.frame(({ type }) => type === frameType.headers);
  client.socket.pause();
  await gateway.drain(50);
});
