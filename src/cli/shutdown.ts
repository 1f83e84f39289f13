// Ctrl-C and SIGTERM: the first asks every command to stop, the second stops the process, and so does time.
import process from 'node:process';

const signals = ['SIGINT', 'SIGTERM'] as const;
/** 128 and the signal's number, as shells count. */
const exitCodeOf = { SIGINT: 130, SIGTERM: 143 } as const;

/** Longer than the longest drain (gateway.shutdown_grace, 30 s): what has not ended by then never will. */
const longestShutdownMs = 40_000;

export interface Shutdown {
  readonly signal: AbortSignal;
  /** The signals do again what they did before. */
  release(): void;
}

export function onShutdown(): Shutdown {
  const abort = new AbortController();
  const listener = (name: 'SIGINT' | 'SIGTERM'): void => {
    if (abort.signal.aborted) process.exit(exitCodeOf[name]);
    setTimeout(() => process.exit(exitCodeOf[name]), longestShutdownMs).unref();
    abort.abort(new DOMException(name, 'AbortError'));
  };
  for (const name of signals) process.on(name, listener);
  return {
    signal: abort.signal,
    release: () => {
      for (const name of signals) process.off(name, listener);
    },
  };
}

/** `signal` was aborted by SIGINT (Ctrl-C). */
export function isInterrupt(signal: AbortSignal): boolean {
  return signal.reason instanceof DOMException && signal.reason.message === 'SIGINT';
}

/** Resolves when `signal` aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener(
      'abort',
      () => {
        resolve();
      },
      { once: true },
    );
  });
}
