// Chooses where `start` stores quota usage: a file in the state directory, or Redis if the rate
// limits are stored there.
import type { Config } from '../config/load/config.ts';
import { quotaFilePath } from '../config/source/state-directory.ts';
import { periodKinds, QuotaCalendar } from '../limits/quotas/quota-calendar.ts';
import { QuotaFile } from '../limits/quotas/quota-file.ts';
import { QuotaKeeper, type UsageStore } from '../limits/quotas/quota-keeper.ts';
import { QuotaLedger } from '../limits/quotas/quota-ledger.ts';
import { QuotaRedis } from '../limits/redis/quota-store.ts';
import { connectRedis, type RedisPlace } from '../limits/redis/redis-client.ts';
import { sharedNamespace } from '../limits/shared-limiter.ts';
import { systemClock } from '../kernel/clock.ts';
import { hasEntries } from '../kernel/work/large-records.ts';
import { futureRefusalOf } from '../kernel/files/private-file.ts';
import { ignore } from '../kernel/ignore.ts';
import type { Logger } from '../observe/logs/log.ts';
import { StartError } from './start-error.ts';
import { readRedisPlace } from './tls-settings.ts';

/** How long a start waits for the quota file, so that exhausted quotas stay exhausted. */
const openingMs = 2_000;

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
  const redis = initial.rateLimit.storage.type === 'redis' ? await readRedisPlace(initial) : undefined;
  const path = quotaFilePath(stateDirectory);
  const place = redis === undefined ? path : 'redis';
  let { quotas } = initial;
  let keeper: QuotaKeeper | undefined;

  async function apply(config: Config): Promise<void> {
    if (keeper === undefined && hasQuotas(config)) {
      const fault = redis === undefined ? await futureRefusalOf(path, 'secret') : undefined;
      // Starting from zero would reopen exhausted quotas.
      if (fault !== undefined) throw new StartError(`the file of quotas ${path} is refused: ${fault}`);
    }
    ({ quotas } = config);
    if (keeper !== undefined || !hasQuotas(config)) return;
    const store: UsageStore = redis !== undefined ? shared(redis) : new QuotaFile({ path, clock: systemClock });
    keeper = new QuotaKeeper({
      ledger,
      store,
      changed: (state, reason) => {
        if (state === 'kept') log.info({ place }, 'what is used of quotas is kept again');
        else log.error({ place, reason }, 'what is used of quotas can not be kept; it is counted on, and tried again');
      },
    });
    // Redis decides about quotas on each request, so nothing must be loaded before the first one.
    if (redis !== undefined) void keeper.keep();
    else await keeper.open(openingMs);
  }

  function shared(place: RedisPlace): UsageStore {
    // Without a connection, each command is rejected with the reason.
    const connection = connectRedis(place, systemClock, { failed: ignore });
    return new QuotaRedis({
      redis: connection,
      namespace: sharedNamespace,
      periods: () => {
        const calendar = new QuotaCalendar(quotas.timeZone);
        return periodKinds.map((kind) => calendar.period(kind, systemClock.wallMs()).id);
      },
      close: () => {
        connection.close();
      },
    });
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
