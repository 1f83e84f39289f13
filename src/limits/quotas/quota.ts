// Owns what a quota is: how much a key may use in a day or a month, how it stands, and which one a request has to wait for. Pure; who
// counts is quota-ledger.ts's and redis-limiter.ts's.
import type { Period, PeriodKind, QuotaCalendar } from './quota-calendar.ts';

export type Resource = 'requests' | 'bytes' | 'llmTokens';
/** `returned`: requests that were counted, and then never begun. */
type Count = Resource | 'returned';
/** Each of them only grows: of two that count the same the greater one knows more, in whichever order they are heard. */
export type Amounts = Readonly<Record<Count, number>>;
/** What is not named is not limited. */
export type QuotaLimits = Readonly<Partial<Record<Resource, number | undefined>>>;

export const resources: readonly Resource[] = ['requests', 'bytes', 'llmTokens'];
export const counts: readonly Count[] = ['requests', 'returned', 'bytes', 'llmTokens'];
export const none: Amounts = { requests: 0, returned: 0, bytes: 0, llmTokens: 0 };

/** Made of one number for each count; `index`: where it stands in `counts`. */
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

/** What a request counts in, beside the buckets that it is charged to. */
export interface QuotaCharge {
  readonly key: string;
  readonly quotas: KeyQuotas;
}

/** What a key has used in one period that it has quotas for. */
export interface Account {
  readonly kind: PeriodKind;
  readonly period: Period;
  readonly limits: QuotaLimits;
  /** What the store is known to have, of all who use it. */
  readonly kept: Amounts;
  /** What was counted here, and may not be in the store yet. */
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
  /** The one that is used up for longest; undefined: none is. */
  readonly refusedBy: QuotaState | undefined;
  readonly states: readonly QuotaState[];
}

/** How much of what is limited has been used. */
export function usedOf(resource: Resource, amounts: Amounts): number {
  return resource === 'requests' ? amounts.requests - amounts.returned : amounts[resource];
}

/** The quotas of the accounts as they stand. */
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
