// Limits in the memory of this process, and quota usage in a file of its state directory.
import { quotaFilePath } from '../../config/source/state-directory.ts';
import { systemClock } from '../../kernel/clock.ts';
import { futureRefusalOf } from '../../kernel/files/private-file.ts';
import { QuotaFile } from '../../limits/quotas/quota-file.ts';
import type { LimitStore } from './limit-store.ts';

/** How long a start waits for the quota file, so that exhausted quotas stay exhausted. */
const openingMs = 2_000;

export const memoryStore: LimitStore = {
  limiter: () => Promise.resolve(undefined),
  usage: (_, stateDirectory) => {
    const path = quotaFilePath(stateDirectory);
    return Promise.resolve({
      name: path,
      openingMs,
      refusal: async () => {
        const fault = await futureRefusalOf(path, 'secret');
        return fault === undefined ? undefined : `the quota file ${path} is refused: ${fault}`;
      },
      open: () => new QuotaFile({ path, clock: systemClock }),
    });
  },
  usageFile: quotaFilePath,
};
