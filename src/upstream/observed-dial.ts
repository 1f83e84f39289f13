// Opens a tunnel and reports how long the dial took and its outcome.
import type { Clock } from '../kernel/clock.ts';
import { GatewayError } from '../kernel/errors/gateway-error.ts';
import { clockCompared, dialFinished } from '../kernel/events.ts';
import { ClockSkewError } from '../portal/errors.ts';
import { dialFault } from './upstream-errors.ts';
import type { Transport, Tunnel } from './transport.ts';

export async function dial(transport: Transport, leaseId: string, signal: AbortSignal, clock: Clock): Promise<Tunnel> {
  const startedMs = clock.monotonicMs();
  const publish = (outcome: string): void => {
    if (!dialFinished.hasSubscribers) return;
    dialFinished.publish({ relay: transport.relay, leaseId, outcome, durationMs: clock.monotonicMs() - startedMs });
  };
  try {
    const tunnel = await transport.dial({ id: leaseId }, { alpn: 'http/1.1', signal });
    publish(signal.aborted ? abortedAs(signal) : 'ok');
    return tunnel;
  } catch (error) {
    if (error instanceof ClockSkewError && error.peer === 'app' && error.skewSeconds !== undefined)
      clockCompared.publish({ relay: transport.relay, leaseId, skewSeconds: error.skewSeconds });
    publish(signal.aborted ? abortedAs(signal) : dialFault(error).code);
    throw error;
  }
}

/**
 * The code of the pool's reason, such as a timeout. A dial that is no longer needed is aborted
 * without one.
 */
function abortedAs({ reason }: AbortSignal): string {
  return reason instanceof GatewayError ? reason.code : 'aborted';
}
