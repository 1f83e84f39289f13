// The settings of quotas.
import type { z } from 'zod';
import { isKeyNameOrAny, isTimeZone } from '../../check/checks.ts';
import { choice, entry, list, map, number, section, size, text, wholeNumber } from '../fields.ts';

const bounds = { min: 1, max: 1_000_000_000_000, whole: true } as const;

const quota = entry('QuotaConfig', 'What a key may use in a day or month. What is not named is not limited.', {
  requests: number('Requests.', { ...bounds, example: 1_000_000 }),
  bytes: size('Bytes of bodies, of requests and answers together.', { min: '1B', max: '1000TB', example: '1TB' }),
  llm_tokens: number('Tokens of language models, as OpenAI- and Anthropic-style answers tell them.', {
    ...bounds,
    example: 5_000_000,
  }),
});

const tokenClasses = ['input', 'cache_read', 'cache_write', 'output', 'reasoning'] as const;

const name = { expects: 'the id of a key, or *', check: isKeyNameOrAny };

export const quotas: z.ZodType = section(
  'QuotasConfig',
  'What each key may use in all. Counted beyond a restart; with `rate_limit.storage.type: redis`, by all gateways together.',
  {
    time_zone: text('Whose midnight days and months begin at.', {
      initial: 'UTC',
      expects: 'the name of a time zone, such as Europe/Berlin',
      check: isTimeZone,
      example: 'Europe/Berlin',
    }),
    daily: map('For a day, by the id of the key, or `*` for each of the others.', name, quota),
    monthly: map('For a month, likewise.', name, quota),
    count: list(
      'The classes of tokens that `llm_tokens` counts.',
      choice('A class of tokens.', tokenClasses, { initial: 'input' }),
      { initial: ['input', 'cache_write', 'output', 'reasoning'] },
    ),
    unknown_usage: choice(
      'What a response of a language model costs when the app reports no usage. `estimate`: a quarter of the bytes of request and response text. `deny`: further requests of the caller to that lease are rejected until the period ends. `ignore`: nothing.',
      ['estimate', 'deny', 'ignore'],
      { initial: 'estimate' },
    ),
    max_tokens_per_response: wholeNumber('The most tokens that one response is charged, whatever the app reports.', {
      initial: 2_000_000,
      min: 1,
      max: 1_000_000_000_000,
    }),
  },
);
