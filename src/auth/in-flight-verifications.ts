// Lets callers wait for verifications in progress near their address. An attempt counts as a
// failure until it succeeds, so callers of one network that arrive together, as after a restart,
// look like as many failures. Decides nothing.
import { widestNetwork } from '../policy/address-networks.ts';

interface Tries {
  count: number;
  waiting: (() => void)[];
}

/** A waiting caller occupies no more than its request. */
const maxWaiting = 1024;
/** Per widest network around an address, so that one network cannot take all waiting places. */
const maxWaitingPerNetwork = 64;

export class InFlightVerifications {
  readonly #byNetwork = new Map<string, Tries>();
  #waiting = 0;

  begin(address: string): void {
    const network = widestNetwork(address);
    const tries = this.#byNetwork.get(network);
    if (tries === undefined) this.#byNetwork.set(network, { count: 1, waiting: [] });
    else tries.count += 1;
  }

  /** Each call must match an earlier begin(). */
  end(address: string): void {
    const network = widestNetwork(address);
    const tries = this.#byNetwork.get(network);
    if (tries === undefined) return;
    tries.count -= 1;
    if (tries.count === 0) this.#byNetwork.delete(network);
    const { waiting } = tries;
    tries.waiting = [];
    this.#waiting -= waiting.length;
    for (const wake of waiting) wake();
  }

  /**
   * Resolves when the next verification from the network has ended. Returns undefined when none is
   * in progress, or too many are waiting.
   */
  next(address: string): Promise<void> | undefined {
    const tries = this.#byNetwork.get(widestNetwork(address));
    if (tries === undefined || this.#waiting >= maxWaiting || tries.waiting.length >= maxWaitingPerNetwork) {
      return undefined;
    }
    this.#waiting += 1;
    return new Promise((resolve) => {
      tries.waiting.push(resolve);
    });
  }
}
