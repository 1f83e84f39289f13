import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import {
  chatStreamWithoutUsage,
  chatWithoutUsage,
  eventHeaders,
  jsonHeaders,
  messageStreamWithoutEnd,
  modelResponses,
  streamedText,
  tokensOf,
} from '../../test/helpers/model-responses.ts';
import { systemClock } from '../kernel/clock.ts';
import type { UsageFacts } from './usage-charge.ts';
import { DecodePool } from './decode-pool.ts';
import { usageReader, type UsageReader } from './usage-reader.ts';
import { repeatsText, wordlessKeys } from './usage-shape.ts';

const pool = new DecodePool(systemClock, {
  ...{ maxDecoders: 100, maxHeldBytes: 2 ** 30, bytesPerSecond: 1e12, burstBytes: 1e12 },
});

function readerOf(headers: readonly string[], modelPath = true, status = 200): UsageReader | undefined {
  return usageReader(status, headers, { modelPath, readOnly: false, owner: 'app', pool });
}

function pieces(body: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(body.length / size) }, (_, i) => body.subarray(i * size, (i + 1) * size));
}

async function read(
  headers: readonly string[],
  body: string | Uint8Array,
  { size = 7, modelPath = true, cut = false } = {},
): Promise<UsageFacts | undefined> {
  const reader = readerOf(headers, modelPath);
  if (reader === undefined) return undefined;
  for (const piece of pieces(Buffer.from(body), size)) reader.push(piece);
  if (cut) reader.stop();
  else {
    await new Promise<void>((resolve) => {
      reader.end(resolve);
    });
  }
  return reader.facts(0);
}

/** A reference implementation with JSON.parse(). */
function oracle(type: string, body: string): { text: number; unreported: number } {
  const texts =
    type === 'application/json'
      ? [body]
      : body
          .split('\n\n')
          .map((event) => event.split('\n').filter((line) => line.startsWith('data:')))
          .map((lines) => lines.map((line) => line.slice(5)).join('\n'));
  const escaped = /\\u[89a-f]/.test(body) || body.includes('\\u4f60');
  let [fresh, repeated, reportedAt] = [0, 0, 0];
  for (const text of texts) {
    if (text.trim() === '' || text.trim() === '[DONE]') continue;
    const value = JSON.parse(text) as { type?: string; usage?: unknown } & Record<string, { usage?: unknown }>;
    if (repeatsText(value.type ?? '')) repeated = Math.max(repeated, textIn(value, '', 0, escaped));
    else fresh += textIn(value, '', 0, escaped);
    const usage = value.usage ?? value['response']?.usage ?? value['message']?.usage;
    if (typeof usage === 'object' && usage !== null) reportedAt = Math.max(fresh, repeated);
  }
  return { text: Math.max(fresh, repeated), unreported: Math.max(fresh, repeated) - reportedAt };
}

/** `escaped`: non-ASCII characters were escaped; each escape counts as three bytes. */
function textIn(value: unknown, key: string, depth: number, escaped: boolean): number {
  if (typeof value === 'string') {
    if (wordlessKeys.has(key)) return 0;
    return Buffer.byteLength(escaped ? value.replace(/[^\0-\x7f]/g, (unit) => '\u4f60'.repeat(unit.length)) : value);
  }
  if (typeof value !== 'object' || value === null) return 0;
  let sum = 0;
  for (const [name, inner] of Object.entries(value)) {
    // The outermost `usage`, and that of a message or response.
    if (name === 'usage' && (depth === 0 || (depth === 1 && (key === 'response' || key === 'message')))) continue;
    sum += textIn(inner, Array.isArray(value) ? key : name, depth + 1, escaped);
  }
  return sum;
}

