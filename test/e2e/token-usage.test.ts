// Tokens of language models as the whole gateway charges them: reported, estimated, denied,
// bounded.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { describe, test, type TestContext } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { pino } from 'pino';
import { LocalLimiter } from '../../src/limits/local-limiter.ts';
import { MemoryLimiter } from '../../src/limits/memory-limiter.ts';
import { QuotaLedger } from '../../src/limits/quotas/quota-ledger.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { listen, llmUsage, type LlmUsage } from '../../src/kernel/events.ts';
import { createMetrics } from '../../src/observe/metrics/metrics.ts';
import { writeUsageLog } from '../../src/observe/logs/usage-log.ts';
import type { QuotasPolicy } from '../../src/policy/policy.ts';
import { parseExposition, valueOf } from '../helpers/exposition.ts';
import {
  chatStreamWithoutUsage,
  eventHeaders,
  jsonHeaders,
  messageStreamWithoutEnd,
  modelResponses,
  streamedText,
  tokensOf,
} from '../helpers/model-responses.ts';
import { auth, readUntil, startPlainGateway, type PlainGateway } from '../helpers/plain-gateway.ts';

interface Bench extends PlainGateway {
  readonly ledger: QuotaLedger;
  readonly time: { nowMs: number };
  /** Usage of the counted responses, in order. */
  readonly usages: LlmUsage[];
  readonly tokens: () => number;
  readonly post: (path: string, body?: string, headers?: readonly string[]) => Promise<number>;
  /** Waits until this many responses have been counted. */
  readonly counted: (responses: number) => Promise<void>;
}

async function start(t: TestContext, serve: RequestListener, quotas: Partial<QuotasPolicy> = {}): Promise<Bench> {
  const time = { nowMs: Date.parse('2026-11-30T12:00:00Z') };
  const clock = { ...systemClock, wallMs: () => time.nowMs };
  const ledger = new QuotaLedger({ clock });
  const usages: LlmUsage[] = [];
  t.after(listen(llmUsage, (usage) => usages.push(usage)));
  const gateway = await startPlainGateway(t, serve, {
    policy: { quotas: { daily: { test: { llmTokens: 1_000_000_000 } }, ...quotas } },
    ...{ clock, quotas: ledger, limiter: new LocalLimiter(new MemoryLimiter({ clock }), ledger) },
  });
  let used = 0;
  return {
    ...{ ...gateway, ledger, time, usages },
    tokens: () => (used = ledger.changes(10).at(-1)?.used.llmTokens ?? used),
    post: async (path, body = '', headers = []) =>
      (await gateway.call(`/peer/app${path}`, { method: 'POST', body, headers: [...auth, ...headers] })).status,
    counted: async (responses) => {
      while (usages.length < responses) await setTimeout(5);
    },
  };
}

function answer(response: ServerResponse, headers: readonly string[], body: string | Uint8Array): void {
  for (let i = 0; i < headers.length; i += 2) response.setHeader(headers[i] ?? '', headers[i + 1] ?? '');
  response.end(body);
}

test('charges each API by its report, in the classes that count', async (t) => {
  const bench = await start(t, (request, response) => {
    const found = modelResponses.find(({ name }) => name === request.headers['x-name']);
    answer(response, ['Content-Type', found?.type ?? ''], found?.body ?? '');
  });
  let sum = 0;
  for (const { name, path, tokens } of modelResponses) {
    if (tokens === undefined) continue;
    const before = bench.usages.length;
    await bench.post(path, '{}', ['X-Name', name]);
    await bench.counted(before + 1);
    assert.deepEqual(bench.usages.at(-1)?.reported, tokens, name);
    assert.equal(bench.usages.at(-1)?.unknown, undefined, name);
    sum += tokens.input + tokens.cache_write + tokens.output + tokens.reasoning;
    assert.equal(bench.tokens(), sum, name);
  }
});

