// Owns the life of one lease on one session: registers it, renews it before it expires, withdraws it. Knows nothing of the
// connections that come in under it, and leaves coming back on another session to its caller.
import { TimeLimit } from '../kernel/time-limit.ts';
import { PortalError } from './errors.ts';
import type { LeaseOffer } from './lease.ts';
import { requestLeaseDelete, requestLeaseUpdate } from './control-requests.ts';
import { ResponseCode } from './packets/packets.ts';
import type { Mux } from './yamux/session.ts';

/** What the Go app asks for (portal-protocol §3). */
const ttlMs = 30_000;
/** Two renewals may be lost before the lease is. */
const renewEveryMs = 10_000;
/** A lease request with a bad signature gets no answer at all. */
const answerTimeoutMs = 10_000;
/** Withdrawing is a courtesy: a lease that is not renewed expires. */
const withdrawTimeoutMs = 1_000;

export interface PublishObserver {
  /** The relay took the lease; called once. */
  published(): void;
  /** The relay refused the lease, now or at a renewal. The last call. */
  refused(error: PortalError): void;
}

export class Publication {
  readonly #mux: Mux;
  readonly #offer: LeaseOffer;
  readonly #nowMs: () => number;
  readonly #observer: PublishObserver;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #published = false;

  constructor(mux: Mux, offer: LeaseOffer, nowMs: () => number, observer: PublishObserver) {
    this.#mux = mux;
    this.#offer = offer;
    this.#nowMs = nowMs;
    this.#observer = observer;
    void this.#update();
  }

  /** Withdraws the lease, as far as the session still carries the request. Idempotent. */
  async stop(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#end();
    if (!this.#published || this.#mux.state === 'closed') return;
    using limit = new TimeLimit(withdrawTimeoutMs);
    try {
      await requestLeaseDelete(this.#mux, this.#offer.credential, this.#nowMs(), limit.signal);
    } catch {
      // The session is gone, and the lease with it; or the relay is deaf, and the lease expires.
    }
  }

  async #update(): Promise<void> {
    using limit = new TimeLimit(answerTimeoutMs);
    try {
      const signal = AbortSignal.any([this.#stop.signal, limit.signal]);
      const nowMs = this.#nowMs();
      const code = await requestLeaseUpdate(this.#mux, this.#offer, { nowMs, expiresAtMs: nowMs + ttlMs }, signal);
      if (this.#stop.signal.aborted) return;
      if (code !== ResponseCode.ACCEPTED) {
        this.#refused(refusal(code, this.#offer.name));
        return;
      }
      if (!this.#published) {
        this.#published = true;
        this.#observer.published();
      }
    } catch (error) {
      if (this.#stop.signal.aborted || this.#mux.state === 'closed') return;
      if (!this.#published) {
        const what = error instanceof PortalError ? error.message : 'it did not answer in time';
        this.#refused(
          new PortalError('lease_timeout', `the relay did not take the lease "${this.#offer.name}": ${what}`, {
            cause: error,
          }),
        );
        return;
      }
      // A renewal may fail twice before the lease expires; a dead session is the keepalive's to find.
    }
    this.#timer = setTimeout(() => void this.#update(), renewEveryMs);
  }

  #refused(error: PortalError): void {
    this.#end();
    this.#observer.refused(error);
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#stop.abort();
  }
}

function refusal(code: number, name: string): PortalError {
  if (code === ResponseCode.REJECTED) {
    return new PortalError(
      'lease_rejected',
      `the relay rejected the lease "${name}": another identity holds the name, or a limit of the relay is reached`,
    );
  }
  return new PortalError('lease_refused', `the relay refused the lease "${name}" with code ${code}`);
}
