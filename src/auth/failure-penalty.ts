// Owns what repeated failures cost: who has shown too many wrong keys waits, before another bcrypt is spent on him. Keys that were
// verified before are not its business, so nobody can lock another out by failing in his name.
import { hash } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import { addressGroup } from '../policy/addresses.ts';
import type { Charge } from '../guard/limiter.ts';
import { MemoryLimiter } from '../guard/memory-limiter.ts';
import { prefixCharacters } from './api-key.ts';

/** A typo or two are nothing; after ten, one try in five seconds. */
const rate = { requestsPerSecond: 0.2, burst: 10 };

export class FailurePenalty {
  readonly #failures: MemoryLimiter;

  constructor(clock: Clock) {
    this.#failures = new MemoryLimiter({ clock });
  }

  /** Counts a try as failed until forgive() says otherwise. Milliseconds to wait; 0: go on. */
  begin(address: string, key: string): number {
    return this.#failures.take(charges(address, key)).retryAfterMs;
  }

  forgive(address: string, key: string): void {
    this.#failures.give(charges(address, key));
  }
}

/** A key that was made elsewhere may be no longer than a key id: its digest is kept, as of all. */
function charges(address: string, key: string): Charge[] {
  return [
    { level: 'ip', id: addressGroup(address), rate, cost: 1 },
    { level: 'key', id: hash('sha256', key.slice(0, prefixCharacters)), rate, cost: 1 },
  ];
}
