// Logs where rate limits are counted.
import type { Logger } from 'pino';
import { limitsStoreChanged, listen, type LimitsStoreChanged } from '../../kernel/events.ts';

/** One line for each change. Returns a function that stops it. */
export function writeLimitsLog(log: Logger): () => void {
  return listen(limitsStoreChanged, ({ state, reason }: LimitsStoreChanged) => {
    if (state === 'shared') log.info('Redis is available again: rate limits are shared');
    else
      log.warn(
        { reason },
        'Redis is unavailable: this gateway applies the rate limits on its own until Redis recovers',
      );
  });
}
