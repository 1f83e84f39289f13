// Tokens of language models as the whole gateway charges them: reported, estimated, denied.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { pino } from 'pino';
import { createMetrics } from '../../src/observe/metrics/metrics.ts';
import { writeUsageLog } from '../../src/observe/logs/usage-log.ts';
import { parseExposition, valueOf } from '../helpers/exposition.ts';
import { respond, startModelGateway } from '../helpers/model-gateway.ts';
import {
  chatStreamWithoutUsage,
  eventHeaders,
  messageStreamWithoutEnd,
  modelResponses,
  streamedText,
  tokensOf,
} from '../helpers/model-responses.ts';
import { auth, readUntil } from '../helpers/plain-gateway.ts';

test('charges each API by its report, in the classes that count', async (t) => {
  const bench = await startModelGateway(t, (request, response) => {
    const found = modelResponses.find(({ name }) => name === request.headers['x-name']);
    respond(response, ['Content-Type', found?.type ?? ''], found?.body ?? '');
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
      respond(response, eventHeaders, chatStreamWithoutUsage);
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
    const bench = await startModelGateway(t, stream);
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
    const bench = await startModelGateway(t, (incoming, response) => {
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
    const bench = await startModelGateway(t, stream, { unknownUsage: 'deny' });
    assert.equal(await bench.post('/v1/chat/completions', request), 200);
    assert.equal(bench.tokens(), 0);
    const refused = await bench.call('/peer/app/anything');
    assert.equal(refused.status, 429);
    assert.equal(refused.message.headers['retry-after'], '43200');
    const problem = JSON.parse(refused.text) as { code: string; detail: string };
    assert.equal(problem.code, 'quota_exceeded');
    assert.match(problem.detail, /did not report its token usage.*`stream_options\.include_usage`/);
    bench.time.nowMs += 43_200_000;
    assert.equal(await bench.post('/v1/chat/completions', request), 200);
    assert.equal(await bench.post('/v1/chat/completions', request), 429);
  });

  test('costs nothing where it is ignored', async (t) => {
    const bench = await startModelGateway(t, stream, { unknownUsage: 'ignore' });
    await bench.post('/v1/chat/completions', request);
    assert.deepEqual([bench.tokens(), bench.usages[0]?.unknown], [0, 'ignored']);
    assert.equal(await bench.post('/v1/chat/completions', request), 200);
  });

  test('of an abandoned response is estimated from what arrived', async (t) => {
    for (const unknownUsage of ['estimate', 'deny'] as const) {
      const at = messageStreamWithoutEnd.indexOf('event: content_block_stop');
      const bench = await startModelGateway(
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
    const bench = await startModelGateway(t, (incoming) => incoming.resume());
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
    const bench = await startModelGateway(t, (_, response) => response.end());
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