describe('unreported usage', () => {
  const request = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Hello' }], stream: true });
  const stream: RequestListener = (incoming, response) => {
    incoming.resume().on('end', () => {
      answer(response, eventHeaders, chatStreamWithoutUsage);
    });
  };
  const output = Math.ceil(Buffer.byteLength(streamedText) / 4);
  const estimate = Math.ceil(request.length / 4) + output;

  test('is estimated, and marked as estimated in event, log and metrics', async (t) => {
    const lines: string[] = [];
    t.after(writeUsageLog(pino({ base: null }, { write: (line: string) => lines.push(line) })));
    const metrics = createMetrics({ version: '1', status: () => ({ relays: [], tunnels: [], certificates: [] }) });
    t.after(() => {
      metrics.close();
    });
    const bench = await start(t, stream);
    await bench.post('/v1/chat/completions', request);
    assert.equal(bench.tokens(), estimate);
    assert.deepEqual(
      bench.usages.map(({ unknown, keyId, unread }) => [unknown, keyId, unread]),
      [['estimated', 'test', undefined]],
    );
    const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
    assert.deepEqual([line['unknown_usage'], line['tokens_reported']], ['estimated', undefined]);
    assert.deepEqual(line['tokens_estimated'], { input: Math.ceil(request.length / 4), output });
    const families = parseExposition((await metrics.text()).body);
    const of = { lease_id: 'APPAAAAAAAAAAAAAAAAAAAAAAA', source: 'estimated' };
    assert.equal(valueOf(families, 'portal_gateway_llm_tokens_total', { ...of, class: 'output' }), output);
    assert.equal(valueOf(families, 'portal_gateway_llm_usage_unreported_total', { outcome: 'estimated' }), 1);
  });

  test('is estimated, however the request or its response is disguised', async (t) => {
    const bench = await start(t, (incoming, response) => {
      incoming.resume().on('end', () => {
        const coding = incoming.headers['x-coding'];
        const type = incoming.headers['x-type'];
        if (typeof type === 'string') response.setHeader('Content-Type', type);
        if (typeof coding === 'string') response.setHeader('Content-Encoding', coding);
        response.end(coding === 'gzip' ? gzipSync(chatStreamWithoutUsage) : chatStreamWithoutUsage);
      });
    });
    const path = '/v1/chat/completions';
    let responses = 0;
    const charged = async (target: string, headers: readonly string[] = []): Promise<number> => {
      const before = bench.tokens();
      await bench.post(target, request, headers);
      await bench.counted((responses += 1));
      return bench.tokens() - before;
    };
    for (const target of [path, `${path}/`, `${path}?x`, `/V1//chat/%63ompletions`, `/x/..${path};a=b`]) {
      assert.equal(await charged(target, ['X-Type', 'text/event-stream']), estimate, target);
    }
    for (const type of [[], ['X-Type', 'text/plain'], ['X-Type', 'application/json; charset=utf-16']]) {
      assert.equal(await charged(path, type), estimate);
    }
    assert.equal(await charged(path, ['X-Coding', 'gzip']), estimate);
    assert.equal(await charged(path, ['Content-Encoding', 'gzip']), Math.ceil((request.length * 50) / 4) + output);
    assert.ok((await charged(path, ['X-Coding', 'compress'])) > estimate);
    // By content type, on any path.
    assert.equal(await charged('/other', ['X-Type', 'text/event-stream']), estimate);
  });

  test('denies the caller that lease until the period ends', async (t) => {
    const bench = await start(t, stream, { unknownUsage: 'deny' });
    assert.equal(await bench.post('/v1/chat/completions', request), 200);
    assert.equal(bench.tokens(), 0);
    const refused = await bench.call('/peer/app/anything');
    assert.equal(refused.status, 429);
    assert.equal(refused.message.headers['retry-after'], '43200');
    const problem = JSON.parse(refused.text) as { code: string; detail: string };
    assert.equal(problem.code, 'quota_exceeded');
    assert.match(problem.detail, /did not report the tokens .*`stream_options\.include_usage`/);
    bench.time.nowMs += 43_200_000;
    assert.equal(await bench.post('/v1/chat/completions', request), 200);
    assert.equal(await bench.post('/v1/chat/completions', request), 429);
  });

  test('costs nothing where it is ignored', async (t) => {
    const bench = await start(t, stream, { unknownUsage: 'ignore' });
    await bench.post('/v1/chat/completions', request);
    assert.deepEqual([bench.tokens(), bench.usages[0]?.unknown], [0, 'ignored']);
    assert.equal(await bench.post('/v1/chat/completions', request), 200);
  });

  test('of an abandoned response is estimated from what arrived', async (t) => {
    for (const unknownUsage of ['estimate', 'deny'] as const) {
      const at = messageStreamWithoutEnd.indexOf('event: content_block_stop');
      const bench = await start(
        t,
        (_, response) => {
          response.writeHead(200, { 'Content-Type': 'text/event-stream' });
          response.write(messageStreamWithoutEnd.slice(0, at));
        },
        { unknownUsage },
      );
      const message = await bench.open('/peer/app/v1/messages', { method: 'POST', body: request });
      await readUntil(message, '900');
      message.destroy();
      await bench.counted(1);
      const [usage] = bench.usages;
      assert.deepEqual(usage?.reported, tokensOf({ input: 25, cache_write: 7, cache_read: 9, output: 1 }));
      const text = Buffer.byteLength(streamedText) + '"usage":{"output_tokens":900}'.length;
      assert.deepEqual(usage.estimated, tokensOf({ output: Math.ceil(text / 4) }));
      assert.equal(bench.tokens(), 25 + 7 + 1 + Math.ceil(text / 4));
    }
  });

  test('of a request abandoned before its response is estimated from the request', async (t) => {
    const bench = await start(t, (incoming) => incoming.resume());
    const seen = once(bench.app, 'request');
    const socket = bench.raw(
      `POST /peer/app/v1/messages HTTP/1.1\r\nHost: a\r\n${auth.join(': ')}\r\nContent-Length: 8\r\n\r\n12345678`,
    );
    const [incoming] = (await seen) as [IncomingMessage];
    await once(incoming, 'end');
    socket.destroy();
    await bench.counted(1);
    assert.equal(bench.tokens(), 2);
  });

  test('of a WebSocket to a model is estimated from its bytes', async (t) => {
    const bench = await start(t, (_, response) => response.end());
    bench.app.on('upgrade', (_, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.pipe(socket);
    });
    const lines = ['GET /peer/app/v1/realtime HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: echo'];
    const socket = bench.raw(`${[...lines, auth.join(': ')].join('\r\n')}\r\n\r\n`);
    await readUntil(socket, '\r\n\r\n');
    socket.write('twelve bytes');
    await readUntil(socket, 'twelve bytes');
    assert.equal(bench.tokens(), 6);
    socket.end();
    await bench.counted(1);
    assert.deepEqual(bench.usages[0]?.estimated, tokensOf({ input: 3, output: 3 }));
  });
});

