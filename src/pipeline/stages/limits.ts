// Charges a request to all rate limits and quotas of its caller, or to none, and rejects it when
// one is used up.
import { type Charge, isAdmitted, type Limiter, type Verdict } from '../../limits/limiter.ts';
import type { QuotaLedger } from '../../limits/quotas/quota-ledger.ts';
import { DecodePool } from '../../usage/decode-pool.ts';
import { UsageDenials } from '../../usage/denials.ts';
import type { Clock } from '../../kernel/clock.ts';
import { GatewayError, internalError } from '../../kernel/errors/gateway-error.ts';
import type { Sink } from '../../kernel/http/http.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';
import { type KeyQuota, quotaOf, quotaRefusal, reportQuotas, unreportedRefusal } from '../limits/key-quota.ts';
import { type MeterParts, QuotaMeter } from '../limits/quota-meter.ts';
import { chargesOf, refuse, reportBuckets } from '../limits/rate-limit.ts';

export function limits(limiter: Limiter, ledger: QuotaLedger, clock: Clock): Stage {
  const parts: MeterParts = { ledger, clock, denials: new UsageDenials(), pool: new DecodePool(clock) };

  return function limitsStage(next): Dispatch {
    function proceed(
      exchange: Exchange,
      sink: Sink,
      charges: readonly Charge[],
      quota: KeyQuota | undefined,
      verdict: Verdict,
    ): void {
      if (quota === undefined || verdict.quota === undefined) {
        if (isWithinBuckets(exchange, sink, charges, verdict)) next(exchange, sink);
        return;
      }
      reportQuotas(exchange, verdict.quota);
      if (verdict.quota.refusedBy !== undefined) {
        sink.fail(quotaRefusal(verdict.quota.refusedBy));
        return;
      }
      if (!isWithinBuckets(exchange, sink, charges, verdict)) return;
      if (quota.bytes || quota.llmTokens) forwardMetered(next, exchange, new QuotaMeter(exchange, sink, quota, parts));
      else next(exchange, sink);
    }

    return function chargeRequest(exchange, sink) {
      const charges = chargesOf(exchange);
      const quota = quotaOf(exchange);
      if (isDenied(exchange, sink, quota, parts)) return;
      const verdict = limiter.take(charges, quota);
      if (!(verdict instanceof Promise)) {
        proceed(exchange, sink, charges, quota, verdict);
        return;
      }
      verdict
        .then((late) => {
          if (exchange.cancellation.cancelled) {
            if (isAdmitted(late)) limiter.give(charges, quota);
            sink.fail(new GatewayError('client_closed', 'The client left before its request was admitted.'));
          } else proceed(exchange, sink, charges, quota, late);
        })
        .catch((cause: unknown) => {
          sink.fail(internalError(cause));
        });
    };
  };
}

/** Rejects the request when it returns false. */
function isWithinBuckets(exchange: Exchange, sink: Sink, charges: readonly Charge[], verdict: Verdict): boolean {
  reportBuckets(exchange, charges, verdict);
  const { refusedBy, retryAfterMs } = verdict;
  if (refusedBy !== undefined) refuse(sink, charges[refusedBy], retryAfterMs);
  return refusedBy === undefined;
}

/** Rejects when the caller may not call the lease until its quota period ends. */
function isDenied(
  exchange: Exchange,
  sink: Sink,
  quota: KeyQuota | undefined,
  { clock, denials, ledger }: MeterParts,
): boolean {
  if (quota?.llmTokens !== true || exchange.policy.quotas.unknownUsage !== 'deny') return false;
  const state = denials.deniedBy(quota, exchange.destination?.lease.id ?? '', clock.wallMs());
  if (state === undefined) return false;
  reportQuotas(exchange, ledger.look(quota));
  sink.fail(unreportedRefusal(state));
  return true;
}

function forwardMetered(next: Dispatch, exchange: Exchange, sink: QuotaMeter): void {
  try {
    next(exchange, sink);
  } catch (cause) {
    sink.fail(internalError(cause));
  }
}
