// A time limit that leaves nothing behind when the work finishes early. The timer of
// AbortSignal.timeout() lives until it expires: at a thousand dials a second, fifteen thousand of
// them would be pending.

/** Declare it with `using` for as long as the limit applies. */
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
