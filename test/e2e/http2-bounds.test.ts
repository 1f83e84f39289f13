import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { memoryUsage } from 'node:process';
import { test } from 'node:test';
import {
  errorCode,
  fieldBlock,
  flag,
  frame,
  frameType,
  preface,
  setting,
  settingId,
  uint32,
} from '../helpers/http2-frames.ts';
import { RawHttp2 } from '../helpers/http2-raw.ts';
import { closed, handedOver } from '../helpers/scripted-app.ts';
import { responseOf, get, startSecureGateway, type SecureGateway } from '../helpers/secure-gateway.ts';

/** RSS must grow by less than 64 MiB. */
const maxGrowthBytes = 64 * 1024 * 1024;
interface Flooded {
  readonly sent: number;
  /** The error code of the GOAWAY; undefined if the connection ended before it. */
  readonly code: number | undefined;
}

/**
 * Sends frames until the gateway closes the connection. `paced`: waits until the gateway has read
 * the previous ones.
 */
async function flood(client: RawHttp2, most: number, paced: boolean, attack: Attack): Promise<Flooded> {
  const { make, perWrite = 50 } = attack;
  let sent = 0;
  while (sent < most && !client.over) {
    const block = Array.from({ length: perWrite }, (_, i) => make(sent + i));
    sent += perWrite;
    const more = client.send(...block);
    if (paced) await client.roundTrip(sent).catch(() => undefined);
    // A closed socket emits no drain event.
    else if (!more) await new Promise((resolve) => client.socket.once('drain', resolve).once('close', resolve));
    else await new Promise((resolve) => setImmediate(resolve));
  }
  return { sent, code: await client.goaway() };
}

async function isServing({ session }: SecureGateway): Promise<void> {
  const client = await session();
  const health = await responseOf(client.request({ ':path': '/health' }));
  assert.equal(health.head[':status'], 200);
  client.destroy();
}

const head = fieldBlock(get());
const headers = (stream: number, flags: number, block = head): Buffer =>
  frame(frameType.headers, flags | flag.endHeaders, stream, block);
const odd = (i: number): number => 2 * i + 1;

interface Attack {
  readonly name: string;
  readonly make: (i: number) => Buffer;
  /** The code of our GOAWAY. Undefined: nghttp2 closes the connection. */
  readonly code?: number;
  readonly perWrite?: number;
}

const attacks: readonly Attack[] = [
  {
    name: 'rapid reset',
    make: (i) => Buffer.concat([headers(odd(i), flag.endStream), frame(frameType.reset, 0, odd(i), uint32(8))]),
    code: errorCode.calm,
  },
  {
    name: 'rapid reset of uploads without an error code',
    make: (i) => Buffer.concat([headers(odd(i), 0), frame(frameType.reset, 0, odd(i), uint32(0))]),
    code: errorCode.calm,
  },
  { name: 'PING', make: () => frame(frameType.ping, 0, 0, Buffer.alloc(8)), code: errorCode.calm },
  { name: 'SETTINGS', make: () => frame(frameType.settings, 0, 0), code: errorCode.calm },
  {
    name: 'SETTINGS that change the window of every stream',
    make: (i) => frame(frameType.settings, 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(i % 65_536)])),
    code: errorCode.calm,
  },
  { name: 'malformed requests', make: (i) => headers(odd(i), flag.endStream, fieldBlock([['X', '1']])) },
  { name: 'streams beyond the announced number', make: (i) => headers(odd(i), 0) },
  {
    name: 'streams beyond those that are served',
    // The first hundred stay open.
    make: (i) => headers(odd(i), 0),
    code: errorCode.calm,
    perWrite: 20,
  },
  {
    name: 'endless CONTINUATION without content',
    make: (i) => (i === 0 ? frame(frameType.headers, 0, 1, head) : frame(frameType.continuation, 0, 1)),
  },
  {
    name: 'endless CONTINUATION',
    make: (i) => {
      const block = fieldBlock([[`x-${i}`, 'y'.repeat(1_000)]]);
      return i === 0 ? frame(frameType.headers, 0, 1, head) : frame(frameType.continuation, 0, 1, block);
    },
  },
  { name: 'DATA without content', make: (i) => (i === 0 ? headers(1, 0) : frame(frameType.data, 0, 1)) },
  {
    name: 'DATA of one byte',
    // Within the windows of sixteen streams that are never read.
    make: (i) => (i < 16 ? headers(odd(i), 0) : frame(frameType.data, 0, odd(i % 16), Buffer.from([0]))),
    code: errorCode.calm,
    perWrite: 5_000,
  },
  { name: 'PRIORITY', make: () => frame(frameType.priority, 0, 1, Buffer.from([0, 0, 0, 3, 1])) },
  { name: 'frames of an unknown type', make: () => frame(0x55, 0, 0, Buffer.alloc(8)) },
  {
    name: 'WINDOW_UPDATE of zero',
    make: (i) => (i === 0 ? headers(1, 0) : frame(frameType.windowUpdate, 0, 1, uint32(0))),
  },
  { name: 'WINDOW_UPDATE of too much', make: () => frame(frameType.windowUpdate, 0, 0, uint32(0x7fffffff)) },
  { name: 'GOAWAY', make: () => frame(frameType.goaway, 0, 0, Buffer.alloc(8)) },
];