test('charges other apps no tokens, on any path', async (t) => {
  const bodies: Readonly<Record<string, readonly [number, readonly string[], string]>> = {
    list: [200, jsonHeaders, '[{"id":1,"type":"message","text":"hello"}]'],
    created: [201, jsonHeaders, '{"id":1,"type":"message","content":"hello"}'],
    accepted: [202, ['Content-Type', 'text/plain'], 'Accepted'],
    none: [204, [], ''],
    events: [200, eventHeaders, 'event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n'],
    missing: [404, jsonHeaders, '{"error":"none"}'],
    redirect: [302, ['Location', '/x'], ''],
  };
  const bench = await start(
    t,
    (request, response) => {
      const [status, headers, body] = bodies[request.headers['x-name'] as string] ?? [500, [], ''];
      response.statusCode = status;
      answer(response, headers, body);
    },
    { unknownUsage: 'deny' },
  );
  for (const path of ['/messages?sessionId=1', '/v1/messages', '/responses', '/', '/api/items']) {
    for (const name of Object.keys(bodies)) await bench.post(path, '{"text":"hello"}', ['X-Name', name]);
  }
  assert.deepEqual([bench.tokens(), bench.usages], [0, []]);
});

test('limits the charge of an app that reports 10^9 tokens, and logs it', async (t) => {
  const lines: string[] = [];
  t.after(writeUsageLog(pino({ base: null }, { write: (line: string) => lines.push(line) })));
  const usages = [
    { total_tokens: 1_000_000_000 },
    { prompt_tokens: 5, completion_tokens: 1_000_000_000 },
    { input_tokens: 1, cache_read_input_tokens: 1_000_000_000, output_tokens: 1 },
  ];
  const bench = await start(t, (request, response) => {
    answer(response, jsonHeaders, JSON.stringify({ usage: usages[Number(request.headers['x-at'])] }));
  });
  await bench.post('/v1/chat/completions', '', ['X-At', '0']);
  assert.equal(bench.tokens(), 2_000_000);
  await bench.post('/v1/chat/completions', '', ['X-At', '1']);
  const bytes = JSON.stringify({ usage: usages[1] }).length;
  assert.equal(bench.tokens(), 2_000_000 + 5 + bytes);
  await bench.post('/v1/chat/completions', '', ['X-At', '2']);
  assert.equal(bench.tokens(), 2_000_000 + 5 + bytes + 2);
  assert.deepEqual(
    bench.usages.map(({ suspicious }) => suspicious),
    [true, true, true],
  );
  assert.equal(lines.filter((line) => (JSON.parse(line) as { level: number }).level === 40).length, 3);
});

test('400 responses that decode to 255 MiB each cost little CPU and memory, and their usage is unknown', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const params = { [constants.BROTLI_PARAM_QUALITY]: 5 };
  const json = Buffer.alloc(255 << 20, 0x61);
  json.write('{"a":"');
  json.write('","usage":{"total_tokens":1}}', json.length - 29);
  const bomb = brotliCompressSync(json, { params });
  const bench = await start(t, (_, response) => {
    answer(response, [...jsonHeaders, 'Content-Encoding', 'br'], bomb);
  });
  const run = async (responses: number): Promise<void> => {
    for (let i = 0; i < responses; i += 40) {
      await Promise.all(Array.from({ length: 40 }, () => bench.post('/v1/chat/completions', '{"model":"m"}')));
    }
  };
  await run(80);
  await bench.counted(80);
  collect();
  const rss = process.memoryUsage.rss();
  const cpu = process.cpuUsage();
  await run(400);
  await bench.counted(480);
  const { user, system } = process.cpuUsage(cpu);
  collect();
  const grown = (process.memoryUsage.rss() - rss) / 2 ** 20;
  assert.ok((user + system) / 400 < 20_000, `${(user + system) / 400} us of CPU for each`);
  assert.ok(grown < 64, `RSS grew by ${grown} MiB`);
  assert.ok(bench.usages.every(({ unknown }) => unknown === 'estimated'));
  assert.ok(bench.usages.every(({ unread }) => unread === 'ratio' || unread === 'busy'));
  assert.ok(bench.tokens() <= 480 * (bomb.length + 4 + 6_144));
});