describe('responses in the formats of both vendors', () => {
  for (const { name, type, body, tokens } of modelResponses) {
    test(`${name}: finds tokens by class and text, however split`, async () => {
      const headers = ['Content-Type', type];
      const bytes = Buffer.from(body);
      const expected = oracle(type, body);
      const check = (facts: UsageFacts | undefined, at: number | string): void => {
        const { reported, textBytes, unreportedTextBytes, isModel } = facts ?? {};
        assert.deepEqual(
          { reported, textBytes, unreportedTextBytes, isModel },
          { reported: tokens, textBytes: expected.text, unreportedTextBytes: expected.unreported, isModel: true },
          `in pieces at ${at}`,
        );
      };
      for (let at = 0; at <= bytes.length; at += 1) {
        const reader = readerOf(headers);
        reader?.push(bytes.subarray(0, at));
        reader?.push(bytes.subarray(at));
        check(reader?.facts(0), at);
      }
      for (const size of [1, 2, 3, 16, 1000]) check(await read(headers, body, { size }), `every ${size}`);
      // On any other path, the JSON alone is sufficient evidence.
      assert.equal((await read(headers, body, { modelPath: false }))?.isModel, true);
    });
  }
});

describe('event streams', () => {
  const stream = modelResponses.find(({ name }) => name === 'messages stream');

  test('other line endings, data in several lines, and a field that only begins like data', async () => {
    for (const end of ['\n', '\r\n', '\r']) {
      for (const size of [1, 2, 5, 1000]) {
        const facts = await read(eventHeaders, stream?.body.replaceAll('\n', end) ?? '', { size });
        assert.deepEqual(facts?.reported, stream?.tokens);
        const split = ['database: {"usage":{"total_tokens":1}}', 'data: {"usage":', 'data:{"total_tokens":6}}', '', ''];
        assert.deepEqual((await read(eventHeaders, split.join(end), { size }))?.reported, tokensOf({ input: 6 }));
      }
    }
  });

  test('counts usage once that is cumulative in every event', async () => {
    const responses = [3, 4, 5].map(
      (output) =>
        `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 10, completion_tokens: output } })}\n\n`,
    );
    assert.deepEqual((await read(eventHeaders, responses.join('')))?.reported, tokensOf({ input: 10, output: 5 }));
  });

  test('identifies text after the last report, in a cut or endless stream', async () => {
    const quoted = '"usage":{"output_tokens":900}';
    const facts = await read(eventHeaders, messageStreamWithoutEnd);
    assert.deepEqual(facts?.reported, tokensOf({ input: 25, cache_write: 7, cache_read: 9, output: 1 }));
    assert.equal(facts.unreportedTextBytes, Buffer.byteLength(streamedText) + quoted.length);
    const cut = await read(eventHeaders, messageStreamWithoutEnd.slice(0, messageStreamWithoutEnd.indexOf('world')), {
      cut: true,
    });
    assert.equal(cut?.complete, false);
  });
});

