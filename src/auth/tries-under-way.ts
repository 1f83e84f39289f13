// Owns who waits until it is known what became of others' keys: a try counts as a failure until it turns out right, so the callers of
// one address who come all at once, after a start, look like as many failures. Judges nobody.
import { addressGroup } from '../policy/addresses.ts';

interface Tries {
  count: number;
  waiting: (() => void)[];
}

/** Of all addresses. */
const mostWaiting = 64;

export class TriesUnderWay {
  readonly #byAddress = new Map<string, Tries>();
  #waiting = 0;

  begin(address: string): void {
    const group = addressGroup(address);
    const tries = this.#byAddress.get(group);
    if (tries === undefined) this.#byAddress.set(group, { count: 1, waiting: [] });
    else tries.count += 1;
  }

  /** Of one that began. */
  end(address: string): void {
    const group = addressGroup(address);
    const tries = this.#byAddress.get(group);
    if (tries === undefined) return;
    tries.count -= 1;
    if (tries.count === 0) this.#byAddress.delete(group);
    const { waiting } = tries;
    tries.waiting = [];
    this.#waiting -= waiting.length;
    for (const wake of waiting) wake();
  }

  /** When the next try from the address has ended. Undefined: none is under way, or too many wait already. */
  next(address: string): Promise<void> | undefined {
    const tries = this.#byAddress.get(addressGroup(address));
    if (tries === undefined || this.#waiting >= mostWaiting) return undefined;
    this.#waiting += 1;
    return new Promise((resolve) => {
      tries.waiting.push(resolve);
    });
  }
}
