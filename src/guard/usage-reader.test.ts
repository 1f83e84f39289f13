import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { usageReader, type UsageReader } from './usage-reader.ts';

const json = ['Content-Type', 'application/json; charset=utf-8'];
const events = ['content-type', 'text/event-stream'];

function pieces(body: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(body.length / size) }, (_, i) => body.subarray(i * size, (i + 1) * size));
}

function ended(reader: UsageReader): Promise<void> {
  return new Promise((resolve) => {
    reader.end(resolve);
  });
}

async function tokens(headers: readonly string[], body: string | Uint8Array, size = 7): Promise<number | undefined> {
  const reader = usageReader(200, headers);
  if (reader === undefined) return undefined;
  for (const piece of pieces(Buffer.from(body), size)) reader.push(piece);
  await ended(reader);
  return reader.tokens;
}

const chat = {
  id: 'chatcmpl-1',
  choices: [
    { message: { role: 'assistant', content: 'say "usage": {"total_tokens": 9999}', usage: { total_tokens: 7 } } },
  ],
  usage: { prompt_tokens: 19, completion_tokens: 10, total_tokens: 29, prompt_tokens_details: { cached_tokens: 3 } },
};
const messages = {
  type: 'message',
  content: [{ type: 'text', text: 'Hi \\" {' }],
  usage: { input_tokens: 2095, cache_creation_input_tokens: 100, cache_read_input_tokens: 5, output_tokens: 503 },
};

function chunk(usage: unknown): string {
  return `data: ${JSON.stringify({ choices: [{ delta: { content: 'x' } }], usage })}\n\n`;
}

const chatStream = [
  ': comment "usage": {"total_tokens": 4}\n',
  ...[
    chunk(null),
    chunk(null),
    chunk({ prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 }),
    'data: [DONE]\n\n',
  ],
].join('');
const messagesStream = [
  'event: message_start\ndata: {"type":"message_start","message":{"id":"m","usage":{"input_tokens":25,"output_tokens":1}}}\n\n',
  'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"\\"usage\\":{\\"output_tokens\\":900}"}}\n\n',
  'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":15}}\n\n',
  'event: message_stop\ndata: {"type":"message_stop"}\n\n',
].join('');
const responsesStream = [
  'event: response.created\ndata: {"type":"response.created","response":{"id":"r","usage":null}}\n\n',
  'event: response.completed\n',
  'data: {"type":"response.completed","response":{"usage":{"input_tokens":37,"output_tokens":11,"total_tokens":48}}}\n\n',
].join('');

describe('what an answer says of its tokens', () => {
  test('JSON of chats, messages, embeddings and responses', async () => {
    assert.equal(await tokens(json, JSON.stringify(chat)), 29);
    assert.equal(await tokens(json, JSON.stringify(messages)), 2703);
    assert.equal(await tokens(json, JSON.stringify({ data: [], usage: { prompt_tokens: 8, total_tokens: 8 } })), 8);
    const response = { output: [], usage: { input_tokens: 36, output_tokens: 87, total_tokens: 123 } };
    assert.equal(await tokens(json, JSON.stringify(response, null, 2)), 123);
  });

  test('streams of chats, messages and responses', async () => {
    assert.equal(await tokens(events, chatStream), 12);
    assert.equal(await tokens(events, messagesStream), 40);
    assert.equal(await tokens(events, responsesStream), 48);
  });

  test('a stream that tells in every event counts once', async () => {
    const told = [3, 4, 5].map((written) => chunk({ prompt_tokens: 10, completion_tokens: written }));
    assert.equal(await tokens(events, told.join('')), 15);
  });

  test('lines that end otherwise, data in several lines, and a field that only begins like it', async () => {
    for (const end of ['\n', '\r\n', '\r']) {
      for (const size of [1, 2, 5, 1000]) {
        assert.equal(await tokens(events, messagesStream.replaceAll('\n', end), size), 40);
        const split = ['database: {"usage":{"total_tokens":1}}', 'data: {"usage":', 'data:{"total_tokens":6}}', '', ''];
        assert.equal(await tokens(events, split.join(end), size), 6);
      }
    }
  });

  test('what is not whole, not a number or not there counts nothing', async () => {
    const bodies = [
      '',
      '{',
      '{"usage":{"total_tokens":12',
      '{"usage":{"total_tokens":"12"}}',
      '{"usage":[{"total_tokens":1}]}',
    ];
    bodies.push(
      '{"usage":{"total_tokens":-5,"prompt_tokens":1e99}}',
      '{"a":{"usage":{"total_tokens":5}}}',
      ']]}}{"usage"}',
    );
    bodies.push(`{"usage":{"pad":"${'x'.repeat(9_000)}","total_tokens":5}}`, '["usage",{"total_tokens":5}]');
    for (const body of bodies) assert.equal(await tokens(json, body), 0, body.slice(0, 60));
    assert.equal(await tokens(['Content-Type', 'text/plain'], JSON.stringify(chat)), undefined);
    assert.equal(await tokens([...json, 'Content-Encoding', 'constructor'], JSON.stringify(chat)), undefined);
    assert.equal(usageReader(404, json), undefined);
  });

  test('compressed answers, a stream that is cut too', async () => {
    const codings = {
      gzip: gzipSync,
      'x-gzip': gzipSync,
      deflate: deflateSync,
      br: brotliCompressSync,
      zstd: zstdCompressSync,
    };
    for (const [coding, compress] of Object.entries(codings)) {
      const encoding = ['Content-Encoding', coding.toUpperCase()];
      assert.equal(await tokens([...json, ...encoding], compress(JSON.stringify(chat))), 29, coding);
      assert.equal(await tokens([...events, ...encoding], compress(messagesStream), 1), 40, coding);
    }
    assert.equal(await tokens([...json, 'Content-Encoding', 'deflate'], deflateRawSync(JSON.stringify(chat))), 29);
    const cut = gzipSync(JSON.stringify({ ...messages, more: '' })).subarray(0, -8);
    assert.equal(await tokens([...json, 'Content-Encoding', 'gzip'], cut), 2703);
    assert.equal(await tokens([...json, 'Content-Encoding', 'gzip'], 'this is not gzip'), 0);
    assert.equal(await tokens([...json, 'Content-Encoding', 'gzip'], ''), 0);
  });

  test('a little that becomes very much is not read to its end', async () => {
    const reader = usageReader(200, [...json, 'Content-Encoding', 'br']);
    assert.ok(reader);
    const params = { [constants.BROTLI_PARAM_QUALITY]: 1 };
    reader.push(brotliCompressSync(Buffer.alloc(300 * 1024 * 1024, 0x20), { params }));
    await ended(reader);
    assert.equal(reader.tokens, 0);
  });
});

test('whatever the JSON and however it is cut, the outermost usage is found and nothing else is', async () => {
  const rest = fc.dictionary(
    fc.string({ maxLength: 8 }).filter((key) => key !== 'usage'),
    fc.jsonValue({ maxDepth: 3 }),
  );
  const property = fc.asyncProperty(rest, fc.nat(1e6), fc.integer({ min: 1, max: 40 }), async (value, total, size) => {
    const { response, message, ...others } = value;
    const inner = JSON.stringify({ ...others, text: JSON.stringify([response, message]) });
    const body = `${inner.slice(0, -1)},"usage":{"total_tokens":${total},"details":{"n":[1,{}]}},"more":${inner}}`;
    assert.equal(await tokens(json, body, size), total);
  });
  await fc.assert(property, { numRuns: 200 });
});
