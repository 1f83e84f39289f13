// Owns what the log says of the relays: that one is there, is lost, or stays away, and that it leads a name elsewhere than before.
import type { Logger } from 'pino';
import { leaseMoved, listen, relayChanged, type LeaseMoved, type RelayChanged } from '../kernel/events.ts';

/** A relay that stays away is worth one warning for each reason, not one for each attempt. Returns its end. */
export function writeRelayLog(log: Logger): () => void {
  const lastFault = new Map<string, string>();
  const moves = listen(leaseMoved, ({ name, from, to }: LeaseMoved) => {
    log.warn(
      { name, from, to },
      'the name of a lease leads to another id than before; portal.lease_pins can forbid it',
    );
  });
  const changes = listen(relayChanged, (change: RelayChanged) => {
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
        log[level]({ relay, code, reason, retry_ms: Math.round(retryInMs) }, 'relay not reached, trying on');
        break;
      }
    }
  });
  return () => {
    moves();
    changes();
  };
}
