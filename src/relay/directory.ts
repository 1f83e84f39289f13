// Owns the relay's answer to an info request: made once for each state of the lease table and shared by all who ask.
import type { Identity } from '../portal/identity.ts';
import { encodePacket } from '../portal/packets/packets.ts';
import type { WireLease } from '../portal/packets/wire-types.ts';

/** The part of the lease table that is listed. */
interface Listing {
  readonly version: number;
  list(): WireLease[];
  sweep(): void;
}

export class Directory {
  readonly #identity: Identity;
  readonly #leases: Listing;
  readonly #addresses: readonly string[];
  #answer: Buffer | undefined;
  #answerVersion = -1;

  constructor(identity: Identity, addresses: readonly string[], leases: Listing) {
    this.#identity = identity;
    this.#addresses = addresses;
    this.#leases = leases;
  }

  /** The packet, ready to be sent and not to be written into. As real relays do, it lists apps that ask to be hidden. */
  answer(): Buffer {
    this.#leases.sweep();
    if (this.#answer === undefined || this.#answerVersion !== this.#leases.version) {
      const { id, publicKey } = this.#identity;
      this.#answer = encodePacket({
        type: 'relayInfoResponse',
        relayInfo: { identity: { id, publicKey }, address: this.#addresses, leases: this.#leases.list() },
      });
      this.#answerVersion = this.#leases.version;
    }
    return this.#answer;
  }
}
