// Logs where rate limits are counted.
import type { Logger } from 'pino';
import { limitsStoreChanged, listen, type LimitsStoreChanged } from '../../kernel/events.ts';

/** One line for each change. Returns a function that stops it. */
export function writeLimitsLog(log: Logger): () => void {
  return listen(limitsStoreChanged, ({ state, reason }: LimitsStoreChanged) => {
    if (state === 'shared') log.info('Redis answers: rate limits are shared again');
    else log.warn({ reason }, 'Redis can not be asked: this gateway applies the rate limits by itself until it can');
  });
}
