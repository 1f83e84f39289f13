// Runs asynchronous work one piece at a time, in the order in which it was given.

export class InTurn {
  #last: Promise<unknown> = Promise.resolve();

  /** Begins once everything given before is over, whatever came of it. */
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