for (const attack of attacks) {
  const { name, code } = attack;
  test(`limits a flood: ${name}`, async (t) => {
    const gateway = await startSecureGateway(t, () => undefined, { policy: { limits: { idleTimeoutMs: 2_000 } } });
    await isServing(gateway);
    const before = memoryUsage().rss;
    const most = 100_000;
    for (const paced of code === undefined ? [false] : [true, false]) {
      const { sent, code: ended } = await flood(await gateway.raw2(), most, paced, attack);
      t.diagnostic(`${sent} sent, GOAWAY ${String(ended)}`);
      assert.ok(sent < most, `the gateway took ${sent}`);
      if (paced) assert.equal(ended, code);
    }
    assert.ok(memoryUsage().rss - before < maxGrowthBytes, `${memoryUsage().rss - before} bytes more`);
    await isServing(gateway);
  });
}

test('rejects streams beyond the served ones individually, and they may be sent again', async (t) => {
  const app = handedOver();
  const gateway = await startSecureGateway(t, app.serve);
  const client = await gateway.raw2();
  for (let i = 0; i < 128; i += 1) client.request(odd(i), get());
  for (let i = 100; i < 128; i += 1) assert.equal(await client.outcome(odd(i)), `reset ${errorCode.refused}`);
  const responses: ServerResponse[] = [];
  while (responses.length < 100) responses.push((await app.next())[1]);
  for (const response of responses) response.end();
  for (let i = 0; i < 100; i += 1) assert.equal(await client.outcome(odd(i)), '200');
  client.request(odd(128), get());
  (await app.next())[1].end();
  assert.equal(await client.outcome(odd(128)), '200');
});

test('more malformed requests than Node counts per connection do not end it', async (t) => {
  const gateway = await startSecureGateway(t, (_, response) => response.end());
  const client = await gateway.raw2();
  const broken = fieldBlock([...get(), ['X-Upper', '1']]);
  for (let i = 0; i < 2_000; i += 1) {
    client.send(headers(odd(i), flag.endStream, broken));
    if (i % 50 === 49) assert.equal(await client.outcome(odd(i)), `reset ${errorCode.protocol}`);
  }
  client.request(odd(2_000), get());
  assert.equal(await client.outcome(odd(2_000)), '200');
});

test('RST_STREAM after complete responses is not abuse, however often', async (t) => {
  const gateway = await startSecureGateway(t, () => undefined);
  const client = await gateway.raw2();
  // Without DATA, which would use up the client's window.
  const early = get('/', [], 'HEAD').map(([name, value]) => [name, name === ':path' ? '/nowhere' : value] as const);
  for (let i = 0; i < 3_000; i += 1) {
    client.request(odd(i), early, 0);
    assert.equal(await client.outcome(odd(i)), '404');
    client.reset(odd(i));
    client.received.length = 0;
  }
});

test('uploads that are not read get no more than the initial window', async (t) => {
  const gateway = await startSecureGateway(t, () => undefined);
  gateway.transport.dialInstead = () => new Promise(() => undefined);
  const client = await gateway.raw2();
  const upload = fieldBlock(get('/', [['content-length', '1000000']], 'POST'));
  for (let i = 0; i < 100; i += 1) client.send(headers(odd(i), 0, upload));
  // HTTP/2's default window, 65,535 bytes for each stream.
  for (let i = 0; i < 100; i += 1) for (let piece = 0; piece < 3; piece += 1) client.data(odd(i), Buffer.alloc(16_384));
  await client.roundTrip(1);
  const updates = client.received.filter(({ type }) => type === frameType.windowUpdate);
  assert.ok(updates.length > 0 && updates.every(({ stream }) => stream === 0));
  client.data(1, Buffer.alloc(16_384));
  // FLOW_CONTROL_ERROR
  assert.match(await client.outcome(1), /^(reset|goaway) 3$/);
  await isServing(gateway);
});

test('large heads use no more memory than their size, also before the client knows the limit', async (t) => {
  const gateway = await startSecureGateway(t, () => undefined);
  await isServing(gateway);
  const client = new RawHttp2(await gateway.dial({ ALPNProtocols: ['h2'] }));
  // Sends SETTINGS but does not acknowledge the gateway's.
  client.send(preface, frame(frameType.settings, 0, 0, setting(settingId.headerTableSize, 0)));
  const before = memoryUsage().rss;
  const large = fieldBlock(
    get(
      '/',
      ['a', 'b', 'c'].map((name) => [name, 'y'.repeat(33_000)] as const),
    ),
  );
  // The error responses to 200 requests still fit the client's own window.
  for (let i = 0; i < 200; i += 1) {
    for (let at = 0; at < large.length; at += 16_384) {
      const last = at + 16_384 >= large.length ? flag.endHeaders : 0;
      const piece = large.subarray(at, at + 16_384);
      client.send(
        at === 0
          ? frame(frameType.headers, flag.endStream | last, odd(i), piece)
          : frame(frameType.continuation, last, odd(i), piece),
      );
    }
    assert.match(await client.outcome(odd(i)), /^431$|^reset/);
  }
  const growth = memoryUsage().rss - before;
  t.diagnostic(`${(growth / 1024 / 1024).toFixed(1)} MiB`);
  assert.ok(growth < maxGrowthBytes, `${growth} bytes more`);
});

test('reset streams leave nothing behind: no tunnel, no stream', async (t) => {
  const app = handedOver();
  const gateway = await startSecureGateway(t, app.serve);
  const client = await gateway.raw2();
  for (let i = 0; i < 100; i += 1) {
    client.request(odd(i), get());
    const [request] = await app.next();
    const felt = closed(request);
    client.reset(odd(i));
    await felt;
  }
  assert.ok(gateway.transport.tunnels.length <= 100);
  assert.ok(gateway.transport.tunnels.every(({ destroyed }) => destroyed));
  // The drain has nothing to wait for.
  await gateway.gateway.drain(10_000);
});
