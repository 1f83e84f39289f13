// Quotas as callers see them: by day and month, in requests, bytes and tokens, through the gateway.
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { PassThrough } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { describe, test, type TestContext } from 'node:test';
import { constants, createGunzip, createGzip, gzipSync } from 'node:zlib';
import { QuotaLedger } from '../../src/limits/quotas/quota-ledger.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { listen, requestFinished } from '../../src/kernel/events.ts';
import type { QuotasPolicy } from '../../src/policy/policy.ts';
import {
  auth,
  readUntil,
  startPlainGateway,
  type ReceivedResponse,
  type PlainGateway,
} from '../helpers/plain-gateway.ts';
import { testKey } from '../helpers/policy.ts';

const noon = Date.parse('2026-11-30T12:00:00Z');
const halfDay = 43_200;

interface Bench extends PlainGateway {
  /** Wall clock. */
  readonly time: { nowMs: number };
  readonly code: (headers?: readonly string[]) => Promise<unknown>;
}

async function start(
  t: TestContext,
  quotas: Partial<QuotasPolicy>,
  serve: RequestListener = (_, response) => response.end('fine'),
  policy: Parameters<typeof startPlainGateway>[2] = {},
): Promise<Bench> {
  const time = { nowMs: noon };
  const gateway = await startPlainGateway(t, serve, {
    ...policy,
    policy: { quotas, ...policy.policy },
    clock: { ...systemClock, wallMs: () => time.nowMs },
  });
  const code = async (headers = auth): Promise<unknown> => codeOf(await gateway.call('/peer/app/', { headers }));
  return { ...gateway, time, code };
}

function codeOf({ status, text }: ReceivedResponse): unknown {
  return status === 200 ? 200 : (JSON.parse(text) as { code?: unknown }).code;
}

