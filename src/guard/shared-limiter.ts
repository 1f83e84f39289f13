// Owns the joining of what makes limits shared: the connection, what is counted in Redis, and the way this process limits by itself while
// that can't be asked. Tells each change on `limitsStoreChanged`.
import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../kernel/clock.ts';
import { Deadlines } from '../kernel/deadlines.ts';
import { limitsStoreChanged, type LimitsStoreChanged } from '../kernel/events.ts';
import { FallbackLimiter } from './fallback-limiter.ts';
import type { Limiter } from './limiter.ts';
import { LocalLimiter } from './local-limiter.ts';
import { MemoryLimiter } from './memory-limiter.ts';
import type { QuotaLedger } from './quota-ledger.ts';
import { connectRedis } from './redis-client.ts';
import { RedisLimiter } from './redis-limiter.ts';

/** Gateways that use the same database of the same Redis share their limits and quotas. */
export const sharedNamespace = 'portal-gateway';
/** A start waits this long for Redis, so that the first requests are counted where all are; then it goes on without. */
const longestStartMs = 1_000;

export interface SharedLimiter {
  readonly limiter: Limiter;
  /** Whether the shared limits are in use now. */
  readonly shared: () => boolean;
  /** Idempotent. */
  close(): void;
}

interface SharedLimiterParts {
  /** As connectRedis() takes it. */
  readonly url: string;
  /** What this process knows of quotas. Whoever keeps it writes to the same Redis. */
  readonly ledger: QuotaLedger;
  readonly clock: Clock;
}

/** Never rejects for a Redis that is not there. */
export async function createSharedLimiter({ url, ledger, clock }: SharedLimiterParts): Promise<SharedLimiter> {
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
    shared: new RedisLimiter({ redis, namespace: sharedNamespace, ledger, clock }),
    local: new LocalLimiter(new MemoryLimiter({ clock }), ledger),
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
