// Log lines about tokens of language models: one for each counted response.
import type { Logger } from 'pino';
import { listen, llmUsage, type LlmTokens, type LlmUsage } from '../../kernel/events.ts';

/** Returns a function that stops it. */
export function writeUsageLog(log: Logger): () => void {
  return listen(
    llmUsage,
    ({ requestId, leaseId, keyId, reported, estimated, unknown, suspicious, unread }: LlmUsage) => {
      const line = {
        request_id: requestId,
        lease_id: leaseId,
        key_id: keyId,
        tokens_reported: withoutZeros(reported),
        tokens_estimated: withoutZeros(estimated),
        unknown_usage: unknown,
        unread,
      };
      if (suspicious)
        log.warn(line, 'the app reported more tokens than its response can have used; charged at the maximum');
      else log.info(line, 'llm usage');
    },
  );
}

/** Undefined: all are zero. */
function withoutZeros(tokens: LlmTokens): Partial<LlmTokens> | undefined {
  const counted = Object.entries(tokens).filter(([, count]) => count !== 0);
  return counted.length === 0 ? undefined : Object.fromEntries(counted);
}
