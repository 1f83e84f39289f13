// Owns the waiting of a row that is being played: both sides tell when something happened, and whoever waits looks again. Nothing
// sleeps; what never comes is an error that says what it was.

/** Long, because the machine may be busy: it is only ever waited for by a row that fails. */
const patienceMs = 12_000;

export class Scene {
  readonly #watchers = new Set<() => void>();

  /** Something happened. */
  readonly changed = (): void => {
    for (const look of [...this.#watchers]) look();
  };

  until(what: string, holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#watchers.delete(look);
        reject(new Error(`waited in vain: ${what}`));
      }, patienceMs);
      const look = (): void => {
        if (!holds()) return;
        clearTimeout(timer);
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
    });
  }
}