describe('responses of a model', () => {
  const modelJson = chatWithoutUsage;

  test('are detected by path, unless their complete JSON has nothing of a model response', async () => {
    const others = ['{"ok":true}', '[{"id":1,"type":"message"}]', '{"jsonrpc":"2.0","id":1,"result":{}}', '{}'];
    for (const body of others) {
      assert.equal((await read(jsonHeaders, body))?.isModel, false, body);
      assert.equal((await read(jsonHeaders, body, { cut: true }))?.isModel, true, body);
      assert.equal((await read(jsonHeaders, body.slice(0, -1)))?.isModel, true, body);
      assert.equal((await read(jsonHeaders, body, { modelPath: false }))?.isModel, false, body);
      const event = `data: ${body}\n\n`;
      assert.equal((await read(eventHeaders, event))?.isModel, false, body);
      assert.equal((await read(jsonHeaders, Buffer.from(body, 'utf16le')))?.isModel, true, 'not UTF-8');
      assert.equal((await read([...jsonHeaders, 'Content-Encoding', 'compress'], body))?.isModel, true);
    }
    assert.equal((await read(jsonHeaders, ''))?.isModel, false);
    assert.equal((await read(jsonHeaders, '', { cut: true }))?.isModel, true);
    assert.equal((await read([...jsonHeaders, 'Content-Encoding', 'gzip'], gzipSync('')))?.isModel, false);
    for (const body of ['plain text', '<html></html>', '{"model":"m"}', '{"completion":"x"}', '"text"', '}']) {
      assert.equal((await read(jsonHeaders, body))?.isModel, true, body);
      assert.equal((await read(jsonHeaders, body, { modelPath: false }))?.isModel, false, body);
    }
  });

  test('are detected with any content type on the path of a model', async () => {
    for (const type of [[], ['Content-Type', 'text/plain'], ['Content-Type', 'a;b'], ['Content-Type', '']]) {
      assert.equal((await read(type, modelJson))?.isModel, true);
      assert.ok(((await read(type, chatStreamWithoutUsage))?.textBytes ?? 0) >= Buffer.byteLength(streamedText));
      assert.ok(((await read(type, `\ufeff\n${chatStreamWithoutUsage}`))?.textBytes ?? 0) > 0);
    }
    for (const type of ['application/json;charset=utf-16', 'text/event-stream; charset="x"', 'application/x-ndjson']) {
      assert.equal((await read(['Content-Type', type], modelJson, { modelPath: false }))?.isModel, true, type);
    }
    assert.equal(await read(['Content-Type', 'text/plain'], modelJson, { modelPath: false }), undefined);
    assert.equal(await read([...jsonHeaders, 'Content-Encoding', 'constructor'], 'x', { modelPath: false }), undefined);
  });

  test('exclude failures and, by path, responses without content', () => {
    for (const status of [101, 199, 301, 404, 500]) assert.equal(readerOf(jsonHeaders, true, status), undefined);
    for (const status of [202, 204, 205]) {
      assert.equal(readerOf(['Content-Type', 'text/plain'], true, status), undefined);
      assert.equal(readerOf(jsonHeaders, true, status)?.facts(0).isModel, false);
    }
  });

  test('to a read-only request are charged for reports and streams only', () => {
    const options = { modelPath: false, readOnly: true, owner: 'app', pool };
    const polled = usageReader(200, jsonHeaders, options);
    const resumed = usageReader(200, eventHeaders, options);
    assert.ok(polled !== undefined && resumed !== undefined);
    polled.push(Buffer.from('{"object":"response","status":"in_progress","usage":null}'));
    assert.equal(polled.facts(0).isModel, false);
    polled.push(Buffer.from('{"object":"response","usage":{"input_tokens":3,"output_tokens":4}}'));
    assert.deepEqual([polled.facts(0).isModel, polled.facts(0).reported?.output], [true, 4]);
    resumed.push(Buffer.from('data: {"type":"response.output_text.delta","delta":"text"}\n\n'));
    assert.deepEqual([resumed.facts(0).isModel, resumed.facts(0).textBytes], [true, 4]);
  });
});

test('ignores incomplete, non-numeric or misplaced usage', async () => {
  const bodies = ['', '{', '{"usage":{"total_tokens":12', '{"usage":{"total_tokens":"12"}}'];
  bodies.push('{"usage":[{"total_tokens":1}]}', '{"usage":{"total_tokens":-5}}', '{"usage":{"total_tokens":0}}');
  bodies.push('{"a":{"usage":{"total_tokens":5}}}', ']]}}{"usage"}', '["usage",{"total_tokens":5}]', '{"usage":null}');
  bodies.push(`{"usage":{"pad":"${'x'.repeat(9_000)}","total_tokens":5}}`, '{"x":"usage",{"total_tokens":5}}');
  for (const body of bodies) assert.equal((await read(jsonHeaders, body))?.reported, undefined, body.slice(0, 60));
});

test('reads keys and values with escapes', async () => {
  const body = '{"\\u0075sage":{"total\\u005ftokens":5},"o\\u0062ject":"chat\\u002ecompletion","\\u0069d":"not text"}';
  const facts = await read(jsonHeaders, body, { modelPath: false });
  assert.deepEqual([facts?.reported, facts?.isModel, facts?.textBytes], [tokensOf({ input: 5 }), true, 0]);
});

