// Remembers which keys verified from which address prefixes: a caller who was here before is neither throttled nor delayed by what
// strangers do with the same key id. Knows no secret.
import { addressGroup } from '../policy/addresses.ts';

/** About 2 MiB. Beyond it, the pair that verified longest ago counts as new. */
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

/** No address has a space, and no key id. */
export function pairOf(keyId: string, address: string): string {
  return `${keyId} ${addressGroup(address)}`;
}
