// Which responses are charged no tokens, and the bounds of a charge and of its cost.
import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { brotliCompressSync, constants } from 'node:zlib';
import { pino } from 'pino';
import { writeUsageLog } from '../../src/observe/logs/usage-log.ts';
import { respond, startModelGateway } from '../helpers/model-gateway.ts';
import { eventHeaders, jsonHeaders } from '../helpers/model-responses.ts';

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
  const bench = await startModelGateway(
    t,
    (request, response) => {
      const [status, headers, body] = bodies[request.headers['x-name'] as string] ?? [500, [], ''];
      response.statusCode = status;
      respond(response, headers, body);
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
  const bench = await startModelGateway(t, (request, response) => {
    respond(response, jsonHeaders, JSON.stringify({ usage: usages[Number(request.headers['x-at'])] }));
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
  const bench = await startModelGateway(t, (_, response) => {
    respond(response, [...jsonHeaders, 'Content-Encoding', 'br'], bomb);
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
