// The last step of connecting to a relay: an answered ping. An open websocket is not enough,
// because a frozen relay, or a proxy with no relay behind it, opens websockets and stays silent.
import { TimeLimit } from '../kernel/work/time-limit.ts';
import { PortalError } from './errors.ts';
import { parseRelayUrl } from './websocket/relay-url.ts';

interface Provable {
  readonly url: string;
  ping(): Promise<number>;
}

/**
 * Resolves when the relay has answered a ping. The session's keepalive limits a silent relay;
 * `timeoutMs` limits one that sends other things. Throws PortalError connect_timeout, dial_aborted,
 * or the error that ended the session.
 */
export async function proveAlive(session: Provable, signal: AbortSignal, timeoutMs: number): Promise<void> {
  using limit = new TimeLimit(timeoutMs);
  const given = AbortSignal.any([signal, limit.signal]);
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const stop = (): void => {
    reject(given.reason as Error);
  };
  given.addEventListener('abort', stop, { once: true });
  if (given.aborted) stop();
  try {
    await Promise.race([session.ping(), stopped]);
  } catch (error) {
    throw failure(error, parseRelayUrl(session.url).shown, signal);
  } finally {
    given.removeEventListener('abort', stop);
  }
}

function failure(error: unknown, shown: string, signal: AbortSignal): PortalError {
  if (signal.aborted) {
    return new PortalError('dial_aborted', `connecting to relay ${shown} was cancelled`, { cause: signal.reason });
  }
  const isSilent = !(error instanceof PortalError) || error.code === 'keepalive_timeout';
  if (isSilent) {
    return new PortalError(
      'connect_timeout',
      `relay ${shown} opened a websocket and then did not respond; check that the relay is not frozen, and that the address is that of a relay`,
      { cause: error },
    );
  }
  return new PortalError(error.code, `relay ${shown} opened a websocket that did not stay open: ${error.message}`, {
    cause: error,
  });
}
