// Runs asynchronous work one piece at a time, first come, first served.

export class InTurn {
  #last: Promise<unknown> = Promise.resolve();

  /** Starts once all earlier work has settled, whether it succeeded or failed. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    // Keeps no reference to the result: it may be large, and the next work may start much later.
    this.#last = result.then(nothing, nothing);
    return result;
  }
}

function nothing(): void {
  // run() returns the outcome to its caller.
}
