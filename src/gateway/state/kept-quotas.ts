// Persists quota usage for `start` in the store that the configuration names.
import type { Config } from '../../config/load/config.ts';
import { QuotaKeeper } from '../../limits/quotas/quota-keeper.ts';
import { QuotaLedger } from '../../limits/quotas/quota-ledger.ts';
import { systemClock } from '../../kernel/clock.ts';
import { hasEntries } from '../../kernel/work/large-records.ts';
import type { Logger } from '../../observe/logs/log.ts';
import { limitStoreOf } from '../limit-stores/limit-stores.ts';
import { StartError } from '../start-error.ts';

export interface KeptQuotas {
  readonly ledger: QuotaLedger;
  /** A reload may add quotas: from then on their usage is stored. */
  apply(config: Config): Promise<void>;
}

/**
 * `initial`: the configuration at the start of the process, which determines the store. Without
 * quotas no file is created. Throws StartError.
 */
export async function keepQuotas(
  parts: AsyncDisposableStack,
  initial: Config,
  { stateDirectory, log }: { readonly stateDirectory: string; readonly log: Logger },
): Promise<KeptQuotas> {
  const ledger = new QuotaLedger({ clock: systemClock });
  const place = await limitStoreOf(initial).usage(initial, stateDirectory);
  let { quotas } = initial;
  let keeper: QuotaKeeper | undefined;
  const changed = (state: 'kept' | 'failing', reason: string): void => {
    if (state === 'kept') log.info({ place: place.name }, 'quota usage is persisted again');
    else
      log.error(
        { place: place.name, reason },
        'cannot persist quota usage; counting continues in memory and the write is retried',
      );
  };

  async function apply(config: Config): Promise<void> {
    const begins = keeper === undefined && hasQuotas(config);
    const refusal = begins ? await place.refusal() : undefined;
    if (refusal !== undefined) throw new StartError(refusal);
    ({ quotas } = config);
    if (!begins) return;
    keeper = new QuotaKeeper({ ledger, store: place.open(() => quotas.timeZone), changed });
    if (place.openingMs === undefined) void keeper.keep();
    else await keeper.open(place.openingMs);
  }

  parts.defer(async () => {
    await keeper?.close();
  });
  await apply(initial);
  return { ledger, apply };
}

export function hasQuotas({ quotas }: Config): boolean {
  return hasEntries(quotas.daily) || hasEntries(quotas.monthly);
}
