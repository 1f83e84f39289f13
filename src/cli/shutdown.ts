// Handles Ctrl-C and SIGTERM: the first asks every command to stop; a second one, or a timeout,
// ends the process.
import process from 'node:process';

const signals = ['SIGINT', 'SIGTERM'] as const;
/** 128 plus the signal number, the convention of shells. */
const exitCodeOf = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Enough for every command with its defaults: the longest is `start`, with 30 s
 * (gateway.shutdown_grace).
 */
const defaultStopMs = 30_000;
/** A command that still runs this long after its limit is stuck. */
const marginMs = 10_000;

export interface Shutdown {
  readonly signal: AbortSignal;
  /** Sets how long the command may take to stop, counted from now. */
  readonly stopWithin: (ms: number) => void;
  /** Restores the default handling of the signals. */
  release(): void;
}

export function onShutdown(): Shutdown {
  const abort = new AbortController();
  let received: (typeof signals)[number] | undefined;
  let timer: NodeJS.Timeout | undefined;
  const stopWithin = (ms: number): void => {
    if (received === undefined) return;
    const code = exitCodeOf[received];
    clearTimeout(timer);
    timer = setTimeout(() => process.exit(code), Math.max(ms, defaultStopMs) + marginMs).unref();
  };
  const listener = (name: (typeof signals)[number]): void => {
    if (received !== undefined) process.exit(exitCodeOf[name]);
    received = name;
    stopWithin(defaultStopMs);
    abort.abort(new DOMException(name, 'AbortError'));
  };
  for (const name of signals) process.on(name, listener);
  return {
    signal: abort.signal,
    stopWithin,
    release: () => {
      for (const name of signals) process.off(name, listener);
    },
  };
}

/** The signal that aborted `signal`, and the exit code of a command that it ended early. */
export function interruptionOf(signal: AbortSignal): { readonly name: string; readonly exitCode: number } {
  const name = isInterrupt(signal) ? 'SIGINT' : 'SIGTERM';
  return { name, exitCode: exitCodeOf[name] };
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
