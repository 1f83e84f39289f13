// Splits long work into slices, so that the event loop serves requests in between. Work is a
// generator that yields after each small step; the result does not depend on the slicing.

/** Work that yields after each small step. */
export type Steps<T> = Generator<undefined, T>;

/** Calls `use` once for each item, one step each. */
export function* each<T>(items: Iterable<T>, use: (item: T) => void): Steps<void> {
  for (const item of items) {
    use(item);
    yield;
  }
}

/**
 * Well below the 10 ms for which one piece of work may block the loop: a garbage collection
 * may add to it.
 */
const sliceMs = 4;

/**
 * Use one for each piece of work, or for several in a row: the time of a slice is counted across
 * all of them.
 */
export class Slices {
  #untilMs = Number.NEGATIVE_INFINITY;

  async run<T>(work: Generator<unknown, T>): Promise<T> {
    for (;;) {
      if (performance.now() >= this.#untilMs) {
        await nextTurn();
        this.#untilMs = performance.now() + sliceMs;
      }
      const step = work.next();
      if (step.done === true) return step.value;
    }
  }
}

/** Runs without pausing: for small work, and where no request is waiting. */
export function atOnce<T>(work: Generator<unknown, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** Resolves after the I/O that is ready now. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
