// Charges to buckets and quotas are refunded when the gateway could not serve the request.
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import type { Limiter, Verdict } from '../../src/limits/limiter.ts';
import { auth, readUntil, startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';
import { handedOver } from '../helpers/scripted-app.ts';

type Options = Parameters<typeof startPlainGateway>[2];

interface Bench {
  readonly app: ReturnType<typeof handedOver>;
  readonly gateway: PlainGateway;
  /** The error code of one more request. */
  readonly code: () => Promise<unknown>;
  /** Tokens in the bucket and requests in the quota, after one more successful request. */
  readonly left: () => Promise<unknown>;
}

const get = `GET /peer/app/ HTTP/1.1\r\nHost: a\r\n${auth.join(': ')}\r\n`;

/**
 * Three tokens and three requests, in a bucket that refills too slowly to matter here, and in a
 * monthly quota.
 */
async function start(
  t: TestContext,
  limits: { maxInFlight: number; queue: number; maxStreams: number },
  options: Options = {},
): Promise<Bench> {
  const app = handedOver();
  const gateway = await startPlainGateway(t, app.serve, {
    policy: {
      limits,
      quotas: { monthly: { test: { requests: 3 } } },
      rateLimit: { perKey: { default: { requestsPerSecond: 0.001, burst: 3 }, overrides: {} } },
    },
    ...options,
  });
  return {
    ...{ app, gateway },
    code: async () => (JSON.parse((await gateway.call('/peer/app/')).text) as { code?: unknown }).code,
    left: async () => {
      const reply = gateway.call('/peer/app/');
      const [, response] = await app.next();
      response.end();
      const { headers, headersDistinct } = (await reply).message;
      const quota = headersDistinct['ratelimit']?.map((line) => /"monthly-requests";r=(\d+)/.exec(line)?.[1]);
      return [headers['x-ratelimit-remaining'], quota?.find((found) => found !== undefined)];
    },
  };
}

/** Resolves when the gateway has read everything sent earlier on other connections. */
async function read({ gateway }: Bench): Promise<void> {
  await readUntil(gateway.raw('GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n'), 'live');
}

test('requests rejected by the queue or leaving it are refunded', async (t) => {
  const bench = await start(t, { maxInFlight: 1, queue: 1, maxStreams: 10 });
  const first = bench.gateway.call('/peer/app/first');
  const [, held] = await bench.app.next();
  const leaver = bench.gateway.raw(`${get}\r\n`);
  await read(bench);
  for (let i = 0; i < 5; i += 1) assert.equal(await bench.code(), 'overloaded');
  leaver.destroy();
  await read(bench);
  held.end();
  assert.equal((await first).status, 200);
  assert.deepEqual(
    [await bench.left(), await bench.left()],
    [
      ['1', '1'],
      ['0', '0'],
    ],
  );
  assert.equal(await bench.code(), 'quota_exceeded');
});

test('requests without a free tunnel are refunded', async (t) => {
  const pool = { maxIdle: 1, maxActive: 1, maxWaiting: 0 };
  const bench = await start(t, { maxInFlight: 10, queue: 0, maxStreams: 10 }, { pool });
  const first = bench.gateway.call('/peer/app/');
  const [, held] = await bench.app.next();
  for (let i = 0; i < 5; i += 1) assert.equal(await bench.code(), 'overloaded');
  held.end();
  assert.equal((await first).status, 200);
  assert.deepEqual(await bench.left(), ['1', '1']);
});

test('an upgrade without room is refunded, and a stream that the app has begun is charged', async (t) => {
  const bench = await start(t, { maxInFlight: 10, queue: 0, maxStreams: 0 });
  bench.gateway.app.on('upgrade', (_: IncomingMessage, socket: Socket) => socket.destroy());
  const refused = bench.gateway.raw(`${get}Connection: Upgrade\r\nUpgrade: x\r\n\r\n`);
  await readUntil(refused, '"overloaded"');
  const stream = bench.code();
  const [, response] = await bench.app.next();
  response.write('begun');
  assert.equal(await stream, 'overloaded');
  assert.deepEqual(await bench.left(), ['1', '1']);
});

test('a client that leaves while the store is asked gets a refund of the later charge', async (t) => {
  const asked = Promise.withResolvers<(verdict: Verdict) => void>();
  const gave = Promise.withResolvers<unknown>();
  const limiter: Limiter = {
    take: () =>
      new Promise((resolve) => {
        asked.resolve(resolve);
      }),
    give: (charges, quota) => {
      gave.resolve([charges.map(({ level }) => level), quota?.key]);
    },
    peek: () => assert.fail(),
  };
  const { gateway } = await start(t, { maxInFlight: 1, queue: 0, maxStreams: 1 }, { limiter });
  const leaver = gateway.raw(`${get}\r\n`);
  const response = await asked.promise;
  leaver.destroy();
  await readUntil(gateway.raw('GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n'), 'live');
  response({ refusedBy: undefined, retryAfterMs: 0, states: [], quota: { refusedBy: undefined, states: [] } });
  assert.deepEqual(await gave.promise, [['global', 'key'], 'test']);
});
