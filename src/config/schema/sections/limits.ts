// The settings of rate limits and concurrency limits.
import type { z } from 'zod';
import { isBucketName, isKeyName, isLeasePattern, isMethodOrEmpty, isRedisUrl } from '../../check/checks.ts';
import { choice, entry, list, map, number, path, section, text, wholeNumber } from '../fields.ts';
import { requestPattern } from './request-pattern.ts';

const most = 1_000_000_000;
const rateWords = 'Sustained rate: tokens added to the bucket per second.';
const burstWords = 'Capacity of the bucket: requests that may arrive at once.';
const rateBounds = { min: 0.001, max: most } as const;
const burstBounds = { min: 1, max: most } as const;

const bucket = entry('RateConfig', 'A token bucket.', {
  requests_per_second: number(rateWords, { ...rateBounds, required: true, example: 500 }),
  burst: number(burstWords, { ...burstBounds, required: true, example: 1000, whole: true }),
});

const overrides = (what: string, name: Parameters<typeof map>[1]): z.ZodType => map(what, name, bucket);

const cost = entry('CostConfig', 'Cost of matching requests, where it is not one token.', {
  ...requestPattern('/search/*'),
  method: text('The request method. Empty: all methods.', {
    initial: '',
    expects: 'a method, such as POST',
    check: isMethodOrEmpty,
    example: 'POST',
  }),
  cost: wholeNumber('Tokens that each matching request takes.', { initial: 1, min: 1, max: 1_000_000 }),
});

export const rateLimit: z.ZodType = section(
  'RateLimitConfig',
  'Token buckets. A request is charged only if every bucket that applies to it admits it.',
  {
    global: section('GlobalRateConfig', 'The bucket that all requests share.', {
      requests_per_second: number(rateWords, { ...rateBounds, initial: 1000 }),
      burst: number(burstWords, { ...burstBounds, initial: 2000, whole: true }),
    }),
    per_key: section('KeyRatesConfig', 'One bucket for each key.', {
      default: section('DefaultRateConfig', 'The rate of keys without an override.', {
        requests_per_second: number(rateWords, { ...rateBounds, initial: 100 }),
        burst: number(burstWords, { ...burstBounds, initial: 200, whole: true }),
      }),
      overrides: overrides('Overrides for single keys, by key id.', {
        expects: 'the id of a key',
        check: isKeyName,
      }),
    }),
    per_lease: overrides(
      'One bucket for each lease, by pattern: `name`, `prefix-*` or `*`. The most specific matching pattern applies.',
      {
        expects: 'a lease name, a prefix-* or *',
        check: isLeasePattern,
      },
    ),
    per_tenant: overrides(
      'One bucket for each tenant, by name, or `*` for each of the others. Not supported yet: no caller has a tenant.',
      {
        expects: 'the name of a tenant, or *',
        check: isBucketName,
      },
    ),
    per_ip: section(
      'AddressRateConfig',
      'One bucket for each client address; an IPv6 /64 counts as one address. Not set: no limit.',
      {
        requests_per_second: number(rateWords, { ...rateBounds, example: 20 }),
        burst: number(burstWords, { ...burstBounds, example: 40, whole: true }),
      },
    ),
    costs: list('Requests that cost more than one token. The first matching entry applies.', cost),
    storage: section('RateStorageConfig', 'Where the buckets are stored.', {
      type: choice(
        'In this process (`memory`), or shared by all gateways that use the same `redis`.',
        ['memory', 'redis'],
        {
          initial: 'memory',
          restart: true,
        },
      ),
      redis: section('RedisConfig', 'The Redis server, for `type: redis`.', {
        url: text(
          'The URL of the server: `redis://`, `rediss://` (TLS) or `unix://`. For a Redis cluster, any of its nodes. Redis Sentinel is not supported.',
          {
            initial: 'redis://localhost:6379',
            expects: 'a URL such as redis://localhost:6379',
            check: isRedisUrl,
            example: 'rediss://redis.internal:6380/1',
            secret: 'possible',
            restart: true,
          },
        ),
        ca_file: path("CA certificates (PEM) to trust for `rediss://` instead of the system's.", {
          optional: true,
          restart: true,
        }),
      }),
    }),
  },
);

const share = (whose: string, note = ''): z.ZodType =>
  wholeNumber(
    `The most concurrent requests of ${whose} while more than three quarters of \`gateway.max_in_flight\` are in use, and the most concurrent streams while more than three quarters of \`gateway.max_streams\` are. 0: a quarter of each setting.${note}`,
    { initial: 0, min: 0, max: 1_000_000 },
  );

export const shares: z.ZodType = section(
  'SharesConfig',
  'Shares of concurrent requests and streams under contention. Without contention any caller may use the whole capacity.',
  {
    per_key_in_flight: share('one key'),
    per_lease_in_flight: share('one lease'),
    per_tenant_in_flight: share('one tenant', ' Not supported yet: no caller has a tenant.'),
    per_ip_in_flight: share('one client address'),
  },
);
