// Runs asynchronous work one piece at a time, first come, first served.

export class InTurn {
  #last: Promise<unknown> = Promise.resolve();

  /** Begins once all earlier work has settled, failed or not. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    // Without the result: it may be large, and the next piece of work may come much later.
    this.#last = result.then(nothing, nothing);
    return result;
  }
}

function nothing(): void {
  // run() returns the outcome to its caller.
}
