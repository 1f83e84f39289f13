// Limits how many bcrypt verifications run at once, and how many wait. Half of the queue is
// reserved for callers whose key verified before, so that no number of wrong keys can lock them
// out.

/**
 * What is known of the caller, see Standing in auth-throttle.ts. A proven key is known to be right,
 * so it is served before other keys of its entry, which may be guesses.
 */
export type Lane = 'proven' | 'pair' | 'stranger';

export interface Hasher {
  /**
   * Resolves with whether the key matches. Returns undefined when too many are waiting. Rejects
   * when the hash could not be computed.
   */
  verify(key: string, hash: string, lane: Lane): Promise<boolean> | undefined;
}

interface Job {
  readonly key: string;
  readonly hash: string;
  readonly settle: (result: Promise<boolean>) => void;
}

type Compare = (key: string, hash: string) => Promise<boolean>;

export class BcryptPool implements Hasher {
  readonly #concurrency: number;
  readonly #maxWaiting: number;
  readonly #compare: Compare;
  readonly #waiting: Readonly<Record<Lane, Job[]>> = { proven: [], pair: [], stranger: [] };
  #strangerIsNext = false;
  #running = 0;

  /** `concurrency`: see bcryptConcurrency(). */
  constructor(options: { readonly concurrency: number; readonly maxWaiting: number; readonly compare: Compare }) {
    this.#concurrency = options.concurrency;
    this.#maxWaiting = options.maxWaiting;
    this.#compare = options.compare;
  }

  verify(key: string, hash: string, lane: Lane): Promise<boolean> | undefined {
    if (this.#running < this.#concurrency) return this.#run(key, hash);
    if (!this.#hasRoom(lane)) return undefined;
    return new Promise((resolve) => {
      this.#waiting[lane].push({ key, hash, settle: resolve });
    });
  }

  /**
   * Strangers may fill half of the queue, strangers and pairs three quarters, proven keys all of
   * it.
   */
  #hasRoom(lane: Lane): boolean {
    const { proven, pair, stranger } = this.#waiting;
    if (lane === 'stranger' && stranger.length >= Math.ceil(this.#maxWaiting / 2)) return false;
    if (lane === 'pair' && pair.length + stranger.length >= Math.ceil(this.#maxWaiting * 0.75)) return false;
    return proven.length + pair.length + stranger.length < this.#maxWaiting;
  }

  #run(key: string, hash: string): Promise<boolean> {
    this.#running += 1;
    return this.#compare(key, hash).finally(() => {
      this.#running -= 1;
      const job = this.#take();
      if (job !== undefined) job.settle(this.#run(job.key, job.hash));
    });
  }

  /** Alternates between the halves, so that neither waits for the other to be empty. */
  #take(): Job | undefined {
    const { proven, pair, stranger } = this.#waiting;
    const order = this.#strangerIsNext ? [stranger, proven, pair] : [proven, pair, stranger];
    this.#strangerIsNext = !this.#strangerIsNext;
    return order.find(({ length }) => length > 0)?.shift();
  }
}

/** Each thread holds about 20 MiB, and further ones would mostly verify wrong keys. */
const maxThreads = 4;

/**
 * Concurrent verifications on this many cores: one core is left to requests that are already
 * admitted.
 */
export function bcryptConcurrency(cores: number): number {
  return Math.max(1, Math.min(cores - 1, maxThreads));
}
