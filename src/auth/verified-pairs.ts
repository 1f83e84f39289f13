// Remembers which keys verified from which address prefixes: failures of strangers with the same
// key id neither throttle nor delay a caller that verified before. Holds no secret.
import { addressGroup } from '../kernel/net/address-group.ts';

/** About 2 MiB. Beyond this, the pair that verified longest ago is evicted. */
const defaultMaxPairs = 20_000;

export class VerifiedPairs {
  readonly #pairs = new Set<string>();
  readonly #maxPairs: number;

  constructor(maxPairs: number = defaultMaxPairs) {
    this.#maxPairs = maxPairs;
  }

  has(keyId: string, address: string): boolean {
    return this.#pairs.has(pairOf(keyId, address));
  }

  add(keyId: string, address: string): void {
    const pair = pairOf(keyId, address);
    this.#pairs.delete(pair);
    this.#pairs.add(pair);
    for (const oldest of this.#pairs) {
      if (this.#pairs.size <= this.#maxPairs) break;
      this.#pairs.delete(oldest);
    }
  }
}

/** Neither addresses nor key ids contain a space. */
export function pairOf(keyId: string, address: string): string {
  return `${keyId} ${addressGroup(address)}`;
}
