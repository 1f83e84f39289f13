// Limits and quotas in a Redis that all gateways share. Loads the client of Redis only when it is
// used: 10 MiB and 40 ms.
import type { Config } from '../../config/load/config.ts';
import { systemClock } from '../../kernel/clock.ts';
import { ignore } from '../../kernel/ignore.ts';
import { periodKinds, QuotaCalendar } from '../../limits/quotas/quota-calendar.ts';
import type { RedisPlace } from '../../limits/redis/redis-client.ts';
import { readAuthorities } from '../tls-settings.ts';
import type { LimitStore } from './limit-store.ts';

export const redisStore: LimitStore = {
  limiter: async (config, ledger) => {
    const { createSharedLimiter } = await import('../../limits/shared-limiter.ts');
    return createSharedLimiter({ place: await readRedisPlace(config), ledger, clock: systemClock });
  },
  usage: async (config) => {
    const place = await readRedisPlace(config);
    const { connectRedis } = await import('../../limits/redis/redis-client.ts');
    const { RedisQuotaStore } = await import('../../limits/redis/redis-quota-store.ts');
    const { sharedNamespace } = await import('../../limits/shared-limiter.ts');
    return {
      name: 'redis',
      openingMs: undefined,
      refusal: () => Promise.resolve(undefined),
      open: (timeZone) => {
        // Without a connection, each command is rejected with the reason.
        const connection = connectRedis(place, systemClock, { failed: ignore });
        return new RedisQuotaStore({
          redis: connection,
          namespace: sharedNamespace,
          periods: () => {
            const calendar = new QuotaCalendar(timeZone());
            return periodKinds.map((kind) => calendar.period(kind, systemClock.wallMs()).id);
          },
          close: () => {
            connection.close();
          },
        });
      },
    };
  },
  usageFile: () => undefined,
};

/**
 * The Redis server of the shared limits and its certificate authorities. Throws TlsSettingsError.
 */
async function readRedisPlace({ rateLimit }: Config): Promise<RedisPlace> {
  const { url, caFile } = rateLimit.storage.redis;
  if (caFile === '') return { url };
  return { url, ca: await readAuthorities('rate_limit.storage.redis.ca_file', caFile) };
}
