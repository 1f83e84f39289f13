import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { tokensOf } from '../../test/helpers/model-responses.ts';
import type { LlmTokens } from '../kernel/events.ts';
import { TokenCount } from './token-counts.ts';

type Usage = Readonly<Record<string, unknown>>;

function tokens(...usages: readonly Usage[]): LlmTokens | undefined {
  const count = new TokenCount();
  for (const usage of usages) count.note(usage);
  return count.isReported ? count.tokens : undefined;
}

const table: readonly (readonly [string, readonly Usage[], Partial<LlmTokens> | undefined])[] = [
  [
    'OpenAI: cached input is a part of the input, reasoning of the output',
    [
      {
        ...{ prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 },
        ...{ prompt_tokens_details: { cached_tokens: 60 }, completion_tokens_details: { reasoning_tokens: 30 } },
      },
    ],
    { input: 40, cache_read: 60, output: 20, reasoning: 30 },
  ],
  [
    'OpenAI: rejected predictions are hidden output',
    [
      {
        ...{ prompt_tokens: 10, completion_tokens: 50, total_tokens: 60 },
        completion_tokens_details: { reasoning_tokens: 5, rejected_prediction_tokens: 30 },
      },
    ],
    { input: 10, output: 15, reasoning: 35 },
  ],
  [
    'Responses API',
    [
      {
        ...{ input_tokens: 36, input_tokens_details: { cached_tokens: 36 }, output_tokens: 87, total_tokens: 123 },
        output_tokens_details: { reasoning_tokens: 87 },
      },
    ],
    { cache_read: 36, reasoning: 87 },
  ],
  [
    'Anthropic: cached input is beside the input',
    [{ input_tokens: 10, cache_creation_input_tokens: 200, cache_read_input_tokens: 300, output_tokens: 5 }],
    { input: 10, cache_write: 200, cache_read: 300, output: 5 },
  ],
  [
    'Anthropic: deltas are cumulative',
    [{ input_tokens: 10, output_tokens: 1 }, { output_tokens: 7 }, { output_tokens: 15, input_tokens: 12 }],
    { input: 12, output: 15 },
  ],
  [
    'DeepSeek: hits and misses of the cache are the input',
    [
      {
        ...{ prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
        ...{ prompt_cache_hit_tokens: 8, prompt_cache_miss_tokens: 2 },
      },
    ],
    { input: 2, cache_read: 8, output: 5 },
  ],
  [
    "a proxy with Anthropic's names, whose total includes them in the input",
    [
      {
        ...{ prompt_tokens: 100, completion_tokens: 5, total_tokens: 105 },
        ...{ cache_read_input_tokens: 60, cache_creation_input_tokens: 30 },
      },
    ],
    { input: 10, cache_read: 60, cache_write: 30, output: 5 },
  ],
  [
    'the same, with a total that excludes them',
    [{ prompt_tokens: 100, completion_tokens: 5, total_tokens: 165, cache_read_input_tokens: 60 }],
    { input: 100, cache_read: 60, output: 5 },
  ],
  [
    "OpenAI's names, with a total that excludes them from the input",
    [{ prompt_tokens: 100, completion_tokens: 5, total_tokens: 165, prompt_tokens_details: { cached_tokens: 60 } }],
    { input: 100, cache_read: 60, output: 5 },
  ],
  [
    'more cached than input: cannot be part of it',
    [{ prompt_tokens: 10, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 60 } }],
    { input: 10, cache_read: 60, output: 5 },
  ],
  [
    'reasoning in addition to the output, by the total',
    [
      {
        ...{ prompt_tokens: 10, completion_tokens: 50, total_tokens: 90 },
        completion_tokens_details: { reasoning_tokens: 30 },
      },
    ],
    { input: 10, output: 50, reasoning: 30 },
  ],
  [
    'tokens only in the total are hidden output',
    [{ prompt_tokens: 10, completion_tokens: 5, total_tokens: 100 }],
    { input: 10, output: 5, reasoning: 85 },
  ],
  ['a total without parts is input', [{ total_tokens: 8 }], { input: 8 }],
  ['embeddings', [{ prompt_tokens: 8, total_tokens: 8 }], { input: 8 }],
  [
    'an infinite number is limited, a fraction rounded up',
    [{ prompt_tokens: Infinity, completion_tokens: 0.5 }],
    { input: 1e12, output: 1 },
  ],
  ['zeros report nothing', [{ prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }], undefined],
  [
    'other values report nothing',
    [{ prompt_tokens: '5', completion_tokens: -1, total_tokens: NaN, output_tokens: null }],
    undefined,
  ],
  ['details of another type report nothing', [{ prompt_tokens_details: 5, completion_tokens_details: 'x' }], undefined],
];

for (const [name, usages, expected] of table) {
  test(name, () => {
    assert.deepEqual(tokens(...usages), expected && tokensOf(expected));
  });
}

test('each token is in one class: no class is negative, and the sum equals the total if there is one', () => {
  const number = fc.oneof(fc.constant(0), fc.nat(1_000));
  const property = fc.property(number, number, number, number, (outside, cached, shown, hidden) => {
    const openai = {
      ...{ prompt_tokens: outside + cached, completion_tokens: shown + hidden },
      total_tokens: outside + cached + shown + hidden,
      prompt_tokens_details: { cached_tokens: cached },
      completion_tokens_details: { reasoning_tokens: hidden },
    };
    const anthropic = { input_tokens: outside, cache_read_input_tokens: cached, output_tokens: shown };
    const sum = outside + cached + shown + hidden;
    const expected = tokensOf({ input: outside, cache_read: cached, output: shown, reasoning: hidden });
    assert.deepEqual(tokens(openai), sum === 0 ? undefined : expected);
    const less = tokensOf({ input: outside, cache_read: cached, output: shown });
    assert.deepEqual(tokens(anthropic), outside + cached + shown === 0 ? undefined : less);
  });
  fc.assert(property);
});
