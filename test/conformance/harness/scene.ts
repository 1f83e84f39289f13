// Lets the steps of a row wait for conditions: both sides signal changes, and every waiter checks
// its condition again. No fixed sleeps; a condition that is never met rejects with its description.

/** Long, because the machine may be busy; only a failing row waits this long. */
const patienceMs = 12_000;

export class Scene {
  readonly #watchers = new Set<() => void>();

  /** Signals a change: all waiters check their conditions. */
  readonly changed = (): void => {
    for (const look of [...this.#watchers]) look();
  };

  until(what: string, holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#watchers.delete(look);
        reject(new Error(`timed out waiting: ${what}`));
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
