// Throttles callers after repeated failed authentications, before another bcrypt is spent on them:
// by address, by the networks around it, and by key id. Callers who verified before are not held up
// by the failures of others.
import { hash } from 'node:crypto';
import type { Charge } from '../limits/limiter.ts';
import { MemoryLimiter } from '../limits/memory-limiter.ts';
import type { Clock } from '../kernel/clock.ts';
import { addressNetworks } from '../policy/address-networks.ts';
import { pairOf } from './verified-pairs.ts';

/**
 * What is known of the caller before the key is verified. `proven`: this very key verified here
 * before. `pair`: another key of the same entry verified from the same address prefix; `keyId` is
 * the id of the entry. `stranger`: neither.
 */
export type Standing =
  { readonly kind: 'proven' } | { readonly kind: 'pair'; readonly keyId: string } | { readonly kind: 'stranger' };

/** This very key was wrong before: repeating it guesses nothing. */
export interface Refused {
  readonly kind: 'refused';
  /** Digest of the key. */
  readonly digest: string;
}

/**
 * Tolerates a few typos; after ten failures, one attempt every five seconds. Wider networks get
 * slightly more than one address, and far less than all of their addresses together: at cost 12 a
 * core computes about five bcrypts a second.
 */
const rates = {
  address: { requestsPerSecond: 0.2, burst: 10 },
  middle: { requestsPerSecond: 0.3, burst: 15 },
  widest: { requestsPerSecond: 0.4, burst: 20 },
} as const;

/**
 * Buckets per table. Each network width has its own table, so a flood of narrow networks evicts no
 * wide one.
 */
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

  /**
   * Counts an attempt as failed until forgive() refunds it. `keyId`: id of the presented key, see
   * KeyRing. Returns the milliseconds to wait; 0 means go on.
   */
  begin(address: string, keyId: string, standing: Standing | Refused): number {
    const throttles = this.#throttles(address, keyId, standing);
    const retryAfterMs = Math.max(0, ...throttles.map(({ limiter, charges }) => limiter.peek(charges).retryAfterMs));
    // All buckets or none: a throttled attempt is not counted.
    if (retryAfterMs === 0) for (const { limiter, charges } of throttles) limiter.take(charges);
    return retryAfterMs;
  }

  /** Refunds an attempt whose key proved right. Takes the same arguments as begin(). */
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
        // A bucket of its own: a client that repeats one wrong key does not stop others at its
        // address from being verified.
        return [{ limiter: this.#byRefused, charges: charge(pairOf(standing.digest, address), rates.address) }];
      case 'stranger': {
        const [group = address, ...wider] = addressNetworks(address);
        const widest = wider.pop();
        const [middle] = wider;
        const throttles = [
          { limiter: this.#byAddress, charges: charge(group, rates.address) },
          // Hashed, because the id of a foreign key may be the whole key.
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
