import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCode, fieldBlock, flag, frame, frameType, preface, setting, settingId } from '../helpers/http2-frames.ts';
import { RawHttp2 } from '../helpers/http2-raw.ts';
import { closed, handedOver } from '../helpers/scripted-app.ts';
import { answerOf, ask, get, startSecureGateway } from '../helpers/secure-gateway.ts';

const impatient = { policy: { limits: { readHeaderTimeoutMs: 100, idleTimeoutMs: 60_000 } } };
const restless = { policy: { limits: { readHeaderTimeoutMs: 60_000, idleTimeoutMs: 100 } } };

test('a connection that never says that it speaks HTTP/2 is closed as one that sends no head', async (t) => {
  const { dial } = await startSecureGateway(t, () => undefined, impatient);
  for (const beginning of [Buffer.alloc(0), preface.subarray(0, 10), preface]) {
    const client = new RawHttp2(await dial({ ALPNProtocols: ['h2'] }));
    client.send(beginning);
    await client.goaway();
  }
});

test('a connection without a request is told to go, and closed, after its time; pings do not keep it', async (t) => {
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

test('a head that never ends is no request: its connection is idle', async (t) => {
  const { raw2 } = await startSecureGateway(t, () => undefined, restless);
  const client = await raw2();
  client.send(frame(frameType.headers, flag.endStream, 1, fieldBlock(get())));
  client.send(frame(frameType.continuation, 0, 1, fieldBlock([['x-more', 'to come']])));
  await client.goaway();
});

test('a stream is no rest, however long it says nothing', async (t) => {
  const app = handedOver();
  const { session } = await startSecureGateway(t, app.serve, restless);
  const client = await session();
  const stream = ask(client, '/');
  const answering = answerOf(stream);
  const [, response] = await app.next();
  response.flushHeaders();
  await new Promise((resolve) => setTimeout(resolve, 300));
  response.end('at last');
  assert.equal((await answering).body.toString(), 'at last');
});

test('a drain sends GOAWAY, lets what is in flight end, and then closes the connection', async (t) => {
  const app = handedOver();
  const { raw2, gateway } = await startSecureGateway(t, app.serve);
  const [busy, idle] = [await raw2(), await raw2()];
  busy.request(1, get());
  const [, response] = await app.next();
  const drained = gateway.drain(10_000);
  assert.equal(await idle.goaway(), errorCode.none);
  const goaway = await busy.frame(({ type }) => type === frameType.goaway);
  assert.deepEqual([goaway.payload.readUInt32BE(0), goaway.payload.readUInt32BE(4)], [1, errorCode.none]);
  // Not answered, and said to be so: the client may send it elsewhere.
  busy.request(3, get());
  response.end('the last');
  assert.equal(await busy.goaway(), errorCode.none);
  assert.equal(busy.body(1), 'the last');
  assert.equal(busy.status(3), undefined);
  await drained;
});

test('a drain cuts what is left after the grace', async (t) => {
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

test('a client that does not take what was sent can not keep a connection that is told to go', async (t) => {
  const { raw2, gateway } = await startSecureGateway(t, (_, response) => response.end(Buffer.alloc(100_000)));
  const client = await raw2(setting(settingId.initialWindowSize, 0));
  client.request(1, get());
  await client.frame(({ type }) => type === frameType.headers);
  client.socket.pause();
  await gateway.drain(50);
});
