// Reports for the log when a request names a lease that does not exist, but another has nearly its
// name. Callers do not learn it: it would reveal the names of leases to them.
import type { Clock } from '../../kernel/clock.ts';
import { leaseMissed } from '../../kernel/events.ts';
import { foldName, leaseIdIn } from '../../kernel/lease-name.ts';
import { didYouMean } from '../../kernel/near-name.ts';
import type { Exchange } from '../stage.ts';

/** Callers choose the names, so the work for them is bounded: the rest is not looked up. */
const maxLooks = 10;
const windowMs = 60_000;
const maxNameCharacters = 40;
/** Of the rules and of the lists; comparing 500 names of 40 characters takes about 5 ms. */
const maxVisited = 5_000;
const maxCompared = 250;

export class NearLeases {
  readonly #names: () => Iterable<string>;
  readonly #clock: Clock;
  #left = maxLooks;
  #untilMs = Number.NEGATIVE_INFINITY;

  /** `names`: the folded names in the lease lists. */
  constructor(names: () => Iterable<string>, clock: Clock) {
    this.#names = names;
    this.#clock = clock;
  }

  /** Call for a request that is rejected because no rule or no list has its lease. */
  report(exchange: Exchange): void {
    const name = exchange.route?.lease ?? '';
    if (!leaseMissed.hasSubscribers || name === '' || name.length > maxNameCharacters) return;
    if (leaseIdIn(name) !== undefined || !this.#take()) return;
    // After the response: its time must not depend on the leases that exist.
    setImmediate(() => {
      this.#publish(exchange, name);
    });
  }

  #publish({ id, policy }: Exchange, name: string): void {
    const folded = foldName(name);
    const candidates = [...likely(folded, exactRules(policy.acl)), ...likely(folded, this.#names())];
    // The name exists: the request was rejected for another reason.
    if (candidates.includes(folded)) return;
    const near = didYouMean(folded, candidates);
    if (near !== undefined) leaseMissed.publish({ requestId: id, name, near });
  }

  #take(): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#untilMs) [this.#untilMs, this.#left] = [nowMs + windowMs, maxLooks];
    this.#left -= 1;
    return this.#left >= 0;
  }
}

function* exactRules(acl: Readonly<Record<string, unknown>>): Generator<string> {
  for (const pattern in acl) if (!pattern.endsWith('*')) yield foldName(pattern);
}

/** Names of similar length that share the first or the last letter. */
function likely(name: string, names: Iterable<string>): string[] {
  const found: string[] = [];
  let visited = 0;
  for (const candidate of names) {
    visited += 1;
    if (visited > maxVisited || found.length === maxCompared) break;
    if (Math.abs(candidate.length - name.length) > 3) continue;
    if (candidate.startsWith(name.charAt(0)) || candidate.endsWith(name.slice(-1))) found.push(candidate);
  }
  return found;
}
