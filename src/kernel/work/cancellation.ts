// A cheap cancellation token: stops all work on a request when its result is no longer needed. An
// AbortSignal costs more than everything else that a small request allocates, so it is created
// only on demand.

/** Work that can be stopped when its result is no longer needed. */
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

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#cancelled) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  /** If already cancelled, cancels the work at once. */
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
