// Publishes leases for as long as their listeners want: on each new session of the relay again, and
// after a backoff where the relay refuses one. relay-client.ts provides the sessions.
import type { LeaseOffer } from '../lease.ts';
import type { RelayClientEvent } from '../relay-client-event.ts';
import type { SecurePipe } from '../secure/secure-pipe.ts';
import type { Session } from '../session.ts';
import { AcceptQueue } from './accept-queue.ts';
import type { PublishedLease } from './publishers.ts';

export interface ListenOptions extends LeaseOffer {
  /** Ends the iteration at once. */
  readonly signal?: AbortSignal;
  /**
   * Stops renewing. The iteration continues until another connection holds the lease, or for about
   * one renewal interval (10 s), and then ends.
   */
  readonly handOver?: AbortSignal;
}

export interface RepublishOptions {
  readonly relay: string;
  /** Undefined: not connected. */
  readonly session: () => Session | undefined;
  /** Milliseconds to wait after the given number of refusals. */
  readonly backoffMs: (refusals: number) => number;
  readonly log: ((event: RelayClientEvent) => void) | undefined;
}

interface Listener {
  readonly offer: LeaseOffer;
  readonly queue: AcceptQueue<SecurePipe>;
  publication: PublishedLease | undefined;
  retry: NodeJS.Timeout | undefined;
  refusals: number;
  /** The lease is no longer renewed or published again. */
  isHandingOver: boolean;
}

const acceptCapacity = 256;

export class RepublishedLeases {
  readonly #options: RepublishOptions;
  readonly #listeners = new Set<Listener>();
  #closed = false;

  constructor(options: RepublishOptions) {
    this.#options = options;
  }

  listen(options: ListenOptions): AcceptQueue<SecurePipe> {
    const { signal, handOver } = options;
    const stop = (): void => {
      signal?.removeEventListener('abort', stop);
      handOver?.removeEventListener('abort', leave);
      if (this.#unlisten(listener)) void listener.publication?.stop();
    };
    const leave = (): void => {
      void this.#handOver(listener).finally(stop);
    };
    const queue = new AcceptQueue<SecurePipe>(acceptCapacity, stop);
    const listener: Listener = {
      offer: options,
      queue,
      publication: undefined,
      retry: undefined,
      refusals: 0,
      isHandingOver: false,
    };
    this.#listeners.add(listener);
    signal?.addEventListener('abort', stop, { once: true });
    handOver?.addEventListener('abort', leave, { once: true });
    const session = this.#options.session();
    if (signal?.aborted === true || handOver?.aborted === true || this.#closed) stop();
    else if (session !== undefined) this.#publish(session, listener);
    return queue;
  }

  /** A session is established. */
  up(session: Session): void {
    for (const listener of this.#listeners) if (!listener.isHandingOver) this.#publish(session, listener);
  }

  /** The session has ended; the next one publishes all leases again. */
  down(): void {
    for (const listener of this.#listeners) clearTimeout(listener.retry);
  }

  /** Ends all iterations without deleting the leases. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const listener of [...this.#listeners]) this.#unlisten(listener);
  }

  #publish(session: Session, listener: Listener): void {
    const { offer, queue } = listener;
    const { relay, log } = this.#options;
    const { name, credential } = offer;
    const leaseId = credential.id;
    listener.publication = session.publish(offer, (tunnel) => queue.offer(tunnel), {
      published: () => {
        log?.({ type: 'published', relay, leaseId, name });
      },
      // A relay may accept a lease and reject its first renewal, repeatedly.
      renewed: () => {
        listener.refusals = 0;
      },
      contested: (expiresAtMs) => {
        log?.({ type: 'lease_contested', relay, leaseId, name, expiresAtMs });
      },
      refused: (error) => {
        log?.({ type: 'publish_failed', relay, name, error });
        // A name is free once the lease that holds it expires, up to 45 s after its last renewal.
        listener.refusals += 1;
        listener.retry = setTimeout(() => {
          const current = this.#options.session();
          if (current !== undefined && this.#listeners.has(listener)) this.#publish(current, listener);
        }, this.#options.backoffMs(listener.refusals));
      },
      clientRefused: (refusal) => {
        log?.({ type: 'client_refused', relay, name, ...refusal });
      },
    });
  }

  async #handOver(listener: Listener): Promise<void> {
    listener.isHandingOver = true;
    clearTimeout(listener.retry);
    if (this.#options.session() !== undefined) await listener.publication?.handOver();
  }

  /** Returns false if it had already ended. */
  #unlisten(listener: Listener): boolean {
    if (!this.#listeners.delete(listener)) return false;
    clearTimeout(listener.retry);
    listener.queue.close();
    return true;
  }
}
