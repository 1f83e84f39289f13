// Worker threads that compute bcrypt, so that it blocks neither the event loop nor libuv's thread
// pool. Starts a thread when all are busy and ends it once it is idle; the caller limits how many
// run at once.
import { Worker } from 'node:worker_threads';
import { ignore } from '../../kernel/ignore.ts';

/** The message to a thread. */
export interface Comparison {
  readonly key: string;
  readonly hash: string;
}

/** Same folder and extension as this file: TypeScript in development, JavaScript in the package. */
const program = new URL(`./bcrypt-worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

/** A thread holds about 20 MiB; starting one takes 30 ms of CPU, a verification ten times that. */
const maxIdleMs = 30_000;

interface IdleThread {
  readonly worker: Worker;
  readonly end: NodeJS.Timeout;
}

export class BcryptThreads {
  /** The last one is used first, so that those that are not needed end. */
  readonly #idle: IdleThread[] = [];
  readonly #all = new Set<Worker>();
  #closed = false;

  get size(): number {
    return this.#all.size;
  }

  /** Whether the key matches the hash. Rejects when the thread ends before it replies. */
  compare(key: string, hash: string): Promise<boolean> {
    if (this.#closed) return Promise.reject(new Error('the bcrypt threads are closed'));
    const worker = this.#takeIdle() ?? this.#start();
    worker.ref();
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        worker.off('message', reply).off('error', fail).off('exit', exit);
      };
      const reply = (isSame: boolean): void => {
        settle();
        // An idle thread must not keep the process alive.
        worker.unref();
        this.#rest(worker);
        resolve(isSame);
      };
      const fail = (cause: unknown): void => {
        settle();
        reject(new Error('a bcrypt thread failed', { cause }));
      };
      const exit = (): void => {
        fail(undefined);
      };
      worker.on('message', reply).on('error', fail).on('exit', exit);
      worker.postMessage({ key, hash } satisfies Comparison);
    });
  }

  /** Ends the threads; comparisons in progress reject. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#all].map((worker) => worker.terminate()));
  }

  #takeIdle(): Worker | undefined {
    const thread = this.#idle.pop();
    clearTimeout(thread?.end);
    return thread?.worker;
  }

  #rest(worker: Worker): void {
    const end = setTimeout(() => {
      this.#forget(worker);
      void worker.terminate();
    }, maxIdleMs).unref();
    this.#idle.push({ worker, end });
  }

  #forget(worker: Worker): void {
    const index = this.#idle.findIndex((thread) => thread.worker === worker);
    if (index !== -1) clearTimeout(this.#idle.splice(index, 1)[0]?.end);
  }

  #start(): Worker {
    // No environment: it may hold secrets that the thread does not need.
    const worker = new Worker(program, { env: {}, name: 'bcrypt' });
    this.#all.add(worker);
    // Also while idle: an 'error' event without a listener would end the process.
    worker.on('error', ignore);
    worker.on('exit', () => {
      this.#all.delete(worker);
      this.#forget(worker);
    });
    return worker;
  }
}
