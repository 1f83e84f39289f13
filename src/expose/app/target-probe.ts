// Checks whether the app accepts connections. Sends no request.
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { Deadlines } from '../../kernel/work/deadlines.ts';
import type { AppFault } from './app-fault.ts';
import { LocalDial } from './local-dial.ts';
import type { Target } from './target.ts';

/**
 * Resolves with the fault that requests would get, or undefined if the app accepts connections or
 * `signal` was aborted. Never rejects.
 */
export function probeTarget(
  target: Target,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<AppFault | undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const done = (fault?: AppFault): void => {
      signal.removeEventListener('abort', stop);
      resolve(fault);
    };
    const stop = (): void => {
      dial.abort();
      done();
    };
    const local = { target, tlsSession: undefined, loopbackAddress: undefined };
    const dial = new LocalDial(local, new Deadlines(clock), {
      connected: (pipe) => {
        pipe.destroy();
        done();
      },
      failed: done,
    });
    signal.addEventListener('abort', stop, { once: true });
  });
}
