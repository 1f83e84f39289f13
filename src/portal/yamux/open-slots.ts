// Limits our streams that wait for their ACK, and queues further opens.
import { PortalError } from '../errors.ts';
import type { Pipe } from './pipe.ts';

/** Maximum of queued callers: a longer queue is a sign of trouble and would not help. */
const maxWaiting = 4_096;

interface Waiter {
  readonly resolve: (pipe: Pipe) => void;
  readonly reject: (error: PortalError) => void;
  readonly signal: AbortSignal | undefined;
  readonly windowHolder: string | undefined;
  readonly onAbort: () => void;
}

export class OpenSlots {
  readonly #slots: number;
  readonly #open: (windowHolder: string | undefined) => Pipe;
  readonly #waiters = new Set<Waiter>();
  #used = 0;

  /** `open` must call take() for its slot. It may throw a PortalError. */
  constructor(slots: number, open: (windowHolder: string | undefined) => Pipe) {
    this.#slots = slots;
    this.#open = open;
  }

  request(signal: AbortSignal | undefined, windowHolder: string | undefined): Promise<Pipe> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) reject(aborted(signal));
      else if (this.#used < this.#slots) resolve(this.#open(windowHolder));
      else if (this.#waiters.size >= maxWaiting)
        reject(new PortalError('too_many_streams', `${maxWaiting} callers are already waiting for a stream`));
      else {
        const onAbort = (): void => {
          this.#waiters.delete(waiter);
          reject(aborted(signal));
        };
        const waiter: Waiter = { resolve, reject, signal, windowHolder, onAbort };
        signal?.addEventListener('abort', onAbort, { once: true });
        this.#waiters.add(waiter);
      }
    });
  }

  take(): void {
    this.#used += 1;
  }

  free(): void {
    this.#used -= 1;
    for (const waiter of this.#waiters) {
      if (this.#used >= this.#slots) return;
      this.#remove(waiter);
      try {
        waiter.resolve(this.#open(waiter.windowHolder));
      } catch (error) {
        waiter.reject(error as PortalError);
      }
    }
  }

  rejectAll(error: PortalError): void {
    for (const waiter of this.#waiters) {
      this.#remove(waiter);
      waiter.reject(error);
    }
  }

  #remove(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    waiter.signal?.removeEventListener('abort', waiter.onAbort);
  }
}

function aborted(signal: AbortSignal | undefined): PortalError {
  return new PortalError('dial_aborted', 'cancelled before a stream was opened', { cause: signal?.reason });
}
