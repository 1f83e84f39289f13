// Owns the settings of how much in all: quotas.
import type { z } from 'zod';
import { isKeyNameOrAny, isTimeZone } from '../checks.ts';
import { entry, map, number, section, size, text } from '../fields.ts';

const bounds = { min: 1, max: 1_000_000_000_000, whole: true } as const;

const quota = entry('QuotaConfig', 'What a key may use in a day or month. What is not named is not limited.', {
  requests: number('Requests.', { ...bounds, example: 1_000_000 }),
  bytes: size('Bytes of bodies, of requests and answers together.', { min: '1B', max: '1000TB', example: '1TB' }),
  llm_tokens: number('Tokens of language models, as OpenAI- and Anthropic-style answers tell them.', {
    ...bounds,
    example: 5_000_000,
  }),
});

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
  },
);
