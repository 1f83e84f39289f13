// Throttles callers after repeated failed authentications, before another bcrypt is spent on them: by address, by the networks around
// it, and by key id. Callers who verified before are not held up by the failures of others.
import { hash } from 'node:crypto';
import type { Charge } from '../limits/limiter.ts';
import { MemoryLimiter } from '../limits/memory-limiter.ts';
import type { Clock } from '../kernel/clock.ts';
import { addressNetworks } from '../policy/address-networks.ts';
import { pairOf } from './verified-pairs.ts';

/**
 * What is known of the caller before the key is verified. `proven`: this very key verified here before. `pair`: another key of the same
 * entry verified from the same address prefix; `keyId` is the id of the entry. `stranger`: neither.
 */
export type Standing =
  { readonly kind: 'proven' } | { readonly kind: 'pair'; readonly keyId: string } | { readonly kind: 'stranger' };

/** The very key was wrong before: to repeat it is no guess. */
export interface Refused {
  readonly kind: 'refused';
  /** Of the key. */
  readonly digest: string;
}

/**
 * A typo or two are nothing; after ten, one try in five seconds. Wider networks get a little more than one address, and far less than
 * all of their addresses together: at cost 12 a core computes about five bcrypts a second.
 */
const rates = {
  address: { requestsPerSecond: 0.2, burst: 10 },
  middle: { requestsPerSecond: 0.3, burst: 15 },
  widest: { requestsPerSecond: 0.4, burst: 20 },
} as const;

/** Buckets of each table. A flood of narrow networks evicts no wide one. */
const maxBuckets = 50_000;

interface Throttle {
  readonly limiter: MemoryLimiter;
  readonly charges: readonly Charge[];
}

export class AuthThrottle {
  readonly #byAddress: MemoryLimiter;
  readonly #byMiddle: MemoryLimiter;
  readonly #byWidest: MemoryLimiter;
  readonly #byKeyId: MemoryLimiter;
  readonly #byPair: MemoryLimiter;
  readonly #byRefused: MemoryLimiter;

  constructor(clock: Clock) {
    const table = (): MemoryLimiter => new MemoryLimiter({ clock, maxBuckets });
    this.#byAddress = table();
    this.#byMiddle = table();
    this.#byWidest = table();
    this.#byKeyId = table();
    this.#byPair = table();
    this.#byRefused = table();
  }

  /** Counts a try as failed until forgive() says otherwise. `keyId`: of the key tried, see KeyRing. Milliseconds to wait; 0: go on. */
  begin(address: string, keyId: string, standing: Standing | Refused): number {
    const throttles = this.#throttles(address, keyId, standing);
    const retryAfterMs = Math.max(0, ...throttles.map(({ limiter, charges }) => limiter.peek(charges).retryAfterMs));
    // All or none: a refused try is not counted.
    if (retryAfterMs === 0) for (const { limiter, charges } of throttles) limiter.take(charges);
    return retryAfterMs;
  }

  /** With the arguments of begin(): the key was right. */
  forgive(address: string, keyId: string, standing: Standing): void {
    for (const { limiter, charges } of this.#throttles(address, keyId, standing)) limiter.give(charges);
  }

  #throttles(address: string, keyId: string, standing: Standing | Refused): readonly Throttle[] {
    switch (standing.kind) {
      case 'proven':
        return [];
      case 'pair':
        return [{ limiter: this.#byPair, charges: charge(pairOf(standing.keyId, address), rates.address) }];
      case 'refused':
        // Of its own: a client that repeats one wrong key keeps nobody else at its address from being verified.
        return [{ limiter: this.#byRefused, charges: charge(pairOf(standing.digest, address), rates.address) }];
      case 'stranger': {
        const [group = address, ...wider] = addressNetworks(address);
        const widest = wider.pop();
        const [middle] = wider;
        const throttles = [
          { limiter: this.#byAddress, charges: charge(group, rates.address) },
          // Hashed: of a key made elsewhere it may be all of it.
          { limiter: this.#byKeyId, charges: charge(hash('sha256', keyId), rates.address) },
        ];
        if (middle !== undefined) throttles.push({ limiter: this.#byMiddle, charges: charge(middle, rates.middle) });
        if (widest !== undefined) throttles.push({ limiter: this.#byWidest, charges: charge(widest, rates.widest) });
        return throttles;
      }
    }
  }
}

function charge(id: string, rate: Charge['rate']): readonly Charge[] {
  return [{ level: 'ip', id, rate, cost: 1 }];
}
