// Owns the spreading of one fact: nobody waits for this any more. An AbortSignal says the same and costs more than all else
// that a small request allocates, so one is made only for who asks. Knows nothing of requests.

/** Work that stops when nobody waits for its result. */
export interface Cancellable {
  cancel(): void;
}

export class Cancellation {
  #cancelled = false;
  // One piece of work at a time is by far the most common case.
  #work: Cancellable | undefined = undefined;
  #more: Set<Cancellable> | undefined = undefined;
  #controller: AbortController | undefined = undefined;

  get cancelled(): boolean {
    return this.#cancelled;
  }

  /** Aborts when cancelled. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#cancelled) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  /** Work that is added too late is cancelled at once. */
  add(work: Cancellable): void {
    if (this.#cancelled) work.cancel();
    else if (this.#work === undefined) this.#work = work;
    else (this.#more ??= new Set()).add(work);
  }

  delete(work: Cancellable): void {
    if (this.#work === work) this.#work = undefined;
    else this.#more?.delete(work);
  }

  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    const first = this.#work;
    const more = this.#more;
    this.#work = undefined;
    this.#more = undefined;
    first?.cancel();
    if (more !== undefined) for (const work of more) work.cancel();
    this.#controller?.abort();
  }
}
