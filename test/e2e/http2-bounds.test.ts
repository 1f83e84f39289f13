import assert from 'node:assert/strict';
import { memoryUsage } from 'node:process';
import { test } from 'node:test';
import { errorCode, fieldBlock, flag, frame, frameType, uint32 } from '../helpers/http2-frames.ts';
import type { RawHttp2 } from '../helpers/http2-raw.ts';
import { answerOf, get, startSecureGateway, type SecureGateway } from '../helpers/secure-gateway.ts';

/** So much in one write. */
const perWrite = 50;

interface Flooded {
  readonly sent: number;
  /** Of the GOAWAY, unless the end of the connection overtook it. */
  readonly code: number | undefined;
}

/** Sends frames until the gateway has had enough. `paced`: not before it has read the last ones. */
async function flood(client: RawHttp2, most: number, paced: boolean, make: (i: number) => Buffer): Promise<Flooded> {
  let sent = 0;
  while (sent < most && !client.over) {
    const block = Array.from({ length: perWrite }, (_, i) => make(sent + i));
    sent += perWrite;
    const more = client.send(...block);
    if (paced) await client.roundTrip(sent).catch(() => undefined);
    // What has ended does not drain.
    else if (!more) await new Promise((resolve) => client.socket.once('drain', resolve).once('close', resolve));
    else await new Promise((resolve) => setImmediate(resolve));
  }
  return { sent, code: await client.goaway() };
}

async function isServing({ session }: SecureGateway): Promise<void> {
  const client = await session();
  const health = await answerOf(client.request({ ':path': '/health' }));
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
  /** The code of our GOAWAY. Undefined: nghttp2 ends it. */
  readonly code?: number;
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
  { name: 'requests that are none', make: (i) => headers(odd(i), flag.endStream, fieldBlock([['X', '1']])) },
  { name: 'streams beyond the bound', make: (i) => headers(odd(i), 0) },
  {
    name: 'CONTINUATION without end and content',
    make: (i) => (i === 0 ? frame(frameType.headers, 0, 1, head) : frame(frameType.continuation, 0, 1)),
  },
  {
    name: 'CONTINUATION without end',
    make: (i) => {
      const block = fieldBlock([[`x-${i}`, 'y'.repeat(1_000)]]);
      return i === 0 ? frame(frameType.headers, 0, 1, head) : frame(frameType.continuation, 0, 1, block);
    },
  },
  { name: 'DATA without content', make: (i) => (i === 0 ? headers(1, 0) : frame(frameType.data, 0, 1)) },
  { name: 'PRIORITY', make: () => frame(frameType.priority, 0, 1, Buffer.from([0, 0, 0, 3, 1])) },
  { name: 'frames of no known type', make: () => frame(0x55, 0, 0, Buffer.alloc(8)) },
  {
    name: 'WINDOW_UPDATE of nothing',
    make: (i) => (i === 0 ? headers(1, 0) : frame(frameType.windowUpdate, 0, 1, uint32(0))),
  },
  { name: 'WINDOW_UPDATE of too much', make: () => frame(frameType.windowUpdate, 0, 0, uint32(0x7fffffff)) },
  { name: 'GOAWAY', make: () => frame(frameType.goaway, 0, 0, Buffer.alloc(8)) },
];

for (const { name, make, code } of attacks) {
  test(`a flood is bounded: ${name}`, async (t) => {
    const gateway = await startSecureGateway(t, () => undefined, { policy: { limits: { idleTimeoutMs: 2_000 } } });
    await isServing(gateway);
    const before = memoryUsage().rss;
    const most = 100_000;
    for (const paced of code === undefined ? [false] : [true, false]) {
      const { sent, code: ended } = await flood(await gateway.raw2(), most, paced, make);
      t.diagnostic(`${sent} sent, GOAWAY ${String(ended)}`);
      assert.ok(sent < most, `the gateway took ${sent}`);
      if (paced) assert.equal(ended, code);
    }
    assert.ok(memoryUsage().rss - before < 64 * 1024 * 1024, `${memoryUsage().rss - before} bytes more`);
    await isServing(gateway);
  });
}
