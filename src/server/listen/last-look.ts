// Closes idle connections without losing a request that has already arrived: each is checked once
// more after the event loop has read every socket. A request can still arrive between that check
// and the FIN; HTTP/1.1 has no way to prevent this (RFC 9112 §9.5).

export interface Departing {
  /**
   * Called after the event loop has read all input that had arrived. Closes the connection unless
   * it now has a request. Must not throw.
   */
  leave(): void;
}

/**
 * Closing one takes about 10 µs, so the last of a batch was read less than a millisecond before its
 * FIN.
 */
const batchSize = 64;

export class LastLook {
  /** A set, because a connection may be added twice. */
  readonly #departing = new Set<Departing>();
  #scheduled = false;

  add(departing: Departing): void {
    this.#departing.add(departing);
    if (this.#scheduled) return;
    this.#scheduled = true;
    afterPoll(this.#pass);
  }

  readonly #pass = (): void => {
    let left = batchSize;
    for (const departing of this.#departing) {
      if (left === 0) break;
      left -= 1;
      this.#departing.delete(departing);
      departing.leave();
    }
    // The next immediate runs after the next poll.
    if (this.#departing.size > 0) setImmediate(this.#pass);
    else this.#scheduled = false;
  };
}

/**
 * Calls back after one complete poll of the event loop: the first immediate may run without a poll,
 * or in the middle of one.
 */
function afterPoll(callback: () => void): void {
  setImmediate(setImmediate, callback);
}
