// Logs clock skew: of a relay when it begins, changes or ends; of an app once a minute for each
// relay.
import type { Logger } from 'pino';
import type { Clock } from '../../kernel/clock.ts';
import { RelaySkewLines, skewText } from '../../kernel/clock-skew.ts';
import { clockCompared, listen, type ClockCompared } from '../../kernel/events.ts';

/** Each request to such an app causes a failed handshake. */
const appEveryMs = 60_000;

/** Returns a function that stops it. */
export function writeClockLog(log: Logger, { monotonicMs }: Pick<Clock, 'monotonicMs'>): () => void {
  const ofRelays = new RelaySkewLines();
  /** Relay -> time of the last line about an app on it. */
  const appsLoggedMs = new Map<string, number>();
  return listen(clockCompared, ({ relay, leaseId, skewSeconds }: ClockCompared) => {
    const fields = { relay, lease_id: leaseId, clock_skew_seconds: Math.round(skewSeconds) };
    if (leaseId !== undefined) {
      if (monotonicMs() - (appsLoggedMs.get(relay) ?? -Infinity) < appEveryMs) return;
      appsLoggedMs.set(relay, monotonicMs());
      log.warn(fields, `${skewText(skewSeconds, 'this machine', "the app's")}; requests to it get 502 clock_skew`);
      return;
    }
    const line = ofRelays.take(relay, skewSeconds);
    if (line !== undefined) log[line.isFault ? 'warn' : 'info'](fields, line.text);
  });
}
