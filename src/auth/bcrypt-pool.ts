// Owns how much bcrypt runs at once, off the main thread, and how much may wait for it. Knows no key.
import { compare } from '@node-rs/bcrypt';

export interface Hasher {
  /** Resolves with whether the key fits; undefined at once when too many wait already. */
  verify(key: string, hash: string): Promise<boolean> | undefined;
}

interface Job {
  readonly key: string;
  readonly hash: string;
  readonly settle: (result: Promise<boolean>) => void;
}

export class BcryptPool implements Hasher {
  readonly #concurrency: number;
  readonly #maxWaiting: number;
  readonly #compare: (key: string, hash: string) => Promise<boolean>;
  readonly #waiting: Job[] = [];
  #running = 0;

  /** `concurrency`: as bcryptConcurrency() says. */
  constructor(options: {
    readonly concurrency: number;
    readonly maxWaiting: number;
    readonly compare?: (key: string, hash: string) => Promise<boolean>;
  }) {
    this.#concurrency = options.concurrency;
    this.#maxWaiting = options.maxWaiting;
    this.#compare = options.compare ?? compare;
  }

  verify(key: string, hash: string): Promise<boolean> | undefined {
    if (this.#running < this.#concurrency) return this.#run(key, hash);
    if (this.#waiting.length >= this.#maxWaiting) return undefined;
    return new Promise((resolve) => {
      this.#waiting.push({ key, hash, settle: resolve });
    });
  }

  #run(key: string, hash: string): Promise<boolean> {
    this.#running += 1;
    // A hash that bcrypt can't read fits no key.
    return this.#compare(key, hash)
      .catch(() => false)
      .finally(() => {
        this.#running -= 1;
        const next = this.#waiting.shift();
        if (next !== undefined) next.settle(this.#run(next.key, next.hash));
      });
  }
}

/** libuv's own, where UV_THREADPOOL_SIZE says nothing. */
const usualPoolThreads = 4;

/**
 * How many may run at once on so many cores: a core is left to those who were let in before, and one of libuv's threads to files, names
 * and decompression, which would otherwise wait behind every wrong key. `poolThreads`: the value of UV_THREADPOOL_SIZE.
 */
export function bcryptConcurrency(cores: number, poolThreads: string | undefined): number {
  const threads = Number.parseInt(poolThreads ?? '', 10) || usualPoolThreads;
  return Math.max(1, Math.min(cores, threads) - 1);
}