function field({ message }: ReceivedResponse, name: string): string | undefined {
  const lines = message.headersDistinct[name];
  // The last line belongs to the rate limit.
  return lines?.find((line) => /"(?:daily|monthly)-/.test(line));
}

/** Calls until a request is rejected: a response is charged shortly after its end. */
async function untilRefused(bench: Bench): Promise<ReceivedResponse> {
  for (;;) {
    const response = await bench.call('/peer/app/refused');
    if (response.status === 429) return response;
    await setTimeout(10);
  }
}

describe('a quota in requests', () => {
  test('is reported, rejects once used up, and resets at midnight', async (t) => {
    let seen = 0;
    const bench = await start(t, { daily: { test: { requests: 2 } } }, (_, response) => {
      seen += 1;
      response.end();
    });
    const first = await bench.call('/peer/app/');
    assert.equal(first.status, 200);
    assert.equal(field(first, 'ratelimit-policy'), '"daily-requests";q=2;w=86400');
    assert.equal(field(first, 'ratelimit'), `"daily-requests";r=1;t=${halfDay}`);
    assert.equal(await bench.code(), 200);
    const refused = await bench.call('/peer/app/');
    assert.deepEqual([refused.status, codeOf(refused)], [429, 'quota_exceeded']);
    assert.equal(refused.message.headers['retry-after'], String(halfDay));
    assert.equal(field(refused, 'ratelimit'), `"daily-requests";r=0;t=${halfDay}`);
    assert.match(refused.text, /This key has used up its daily quota of requests/);
    assert.equal(seen, 2);
    bench.time.nowMs += halfDay * 1000 - 1;
    const atTheEnd = await bench.call('/peer/app/');
    assert.deepEqual([atTheEnd.status, atTheEnd.message.headers['retry-after']], [429, '1']);
    bench.time.nowMs += 1;
    assert.equal(await bench.code(), 200);
  });

  test('ends with the month of its time zone, whatever the date elsewhere', async (t) => {
    const bench = await start(t, { timeZone: 'Asia/Tokyo', monthly: { '*': { requests: 1 } } });
    assert.equal(await bench.code(), 200);
    const refused = await bench.call('/peer/app/');
    assert.equal(refused.message.headers['retry-after'], String(3 * 3_600));
    bench.time.nowMs += 3 * 3_600_000;
    assert.equal(await bench.code(), 200);
  });

  test('applies to its key only, and is not reported to others', async (t) => {
    const other = testKey({ id: 'other', secret: { kind: 'digest', sha256: hash('sha256', 'other-key') } });
    const policy = { auth: { keys: [testKey(), other] } };
    const bench = await start(t, { daily: { test: { requests: 1 } } }, undefined, { policy });
    const theirs = ['X-API-Key', 'other-key'];
    assert.deepEqual([await bench.code(), await bench.code()], [200, 'quota_exceeded']);
    for (let i = 0; i < 3; i += 1) {
      const response = await bench.call('/peer/app/', { headers: theirs });
      assert.deepEqual([response.status, field(response, 'ratelimit')], [200, undefined]);
    }
  });

  test('is not charged by rate-limited requests, nor a rate limit by requests over quota', async (t) => {
    const slow = { requestsPerSecond: 0.001, burst: 2 };
    const rateLimit = { perKey: { default: slow, overrides: {} } };
    const bench = await start(t, { daily: { test: { requests: 3 } } }, undefined, { policy: { rateLimit } });
    assert.deepEqual([await bench.code(), await bench.code()], [200, 200]);
    const limited = await bench.call('/peer/app/');
    assert.equal(codeOf(limited), 'rate_limited');
    assert.equal(field(limited, 'ratelimit'), `"daily-requests";r=1;t=${halfDay}`);

    const strict = await start(t, { daily: { test: { requests: 1 } } }, undefined, { policy: { rateLimit } });
    const codes = [await strict.code(), await strict.code(), await strict.code()];
    assert.deepEqual(codes, [200, 'quota_exceeded', 'quota_exceeded']);
    strict.time.nowMs += halfDay * 1000;
    assert.equal(await strict.code(), 200);
  });
});

describe('a quota in bytes', () => {
  test('counts bodies in both directions, after they have passed', async (t) => {
    const bench = await start(t, { daily: { test: { bytes: 100 } } }, (request, response) => {
      request.resume().on('end', () => response.end('x'.repeat(40)));
    });
    const upload = await bench.call('/peer/app/', { method: 'POST', body: 'y'.repeat(59) });
    assert.equal(field(upload, 'ratelimit-policy'), '"daily-bytes";q=100;w=86400;qu="content-bytes"');
    assert.equal(field(upload, 'ratelimit'), `"daily-bytes";r=100;t=${halfDay}`);
    const last = await bench.call('/peer/app/');
    assert.deepEqual([last.status, field(last, 'ratelimit')], [200, `"daily-bytes";r=1;t=${halfDay}`]);
    const refused = await untilRefused(bench);
    assert.equal(codeOf(refused), 'quota_exceeded');
  });

  test('counts bytes after an upgrade', async (t) => {
    const bench = await start(t, { daily: { test: { bytes: 20 } } });
    bench.app.on('upgrade', (_, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.pipe(socket);
    });
    const lines = ['GET /peer/app/ HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: echo', auth.join(': ')];
    const socket = bench.raw(`${lines.join('\r\n')}\r\n\r\n`);
    await readUntil(socket, '\r\n\r\n');
    socket.write('twelve bytes');
    await readUntil(socket, 'twelve bytes');
    socket.end();
    await untilRefused(bench);
  });
});

test('usage of a long response and a long upload is known while they last', async (t) => {
  const ledger = new QuotaLedger({ clock: systemClock });
  const usageStart = 'data: {"message":{"usage":{"input_tokens":7,"output_tokens":1}}}\n\n';
  const bench = await start(
    t,
    { daily: { test: { bytes: 1_000, llmTokens: 1_000 } } },
    (request, response) => {
      response.setHeader('Content-Type', 'text/event-stream');
      request.once('data', () => response.write(usageStart));
    },
    { quotas: ledger },
  );
  const upload = new PassThrough();
  upload.write('a piece');
  const message = await bench.open('/peer/app/', { method: 'POST', body: upload });
  await once(message, 'data');
  const [change, ...more] = ledger.changes(10);
  const expected = { requests: 1, returned: 0, bytes: usageStart.length + 'a piece'.length, llmTokens: 8 };
  assert.deepEqual([change?.used, more], [expected, []]);
  assert.deepEqual(ledger.changes(10), []);
});

const usage = { usage: { prompt_tokens: 30, completion_tokens: 20, total_tokens: 50 } };

describe('a quota in tokens', () => {
  const quotas = { monthly: { test: { llmTokens: 50 } } };

  test('reads JSON, compressed or not', async (t) => {
    for (const gzip of [false, true]) {
      const bench = await start(t, quotas, (_, response) => {
        const body = Buffer.from(JSON.stringify({ choices: [], ...usage }));
        response.setHeader('Content-Type', 'application/json');
        if (gzip) response.setHeader('Content-Encoding', 'gzip');
        response.end(gzip ? gzipSync(body) : body);
      });
      const first = await bench.call('/peer/app/');
      assert.equal(first.status, 200);
      assert.match(field(first, 'ratelimit-policy') ?? '', /^"monthly-llm-tokens";q=50;w=2592000;qu="llm-tokens"$/);
      const refused = await untilRefused(bench);
      assert.match(refused.text, /This key has used up its monthly quota of language-model tokens/);
    }
  });

  test('reads streams without delaying an event, including compressed ones', async (t) => {
    for (const gzip of [false, true]) {
      const apps: { readonly send: (text: string) => void; readonly end: () => void }[] = [];
      const bench = await start(t, quotas, (_, response) => {
        response.setHeader('Content-Type', 'text/event-stream');
        if (gzip) response.setHeader('Content-Encoding', 'gzip');
        const body = gzip ? createGzip({ flush: constants.Z_SYNC_FLUSH }) : new PassThrough();
        body.pipe(response);
        const send = (text: string): void => {
          body.write(text);
        };
        apps.push({ send, end: () => body.end() });
        send('data: {"choices":[{"delta":{"content":"one"}}],"usage":null}\n\n');
      });
      const message = await bench.open('/peer/app/');
      const events = gzip ? message.pipe(createGunzip()) : message;
      let text = '';
      events.on('data', (piece: Buffer) => (text += piece.toString()));
      const arrived = async (part: string): Promise<void> => {
        while (!text.includes(part)) await once(events, 'data');
      };
      // The app sends the next event only after this one has arrived: if events were held back, the
      // test would hang.
      await arrived('"one"');
      apps[0]?.send(`data: ${JSON.stringify({ choices: [], ...usage })}\n\n`);
      await arrived('"choices":[]');
      apps[0]?.end();
      await once(events, 'end');
      await untilRefused(bench);
    }
  });

  test('counts the reported usage of responses that the client abandons', async (t) => {
    const bench = await start(t, quotas, (_, response) => {
      response.setHeader('Content-Type', 'text/event-stream');
      response.write('data: {"type":"message_start","message":{"usage":{"input_tokens":50,"output_tokens":1}}}\n\n');
    });
    const message = await bench.open('/peer/app/');
    await once(message, 'data');
    message.destroy();
    await untilRefused(bench);
  });
});

test('publishes a rejection as an error with a dedicated code', async (t) => {
  const codes: unknown[] = [];
  t.after(
    listen(requestFinished, ({ error }) => {
      codes.push(error?.code);
    }),
  );
  const bench = await start(t, { daily: { test: { requests: 1 } } });
  await bench.code();
  await bench.code();
  assert.deepEqual(codes, [undefined, 'quota_exceeded']);
});
