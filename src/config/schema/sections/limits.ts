// The settings of rate limits and concurrency limits.
import type { z } from 'zod';
import { isBucketName, isKeyName, isLeasePattern, isMethodOrEmpty, isRedisUrl } from '../../check/checks.ts';
import { choice, entry, list, map, number, path, section, text, wholeNumber } from '../fields.ts';
import { requestPattern } from './request-pattern.ts';

const most = 1_000_000_000;
const rateWords = 'Requests that come back in a second, in the long run.';
const burstWords = 'Requests that may come at once.';
const rateBounds = { min: 0.001, max: most } as const;
const burstBounds = { min: 1, max: most } as const;

const bucket = entry('RateConfig', 'A token bucket.', {
  requests_per_second: number(rateWords, { ...rateBounds, required: true, example: 500 }),
  burst: number(burstWords, { ...burstBounds, required: true, example: 1000, whole: true }),
});

const overrides = (what: string, name: Parameters<typeof map>[1]): z.ZodType => map(what, name, bucket);

const cost = entry('CostConfig', 'What a request costs, where it is not one token.', {
  ...requestPattern('/search/*'),
  method: text('The method. Empty: all of them.', {
    initial: '',
    expects: 'a method, such as POST',
    check: isMethodOrEmpty,
    example: 'POST',
  }),
  cost: wholeNumber('Tokens.', { initial: 1, min: 1, max: 1_000_000 }),
});

export const rateLimit: z.ZodType = section(
  'RateLimitConfig',
  'Token buckets. A request is admitted by all of them or charged to none.',
  {
    global: section('GlobalRateConfig', 'All requests together.', {
      requests_per_second: number(rateWords, { ...rateBounds, initial: 1000 }),
      burst: number(burstWords, { ...burstBounds, initial: 2000, whole: true }),
    }),
    per_key: section('KeyRatesConfig', 'Each key by itself.', {
      default: section('DefaultRateConfig', 'Keys without a rate of their own.', {
        requests_per_second: number(rateWords, { ...rateBounds, initial: 100 }),
        burst: number(burstWords, { ...burstBounds, initial: 200, whole: true }),
      }),
      overrides: overrides('Keys with a rate of their own, by their id.', {
        expects: 'the id of a key',
        check: isKeyName,
      }),
    }),
    per_lease: overrides('Each lease by itself, by pattern: `name`, `prefix-*` or `*`. The most specific one counts.', {
      expects: 'a lease name, a prefix-* or *',
      check: isLeasePattern,
    }),
    per_tenant: overrides(
      'Each tenant by itself, by its name, or `*` for each of the others. Not supported yet: no caller has a tenant.',
      {
        expects: 'the name of a tenant, or *',
        check: isBucketName,
      },
    ),
    per_ip: section(
      'AddressRateConfig',
      'Each client address by itself; an IPv6 network of 64 bits counts as one. Not set: no limit.',
      {
        requests_per_second: number(rateWords, { ...rateBounds, example: 20 }),
        burst: number(burstWords, { ...burstBounds, example: 40, whole: true }),
      },
    ),
    costs: list('Requests that cost more than one token; the first that fits counts.', cost),
    storage: section('RateStorageConfig', 'Where the buckets are.', {
      type: choice(
        'In this process (`memory`), or shared by all gateways that use the same `redis`.',
        ['memory', 'redis'],
        {
          initial: 'memory',
          restart: true,
        },
      ),
      redis: section('RedisConfig', 'With `type: redis`.', {
        url: text(
          'Where it is: `redis://`, `rediss://` (TLS) or `unix://`. Any node of a Redis cluster. Redis Sentinel is not supported.',
          {
            initial: 'redis://localhost:6379',
            expects: 'a URL such as redis://localhost:6379',
            check: isRedisUrl,
            example: 'rediss://redis.internal:6380/1',
            secret: 'possible',
            restart: true,
          },
        ),
        ca_file: path("Authorities to trust for `rediss://` instead of the system's, PEM.", {
          optional: true,
          restart: true,
        }),
      }),
    }),
  },
);

const share = (whose: string, note = ''): z.ZodType =>
  wholeNumber(
    `Requests in flight of ${whose} while more than three quarters of \`gateway.max_in_flight\` are in use, and streams while more than three quarters of \`gateway.max_streams\` are. 0: a quarter of each.${note}`,
    { initial: 0, min: 0, max: 1_000_000 },
  );

export const shares: z.ZodType = section(
  'SharesConfig',
  'The shares of concurrent requests and streams under contention. Without contention any caller may use everything.',
  {
    per_key_in_flight: share('one key'),
    per_lease_in_flight: share('one lease'),
    per_tenant_in_flight: share('one tenant', ' Not supported yet: no caller has a tenant.'),
    per_ip_in_flight: share('one client address'),
  },
);
