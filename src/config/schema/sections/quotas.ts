// The settings of quotas.
import type { z } from 'zod';
import { isKeyNameOrAny, isTimeZone } from '../../check/checks.ts';
import { choice, entry, list, map, number, section, size, text, wholeNumber } from '../fields.ts';

const bounds = { min: 1, max: 1_000_000_000_000, whole: true } as const;

const quota = entry(
  'QuotaConfig',
  'The quota of a key for a day or month. A resource that is not set is not limited.',
  {
    requests: number('The most requests.', { ...bounds, example: 1_000_000 }),
    bytes: size('The most bytes of request and response bodies together.', {
      min: '1B',
      max: '1000TB',
      example: '1TB',
    }),
    llm_tokens: number('The most language-model tokens, as reported in OpenAI- and Anthropic-style responses.', {
      ...bounds,
      example: 5_000_000,
    }),
  },
);

const tokenClasses = ['input', 'cache_read', 'cache_write', 'output', 'reasoning'] as const;

const name = { expects: 'the id of a key, or *', check: isKeyNameOrAny };

export const quotas: z.ZodType = section(
  'QuotasConfig',
  'Total usage allowed to each key per day and month. Counters survive restarts; with `rate_limit.storage.type: redis`, all gateways share them.',
  {
    time_zone: text('The time zone in which quota days and months start (at midnight).', {
      initial: 'UTC',
      expects: 'the name of a time zone, such as Europe/Berlin',
      check: isTimeZone,
      example: 'Europe/Berlin',
    }),
    daily: map('Daily quotas, by key id, or `*` for each of the other keys.', name, quota),
    monthly: map('Monthly quotas, by key id, or `*` for each of the other keys.', name, quota),
    count: list(
      'The classes of tokens that `llm_tokens` counts.',
      choice('A class of tokens.', tokenClasses, { initial: 'input' }),
      { initial: ['input', 'cache_write', 'output', 'reasoning'] },
    ),
    unknown_usage: choice(
      'How to charge a language-model response when the app reports no usage. `estimate`: a quarter of the bytes of request and response text. `deny`: further requests of the caller to that lease are rejected until the period ends. `ignore`: nothing.',
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
