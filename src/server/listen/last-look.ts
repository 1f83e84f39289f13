// Ends idle connections without losing a request that is already here: each is looked at once more after the event loop has read
// every socket. Between that look and the FIN a request can still arrive; HTTP/1.1 has no way to rule that out (RFC 9112 §9.5).

export interface Departing {
  /** The loop has read all that had arrived. Ends the connection, unless there is a request on it now. Must not throw. */
  leave(): void;
}

/** Ending one takes some 10 us, so that the last of a batch is read less than a millisecond before its FIN. */
const batchSize = 64;

export class LastLook {
  /** A set: a connection may be added twice. */
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

/** Calls back after the event loop has polled once from the beginning: the first immediate may run without, or in the middle of one. */
function afterPoll(callback: () => void): void {
  setImmediate(setImmediate, callback);
}
