// Owns a limit on how long something may take, which leaves nothing behind when it was quicker. The timer of AbortSignal.timeout()
// lives to its end: a thousand dials a second would keep fifteen thousand of them.

/** Held with `using`, for as long as the limit is meant. */
export class TimeLimit implements Disposable {
  /** Aborts with a TimeoutError, as AbortSignal.timeout() does. */
  readonly signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;

  constructor(afterMs: number) {
    const controller = new AbortController();
    this.signal = controller.signal;
    this.#timer = setTimeout(() => {
      controller.abort(new DOMException(`not done within ${afterMs} ms`, 'TimeoutError'));
    }, afterMs);
    this.#timer.unref();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
