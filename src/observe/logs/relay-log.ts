// Log lines about relays: connected, lost, not reached. Lines about the leases that they list are
// in lease-log.ts.
import type { Logger } from 'pino';
import { listen, relayChanged, type RelayChanged } from '../../kernel/events.ts';

/**
 * A relay that stays unreachable gets one warning for each reason, not one for each attempt.
 * Returns a function that stops it.
 */
export function writeRelayLog(log: Logger): () => void {
  const lastFault = new Map<string, string>();
  return listen(relayChanged, (change: RelayChanged) => {
    const { relay } = change;
    switch (change.event) {
      case 'connected':
        lastFault.delete(relay);
        log.info({ relay }, 'relay connected');
        break;
      case 'lost':
        log.warn({ relay, code: change.code, reason: change.reason }, 'relay lost');
        break;
      case 'attempt_failed': {
        const { code, reason, retryInMs } = change;
        const level = lastFault.get(relay) === code ? 'debug' : 'warn';
        lastFault.set(relay, code);
        log[level]({ relay, code, reason, retry_ms: Math.round(retryInMs) }, 'cannot connect to the relay; retrying');
        break;
      }
    }
  });
}
