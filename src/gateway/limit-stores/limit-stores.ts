// The stores of rate limits and quotas, by `rate_limit.storage.type`.
import type { Config } from '../../config/load/config.ts';
import type { LimitStore } from './limit-store.ts';
import { memoryStore } from './memory-store.ts';
import { redisStore } from './redis-store.ts';

const limitStores: Readonly<Record<Config['rateLimit']['storage']['type'], LimitStore>> = {
  memory: memoryStore,
  redis: redisStore,
};

export function limitStoreOf({ rateLimit }: Config): LimitStore {
  return limitStores[rateLimit.storage.type];
}
