// Cuts long work into slices, so that the event loop serves requests in between. Work is a generator that yields after each small
// step; its result is the same as if it ran in one go.

/** Work that yields after each small step. */
export type Steps<T> = Generator<undefined, T>;

/** `use` is called once for each item, a step each. */
export function* each<T>(items: Iterable<T>, use: (item: T) => void): Steps<void> {
  for (const item of items) {
    use(item);
    yield;
  }
}

/** Well below the 10 ms that one piece of work may hold the loop: a garbage collection may come on top. */
const sliceMs = 4;

/** One for each piece of work, or for several that follow each other: the time of a slice counts over all of them. */
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

/** In one go: for little work, and where no request waits. */
export function atOnce<T>(work: Generator<unknown, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** After the input and output that is ready now. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