test('treats a response that is neither JSON nor events as text', async () => {
  for (const body of ['A text.\nIn two lines.\n', '"a string of JSON"', ': comment\n\nevent: x\n\n']) {
    assert.equal((await read(['Content-Type', 'text/plain'], body))?.textBytes, Buffer.byteLength(body), body);
    const coded = await read(['Content-Type', 'text/plain', 'Content-Encoding', 'gzip'], gzipSync(body));
    assert.equal(coded?.textBytes, Buffer.byteLength(body), body);
  }
  assert.equal((await read(eventHeaders, 'event: x\ndata: {"a":"four"}\n\n'))?.textBytes, 4);
});

test('counts text of an unterminated string', async () => {
  const facts = await read(jsonHeaders, '{"choices":[{"message":{"content":"a text that is c', { cut: true });
  assert.equal(facts?.textBytes, 'a text that is c'.length);
});

describe('content codings', () => {
  test('reads each coding, also in a cut stream', async () => {
    const codings = {
      gzip: gzipSync,
      'x-gzip': gzipSync,
      deflate: deflateSync,
      br: brotliCompressSync,
      zstd: zstdCompressSync,
    };
    const [, , stream] = modelResponses;
    for (const [coding, compress] of Object.entries(codings)) {
      const headers = [...eventHeaders, 'Content-Encoding', coding.toUpperCase()];
      const facts = await read(headers, compress(stream?.body ?? ''), { size: 1 });
      assert.deepEqual(facts?.reported, stream?.tokens, coding);
      assert.equal(facts?.decodedBytes, Buffer.byteLength(stream?.body ?? ''), coding);
    }
    const raw = await read([...eventHeaders, 'Content-Encoding', 'deflate'], deflateRawSync(stream?.body ?? ''));
    assert.deepEqual(raw?.reported, stream?.tokens);
    const twice = ['Content-Encoding', 'identity', 'content-encoding', ' , gzip'];
    assert.deepEqual((await read([...eventHeaders, ...twice], gzipSync(stream?.body ?? '')))?.reported, stream?.tokens);
    const cut = await read([...eventHeaders, 'Content-Encoding', 'gzip'], gzipSync(stream?.body ?? '').subarray(0, -8));
    assert.deepEqual(cut?.reported, stream?.tokens);
  });

  test('counts unreadable content as text, without limiting output', async () => {
    const facts = await read([...jsonHeaders, 'Content-Encoding', 'gzip'], 'this is not gzip');
    assert.deepEqual([facts?.reported, facts?.textBytes, facts?.decodedBytes], [undefined, 16 * 4, Infinity]);
    const unknown = await read([...jsonHeaders, 'Content-Encoding', 'gzip, br'], 'twelve bytes');
    assert.deepEqual([unknown?.isModel, unknown?.textBytes], [true, 12 * 4]);
  });
});

test('finds the outermost usage and nothing else, in any JSON, however split', async () => {
  const rest = fc.dictionary(
    fc.string({ maxLength: 8 }).filter((key) => key !== 'usage'),
    fc.jsonValue({ maxDepth: 3 }),
  );
  const property = fc.asyncProperty(
    rest,
    fc.integer({ min: 1, max: 1e6 }),
    fc.integer({ min: 1, max: 40 }),
    async (value, total, size) => {
      const { response, message, x_groq: groq, ...others } = value;
      const inner = JSON.stringify({ ...others, text: JSON.stringify([response, message, groq]) });
      const body = `${inner.slice(0, -1)},"usage":{"total_tokens":${total},"details":{"n":[1,{}]}},"more":${inner}}`;
      assert.deepEqual((await read(jsonHeaders, body, { size }))?.reported, tokensOf({ input: total }));
    },
  );
  await fc.assert(property, { numRuns: 200 });
});
