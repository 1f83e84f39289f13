// Owns the joining of what makes limits shared: the connection, the buckets in Redis, and the way this process limits by itself while
// they can't be asked. Tells each change on `limitsStoreChanged`.
import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../kernel/clock.ts';
import { Deadlines } from '../kernel/deadlines.ts';
import { limitsStoreChanged, type LimitsStoreChanged } from '../kernel/events.ts';
import { FallbackLimiter } from './fallback-limiter.ts';
import type { Limiter } from './limiter.ts';
import { MemoryLimiter } from './memory-limiter.ts';
import { connectRedis } from './redis-client.ts';
import { RedisLimiter } from './redis-limiter.ts';

/** Gateways that use the same database of the same Redis share their limits. */
const namespace = 'portal-gateway';
/** A start waits this long for Redis, so that the first requests are counted where all are; then it goes on without. */
const longestStartMs = 1_000;

export interface SharedLimiter {
  readonly limiter: Limiter;
  /** Whether the shared buckets are in use now. */
  readonly shared: () => boolean;
  /** Idempotent. */
  close(): void;
}

/** `url`: as connectRedis() takes it. Never rejects for a Redis that is not there. */
export async function createSharedLimiter(url: string, clock: Clock): Promise<SharedLimiter> {
  const { promise: settled, resolve: settle } = Promise.withResolvers<undefined>();
  const redis = connectRedis(url, {
    connected: () => {
      limiter.found();
      settle(undefined);
    },
    failed: (error) => {
      limiter.lost(error);
      settle(undefined);
    },
  });
  const limiter = new FallbackLimiter({
    shared: new RedisLimiter(redis, namespace),
    local: new MemoryLimiter({ clock }),
    deadlines: new Deadlines(clock),
    clock,
    changed: (state, reason) => {
      if (limitsStoreChanged.hasSubscribers) limitsStoreChanged.publish({ state, reason } satisfies LimitsStoreChanged);
    },
  });
  const stop = new AbortController();
  const tooLong = setTimeout(longestStartMs, 'silent', { signal: stop.signal }).catch(() => undefined);
  if ((await Promise.race([settled, tooLong])) === 'silent') limiter.lost(new Error('it does not answer'));
  stop.abort();
  return {
    limiter,
    shared: () => limiter.shared,
    close: () => {
      redis.close();
    },
  };
}
