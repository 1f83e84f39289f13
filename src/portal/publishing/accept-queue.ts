// Accepted tunnels that the app has not taken yet: a bounded queue with one async iterator.
// Independent of leases.
import { ignore } from '../../kernel/ignore.ts';

interface Closable {
  destroy(): unknown;
}

export class AcceptQueue<T extends Closable> implements AsyncIterableIterator<T> {
  readonly #capacity: number;
  readonly #left: () => void;
  readonly #items: T[] = [];
  #wake: (() => void) | undefined;
  #end: { readonly error: Error | undefined } | undefined;

  /** `left` is called once if the consumer leaves the iteration before its end. */
  constructor(capacity: number, left: () => void = ignore) {
    this.#capacity = capacity;
    this.#left = left;
  }

  /** Returns false if the queue is full or closed; the item then still belongs to the caller. */
  offer(item: T): boolean {
    if (this.#end !== undefined || this.#items.length >= this.#capacity) return false;
    this.#items.push(item);
    this.#wake?.();
    return true;
  }

  /**
   * Ends the iteration, with the error if there is one, and destroys the items left in the queue.
   * Idempotent.
   */
  close(error?: Error): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    for (const item of this.#items.splice(0)) item.destroy();
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) return { value: item, done: false };
      if (this.#end !== undefined) {
        const { error } = this.#end;
        if (error === undefined) return { value: undefined, done: true };
        this.#end = { error: undefined };
        throw error;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  return(): Promise<IteratorResult<T, undefined>> {
    if (this.#end === undefined) this.#left();
    this.close();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
