// Assembles the shared limits: the connection, the limits in Redis, and the local limits while
// Redis is away. Publishes each change on `limitsStoreChanged`.
import type { Clock } from '../kernel/clock.ts';
import { Deadlines } from '../kernel/work/deadlines.ts';
import { limitsStoreChanged, type LimitsStoreChanged } from '../kernel/events.ts';
import { FallbackLimiter } from './fallback-limiter.ts';
import type { Limiter } from './limiter.ts';
import { LocalLimiter } from './local-limiter.ts';
import { MemoryLimiter } from './memory-limiter.ts';
import type { QuotaLedger } from './quotas/quota-ledger.ts';
import { connectRedis, type RedisPlace } from './redis/redis-client.ts';
import { RedisLimiter } from './redis/redis-limiter.ts';

/** Gateways that use the same database of the same Redis share their limits and quotas. */
export const sharedNamespace = 'portal-gateway';
export interface SharedLimiter {
  readonly limiter: Limiter;
  /** Whether the shared limits are in use now. */
  readonly shared: () => boolean;
  /** Idempotent. */
  close(): void;
}

interface SharedLimiterParts {
  readonly place: RedisPlace;
  /** The quota usage known to this process. Its keeper writes to the same Redis. */
  readonly ledger: QuotaLedger;
  readonly clock: Clock;
}

/**
 * Connects in the background. The first requests wait for the connection no longer than for a reply
 * of Redis.
 */
export function createSharedLimiter({ place, ledger, clock }: SharedLimiterParts): SharedLimiter {
  let isFound = false;
  const redis = connectRedis(place, clock, {
    connected: () => {
      isFound = true;
      limiter.found();
    },
    failed: (error) => {
      limiter.lost(error);
    },
  });
  const limiter = new FallbackLimiter({
    shared: new RedisLimiter({ redis, namespace: sharedNamespace, ledger, clock }),
    local: new LocalLimiter(new MemoryLimiter({ clock }), ledger),
    deadlines: new Deadlines(clock),
    clock,
    changed: (state, reason) => {
      if (limitsStoreChanged.hasSubscribers) limitsStoreChanged.publish({ state, reason } satisfies LimitsStoreChanged);
    },
  });
  return {
    limiter,
    shared: () => isFound && limiter.shared,
    close: () => {
      redis.close();
    },
  };
}
