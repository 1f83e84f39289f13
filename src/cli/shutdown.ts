// Ctrl-C and SIGTERM: the first asks every command to stop, the second stops the process, and so does time.
import process from 'node:process';

const signals = ['SIGINT', 'SIGTERM'] as const;
/** 128 and the signal's number, as shells count. */
const exitCodeOf = { SIGINT: 130, SIGTERM: 143 } as const;

/** Enough for every command with its defaults: the longest is `start`, with 30 s (gateway.shutdown_grace). */
const defaultStopMs = 30_000;
/** A command that has not ended so long after it should have never will. */
const marginMs = 10_000;

export interface Shutdown {
  readonly signal: AbortSignal;
  /** How long the command needs at most to stop, from now on. */
  readonly stopWithin: (ms: number) => void;
  /** The signals do again what they did before. */
  release(): void;
}

export function onShutdown(): Shutdown {
  const abort = new AbortController();
  let asked: (typeof signals)[number] | undefined;
  let timer: NodeJS.Timeout | undefined;
  const stopWithin = (ms: number): void => {
    if (asked === undefined) return;
    const code = exitCodeOf[asked];
    clearTimeout(timer);
    timer = setTimeout(() => process.exit(code), Math.max(ms, defaultStopMs) + marginMs).unref();
  };
  const listener = (name: (typeof signals)[number]): void => {
    if (asked !== undefined) process.exit(exitCodeOf[name]);
    asked = name;
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
