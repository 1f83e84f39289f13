// Remembers which keys may not call which leases until a quota period ends, because a response did
// not report its usage (`quotas.unknown_usage: deny`). Kept in the memory of this process: it is
// lost on restart, and gateways do not share it.
import { periodKinds } from '../limits/quotas/quota-calendar.ts';
import { judgeQuotas, none, type QuotaCharge, type QuotaState } from '../limits/quotas/quota.ts';

/** Keys are configured, so there are few. Beyond this limit the oldest entry is evicted. */
const defaultMaxKeys = 10_000;
/**
 * Per key. Beyond this limit the key may call no lease: apps can reconnect under new ids and must
 * not evict other entries.
 */
const maxLeasesOfKey = 256;

interface Denied {
  /** Wall clock; the end of the period that ends last. */
  readonly endMs: number;
  /** Undefined: every lease. */
  leases: Set<string> | undefined;
}

export class UsageDenials {
  readonly #maxKeys: number;
  readonly #denied = new Map<string, Denied>();

  constructor(maxKeys: number = defaultMaxKeys) {
    this.#maxKeys = maxKeys;
  }

  get keys(): number {
    return this.#denied.size;
  }

  deny(charge: QuotaCharge, leaseId: string, nowMs: number): void {
    const endMs = lastState(charge, nowMs)?.endMs;
    if (endMs === undefined) return;
    let denied = this.#denied.get(charge.key);
    if (denied === undefined || denied.endMs <= nowMs) {
      denied = { endMs, leases: new Set() };
      this.#denied.delete(charge.key);
      this.#denied.set(charge.key, denied);
      this.#evict();
    }
    denied.leases?.add(leaseId);
    if ((denied.leases?.size ?? 0) > maxLeasesOfKey) denied.leases = undefined;
  }

  /** The quota that denies the call. Undefined: the key may call the lease. */
  deniedBy(charge: QuotaCharge, leaseId: string, nowMs: number): QuotaState | undefined {
    const denied = this.#denied.get(charge.key);
    if (denied === undefined) return undefined;
    if (denied.endMs <= nowMs) {
      this.#denied.delete(charge.key);
      return undefined;
    }
    if (denied.leases?.has(leaseId) === false) return undefined;
    const last = lastState(charge, nowMs);
    return last && { ...last.state, resetMs: denied.endMs - nowMs };
  }

  #evict(): void {
    if (this.#denied.size <= this.#maxKeys) return;
    const [oldest] = this.#denied.keys();
    if (oldest !== undefined) this.#denied.delete(oldest);
  }
}

/** Among the key's quotas of tokens, the one whose period ends last. */
function lastState(
  { quotas }: QuotaCharge,
  nowMs: number,
): { readonly endMs: number; readonly state: QuotaState } | undefined {
  let last: { readonly endMs: number; readonly state: QuotaState } | undefined;
  for (const kind of periodKinds) {
    const llmTokens = quotas[kind]?.llmTokens;
    if (llmTokens === undefined) continue;
    const period = quotas.calendar.period(kind, nowMs);
    const { states } = judgeQuotas([{ kind, period, limits: { llmTokens }, kept: none, own: none }], nowMs);
    const [state] = states;
    if (state !== undefined && (last === undefined || period.endMs > last.endMs)) last = { endMs: period.endMs, state };
  }
  return last;
}
