// Quotas: how much a key may use in a day or a month, how much is left, and which quota rejects a
// request. Pure; the counting is in quota-ledger.ts and redis-limiter.ts.
import type { Period, PeriodKind, QuotaCalendar } from './quota-calendar.ts';

export type Resource = 'requests' | 'bytes' | 'llmTokens';
/** `returned`: requests that were counted but never started. */
type Count = Resource | 'returned';
/**
 * Counters only ever increase, so when two sources disagree the larger value is the newer one,
 * whatever order they arrive in.
 */
export type Amounts = Readonly<Record<Count, number>>;
/** Missing resources are unlimited. */
export type QuotaLimits = Readonly<Partial<Record<Resource, number | undefined>>>;

export const resources: readonly Resource[] = ['requests', 'bytes', 'llmTokens'];
export const counts: readonly Count[] = ['requests', 'returned', 'bytes', 'llmTokens'];
export const none: Amounts = { requests: 0, returned: 0, bytes: 0, llmTokens: 0 };

/** Builds amounts from one number per count; `index`: its position in `counts`. */
export function amountsOf(numberOf: (count: Count, index: number) => number): Record<Count, number> {
  const [requests = 0, returned = 0, bytes = 0, llmTokens = 0] = counts.map(numberOf);
  return { requests, returned, bytes, llmTokens };
}

/** The quotas of one key. */
export interface KeyQuotas {
  readonly calendar: QuotaCalendar;
  readonly daily: QuotaLimits | undefined;
  readonly monthly: QuotaLimits | undefined;
}

/** The quotas that a request counts towards, in addition to its buckets. */
export interface QuotaCharge {
  readonly key: string;
  readonly quotas: KeyQuotas;
}

/** The usage of a key in one period that it has quotas for. */
export interface Account {
  readonly kind: PeriodKind;
  readonly period: Period;
  readonly limits: QuotaLimits;
  /** The known total in the store, of all gateways. */
  readonly kept: Amounts;
  /** Counted here, and possibly not in the store yet. */
  readonly own: Amounts;
}

/** One quota after the verdict. */
export interface QuotaState {
  readonly kind: PeriodKind;
  readonly resource: Resource;
  readonly limit: number;
  readonly remaining: number;
  readonly windowMs: number;
  readonly resetMs: number;
}

export interface QuotaVerdict {
  /** The used-up quota that resets last; undefined when none is used up. */
  readonly refusedBy: QuotaState | undefined;
  readonly states: readonly QuotaState[];
}

/** Usage of a limited resource, without refunded requests. */
export function usedOf(resource: Resource, amounts: Amounts): number {
  return resource === 'requests' ? amounts.requests - amounts.returned : amounts[resource];
}

/** The current states of the accounts' quotas. */
export function judgeQuotas(accounts: readonly Account[], nowMs: number): QuotaVerdict {
  const states: QuotaState[] = [];
  let refusedBy: QuotaState | undefined;
  for (const { kind, period, limits, kept, own } of accounts) {
    const windowMs = period.endMs - period.startMs;
    const resetMs = period.endMs - nowMs;
    for (const resource of resources) {
      const limit = limits[resource];
      if (limit === undefined) continue;
      const remaining = Math.min(limit, Math.max(0, limit - usedOf(resource, kept) - usedOf(resource, own)));
      const state = { kind, resource, limit, remaining, windowMs, resetMs };
      states.push(state);
      if (remaining === 0 && (refusedBy === undefined || resetMs > refusedBy.resetMs)) refusedBy = state;
    }
  }
  return { refusedBy, states };
}
