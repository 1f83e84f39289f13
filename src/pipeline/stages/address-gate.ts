// Owns that an address whose bucket is empty is refused before anybody is asked who he is: it shields bcrypt and the directory. It only
// looks (product-spec §3); whoever passes is charged further down, with everything else or not at all.
import type { Charge, Limiter } from '../../guard/limiter.ts';
import { addressGroup } from '../../policy/addresses.ts';
import type { Dispatch, Stage } from '../stage.ts';
import { refuse, tell } from './rate-limit.ts';

export function addressGate(limiter: Limiter): Stage {
  return function addressGateStage(next): Dispatch {
    return function lookAtAddress(exchange, sink) {
      const { perIp } = exchange.policy.rateLimit;
      if (perIp === undefined) {
        next(exchange, sink);
        return;
      }
      const charges: Charge[] = [{ level: 'ip', id: addressGroup(exchange.clientIp), rate: perIp, cost: 1 }];
      const verdict = limiter.peek(charges);
      if (verdict.refusedBy === undefined) next(exchange, sink);
      else {
        tell(exchange, charges, verdict);
        refuse(sink, charges[0], verdict.retryAfterMs);
      }
    };
  };
}
