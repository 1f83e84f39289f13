// The interface of a place where a gateway keeps its rate limits and quotas. limit-stores.ts lists
// them.
import type { Config } from '../../config/load/config.ts';
import type { QuotaLedger } from '../../limits/quotas/quota-ledger.ts';
import type { UsageStore } from '../../limits/quotas/quota-keeper.ts';
import type { SharedLimiter } from '../../limits/shared-limiter.ts';

/** A store is chosen at the start of the process; another one takes effect after a restart. */
export interface LimitStore {
  /** The limits that gateways share. Undefined: each gateway limits by itself. */
  limiter(config: Config, ledger: QuotaLedger): Promise<SharedLimiter | undefined>;
  /** The place of quota usage. Throws TlsSettingsError. */
  usage(config: Config, stateDirectory: string): Promise<UsagePlace>;
  /** The file with quota usage. Undefined: the store needs none. */
  usageFile(stateDirectory: string): string | undefined;
}

export interface UsagePlace {
  /** For the log. */
  readonly name: string;
  /**
   * How long a start waits for the stored usage. Undefined: the store decides about quotas on each
   * request, so nothing must be loaded before the first one.
   */
  readonly openingMs: number | undefined;
  /** Why the place must not be used. Starting from zero instead would reopen exhausted quotas. */
  refusal(): Promise<string | undefined>;
  /** `timeZone`: of the quotas, which a reload may change. */
  open(timeZone: () => string): UsageStore;
}
