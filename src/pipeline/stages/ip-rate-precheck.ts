// Rejects clients whose per-address bucket is empty before authentication, so that they cannot cost
// us bcrypt or directory lookups. Read-only: limits.ts charges the bucket, together with all the
// others.
import type { Charge, Limiter } from '../../limits/limiter.ts';
import { addressGroup } from '../../kernel/net/address-group.ts';
import type { Dispatch, Stage } from '../stage.ts';
import { refuse, reportBuckets } from '../limits/rate-limit.ts';

export function ipRatePrecheck(limiter: Limiter): Stage {
  return function ipRatePrecheckStage(next): Dispatch {
    return function checkBucket(exchange, sink) {
      const { perIp } = exchange.policy.rateLimit;
      if (perIp === undefined) {
        next(exchange, sink);
        return;
      }
      const charges: Charge[] = [{ level: 'ip', id: addressGroup(exchange.clientIp), rate: perIp, cost: 1 }];
      const verdict = limiter.peek(charges);
      if (verdict.refusedBy === undefined) next(exchange, sink);
      else {
        reportBuckets(exchange, charges, verdict);
        refuse(sink, charges[0], verdict.retryAfterMs);
      }
    };
  };
}
