// Runs asynchronous work one piece at a time, first come, first served.
import { ignore } from '../ignore.ts';

export class InTurn {
  #last: Promise<unknown> = Promise.resolve();

  /** Starts once all earlier work has settled, whether it succeeded or failed. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    // Keeps no reference to the result: it may be large, and the next work may start much later.
    this.#last = result.then(ignore, ignore);
    return result;
  }
}
