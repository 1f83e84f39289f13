// The relay's response to an info request: encoded once for each version of the lease table and
// shared by all clients.
import type { Identity } from '../portal/identity.ts';
import { encodeLeaseList } from '../portal/packets/lease-list-writer.ts';

/** The part of the lease table that the list needs. */
interface Listing {
  readonly version: number;
  /** The leases as encoded in the response. */
  encoded(): readonly Uint8Array[];
  sweep(): void;
}

export class Directory {
  readonly #identity: Identity;
  readonly #leases: Listing;
  readonly #addresses: readonly string[];
  #list: readonly Uint8Array[] | undefined;
  #listVersion = -1;

  constructor(identity: Identity, addresses: readonly string[], leases: Listing) {
    this.#identity = identity;
    this.#addresses = addresses;
    this.#leases = leases;
  }

  /**
   * The packet in pieces, which must not be modified. Like other relays, it includes apps that ask
   * to be hidden.
   */
  respond(): readonly Uint8Array[] {
    this.#leases.sweep();
    if (this.#list === undefined || this.#listVersion !== this.#leases.version) {
      this.#list = encodeLeaseList(this.#identity, this.#addresses, this.#leases.encoded());
      this.#listVersion = this.#leases.version;
    }
    return this.#list;
  }
}
