// The leases that one session publishes, by lease id: at most one publication of each.
import { PortalError } from '../errors.ts';
import type { LeaseOffer } from '../lease.ts';
import type { SecurePipe } from '../secure/secure-pipe.ts';
import type { Mux } from '../yamux/mux.ts';
import type { ClientRefusal, Publisher } from './accept.ts';
import { Publication, type PublicationOptions, type PublishObserver } from './publication.ts';

/** A lease published on a session. */
export interface PublishedLease {
  /**
   * Stops accepting connections and renewing. Resolves once it is known which connection holds the
   * lease, after at most one renewal interval. Deletes the lease if only this session publishes it.
   */
  stop(): Promise<void>;
  /**
   * As stop, but accepts connections until it resolves: another process may have published the same
   * lease.
   */
  handOver(): Promise<void>;
  /** Stops accepting connections, renewing and waiting, and sends nothing. */
  release(): void;
}

export class Publishers {
  readonly #times: PublicationOptions;
  readonly #publishers = new Map<string, Publisher & { readonly publication: Publication }>();

  constructor(times: PublicationOptions) {
    this.#times = times;
  }

  get(leaseId: string): Publisher | undefined {
    return this.#publishers.get(leaseId);
  }

  /** Throws PortalError lease_rejected if the lease is already published here. */
  publish(
    mux: Mux,
    offer: LeaseOffer,
    deliver: (tunnel: SecurePipe) => boolean,
    observer: PublishObserver,
  ): PublishedLease {
    const { id } = offer.credential;
    if (this.#publishers.has(id))
      throw new PortalError('lease_rejected', `this session already publishes the lease ${id}`);
    const publication = new Publication(mux, offer, this.#times, {
      published: () => {
        observer.published();
      },
      renewed: () => {
        observer.renewed?.();
      },
      contested: (expiresAtMs) => {
        observer.contested?.(expiresAtMs);
      },
      refused: (error) => {
        this.#publishers.delete(id);
        observer.refused(error);
      },
    });
    const refused = (refusal: ClientRefusal): void => observer.clientRefused?.(refusal);
    this.#publishers.set(id, { offer, deliver, publication, refused });
    const refuse = (): void => {
      if (this.#publishers.get(id)?.publication === publication) this.#publishers.delete(id);
    };
    return {
      stop: () => {
        refuse();
        return publication.withdraw();
      },
      handOver: () => publication.withdraw().finally(refuse),
      release: () => {
        refuse();
        publication.release();
      },
    };
  }

  /** Releases all publications. Idempotent. */
  release(): void {
    for (const { publication } of this.#publishers.values()) publication.release();
    this.#publishers.clear();
  }
}
