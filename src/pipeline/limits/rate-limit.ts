// The buckets that a request is charged to, and the headers that report them. limits/ keeps the
// buckets.
import type { BucketState, Charge, Rate, Verdict } from '../../limits/limiter.ts';
import { requestCostSteps } from '../../limits/request-cost.ts';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { rateLimited, type RateLimited } from '../../kernel/events.ts';
import type { Sink } from '../../kernel/http/http.ts';
import type { Steps } from '../../kernel/work/slices.ts';
import { addressGroup } from '../../kernel/net/address-group.ts';
import { compiledInSteps } from '../../policy/compiled.ts';
import { LeasePatterns } from '../../policy/lease-patterns.ts';
import { ownValue } from '../../policy/own-value.ts';
import { PerLease } from '../../policy/per-lease.ts';
import type { Exchange } from '../stage.ts';

const leaseRatesOf = compiledInSteps(function* ({ rateLimit }): Steps<PerLease<Rate | undefined>> {
  const rates = yield* LeasePatterns.inSteps(rateLimit.perLease, function* (rate): Steps<Rate> {
    yield;
    return rate;
  });
  return new PerLease((id, names) => tightestOf(rates.all(id, names)));
});
const costsOf = compiledInSteps(({ rateLimit }) => requestCostSteps(rateLimit.costs));

const nameless: readonly string[] = [];

export function chargesOf(exchange: Exchange): Charge[] {
  const { policy, principal, destination, route, clientIp, req } = exchange;
  const { global, perKey, perTenant, perIp } = policy.rateLimit;
  const leaseId = destination?.lease.id ?? '';
  const leaseNames = destination?.names ?? nameless;
  const cost = costsOf(policy)(leaseId, leaseNames, route?.target ?? '', req.method);
  const charges: Charge[] = [{ level: 'global', id: '', rate: global, cost }];
  if (principal !== undefined && principal.kind !== 'anonymous') {
    const rate = ownValue(perKey.overrides, principal.id) ?? perKey.default;
    charges.push({ level: 'key', id: principal.id, rate, cost });
  }
  const leaseRate = leaseRatesOf(policy).of(leaseId, leaseNames);
  if (leaseRate !== undefined) charges.push({ level: 'lease', id: leaseId, rate: leaseRate, cost });
  const tenant = principal?.tenant;
  if (tenant !== undefined) {
    const rate = ownValue(perTenant, tenant) ?? ownValue(perTenant, '*');
    if (rate !== undefined) charges.push({ level: 'tenant', id: tenant, rate, cost });
  }
  if (perIp !== undefined) charges.push({ level: 'ip', id: addressGroup(clientIp), rate: perIp, cost });
  return charges;
}

/**
 * A lease has one bucket under all of its names: with the smallest burst and rate configured for
 * them.
 */
function tightestOf(rates: readonly Rate[]): Rate | undefined {
  if (rates.length < 2) return rates[0];
  return {
    requestsPerSecond: Math.min(...rates.map(({ requestsPerSecond }) => requestsPerSecond)),
    burst: Math.min(...rates.map(({ burst }) => burst)),
  };
}

/** Responds with 429 and publishes the level that rejected. */
export function refuse(sink: Sink, charge: Charge | undefined, retryAfterMs: number): void {
  if (rateLimited.hasSubscribers) rateLimited.publish({ level: charge?.level ?? 'global' } satisfies RateLimited);
  sink.fail(refusal(charge, retryAfterMs));
}

function refusal(charge: Charge | undefined, retryAfterMs: number): GatewayError {
  if (retryAfterMs === Infinity) {
    return new GatewayError(
      'rate_limited',
      'The request costs more tokens than its bucket can hold, so it is never admitted.',
    );
  }
  const whose = charge === undefined || charge.level === 'global' ? 'the gateway' : `this ${names[charge.level]}`;
  return new GatewayError('rate_limited', `The rate limit of ${whose} is reached.`, {
    retryAfterSeconds: Math.max(1, Math.ceil(retryAfterMs / 1000)),
  });
}

const names = { key: 'key', lease: 'lease', tenant: 'tenant', ip: 'address' } as const;

/**
 * Reports the caller's own tightest bucket (key, tenant, address): the global and lease buckets
 * would reveal what other callers do. Sends the fields of draft-ietf-httpapi-ratelimit-headers §3
 * and §4, and the customary X-RateLimit-* headers.
 */
export function reportBuckets({ responseHeaders }: Exchange, charges: readonly Charge[], verdict: Verdict): void {
  const { states, refusedBy } = verdict;
  let tightest: Charge | undefined;
  let itsState: BucketState | undefined;
  for (let i = 0; i < charges.length; i += 1) {
    const charge = charges[i];
    const state = states[i];
    if (charge === undefined || state === undefined || charge.level === 'global' || charge.level === 'lease') continue;
    // The rejecting bucket is the one to wait for, however few tokens another one has left.
    if (i === refusedBy || itsState === undefined || state.remaining < itsState.remaining) {
      tightest = charge;
      itsState = state;
    }
    if (i === refusedBy) break;
  }
  if (tightest === undefined || itsState === undefined) return;
  const { level, rate } = tightest;
  const { burst, window } = wordsOf(rate);
  const remaining = String(itsState.remaining);
  const reset = String(Math.ceil(itsState.resetMs / 1000));
  responseHeaders.push('RateLimit-Policy', `"${level}";q=${burst};w=${window}`);
  responseHeaders.push('RateLimit', `"${level}";r=${remaining};t=${reset}`);
  responseHeaders.push('X-RateLimit-Limit', burst, 'X-RateLimit-Remaining', remaining, 'X-RateLimit-Reset', reset);
}

interface RateWords {
  readonly burst: string;
  /** Seconds. */
  readonly window: string;
}

const words = new WeakMap<Rate, RateWords>();

function wordsOf(rate: Rate): RateWords {
  let known = words.get(rate);
  if (known === undefined) {
    known = { burst: String(rate.burst), window: String(Math.ceil(rate.burst / rate.requestsPerSecond)) };
    words.set(rate, known);
  }
  return known;
}
