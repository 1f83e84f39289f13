// A worker thread for long work between requests: runs one job at a time on plain data, and sends
// and receives it in slices of event loop time. If the thread fails, exits or takes too long, the
// job fails and the next one gets a new thread.
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { ignore } from '../ignore.ts';
import { InTurn } from './in-turn.ts';
import type { JobThreadData } from './job-worker.ts';
import { Assembly, type Piece, piecesOf } from './pieces.ts';
import { Slices, type Steps } from './slices.ts';

export interface JobThreadOptions {
  /** The file that the thread runs; it must call serveJobs(). */
  readonly program: URL;
  /** Shown in messages and debuggers. */
  readonly name: string;
  /** Time limit of one job. */
  readonly timeoutMs: number;
  /**
   * Limit of the thread's heap. Default: Node.js chooses it for the machine. A thread that needs
   * more fails its job.
   */
  readonly maxHeapMiB?: number;
  /** An idle thread ends after this time, because it may hold much memory. */
  readonly idleMs?: number;
}

/** The thread did not complete its job. No part of its result is used. */
export class JobThreadError extends Error {
  override readonly name = 'JobThreadError';
}

const defaultIdleMs = 10_000;

interface Running {
  readonly worker: Worker;
  readonly results: MessagePort;
}

export class JobThread {
  readonly #options: JobThreadOptions;
  readonly #turns = new InTurn();
  #running: Running | undefined = undefined;
  #idle: NodeJS.Timeout | undefined = undefined;
  #closed = false;

  constructor(options: JobThreadOptions) {
    this.#options = options;
  }

  /** The result is deeply frozen. Rejects with JobThreadError, or with the reason of the signal. */
  run(job: unknown, signal?: AbortSignal): Promise<unknown> {
    return this.#turns.run(() => this.#run(job, signal));
  }

  /** Rejects a job in progress. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#stop();
  }

  async #run(job: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    signal?.throwIfAborted();
    if (this.#closed) throw this.#error('is closed');
    clearTimeout(this.#idle);
    const running = (this.#running ??= this.#start());
    running.worker.ref();
    const over = new AbortController();
    try {
      const done = this.#done(
        running.worker,
        AbortSignal.any([over.signal, ...(signal === undefined ? [] : [signal])]),
      );
      const slices = new Slices();
      await Promise.all([done, slices.run(sent(job, running.worker))]);
      const result = await slices.run(received(running.results));
      running.worker.unref();
      this.#idle = setTimeout(() => void this.#stop(), this.#options.idleMs ?? defaultIdleMs).unref();
      return result;
    } catch (error) {
      // The thread may still be working on the job.
      await this.#stop();
      throw error;
    } finally {
      over.abort();
    }
  }

  #start(): Running {
    const { program, name, maxHeapMiB } = this.#options;
    const { port1: results, port2 } = new MessageChannel();
    try {
      const workerData: JobThreadData = { results: port2 };
      const worker = new Worker(program, {
        name,
        workerData,
        ...(maxHeapMiB !== undefined && { resourceLimits: { maxOldGenerationSizeMb: maxHeapMiB } }),
        transferList: [port2],
      });
      // Also needed for an idle thread: an 'error' event without a listener would end the process.
      worker.on('error', ignore);
      worker.on('exit', () => {
        results.close();
        if (this.#running?.worker === worker) this.#running = undefined;
      });
      return { worker, results };
    } catch (cause) {
      throw this.#error('cannot start', cause);
    }
  }

  /** Resolves when the thread has sent its result. Listens until `over` is aborted. */
  #done(worker: Worker, over: AbortSignal): Promise<void> {
    const { timeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(this.#error(`did not finish within ${timeoutMs / 1000} s`));
      }, timeoutMs).unref();
      const failed = (cause?: unknown): void => {
        reject(this.#error('failed', cause));
      };
      const ended = (): void => {
        reject(this.#error('ended early'));
      };
      worker.on('message', resolve).on('messageerror', failed).on('error', failed).on('exit', ended);
      over.addEventListener('abort', () => {
        clearTimeout(timer);
        worker.off('message', resolve).off('messageerror', failed).off('error', failed).off('exit', ended);
        reject(over.reason as Error);
      });
    });
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#idle);
    const running = this.#running;
    this.#running = undefined;
    await running?.worker.terminate();
  }

  #error(what: string, cause?: unknown): JobThreadError {
    const why = cause instanceof Error ? `: ${cause.message}` : '';
    return new JobThreadError(`the thread "${this.#options.name}" ${what}${why}`, { cause });
  }
}

function* sent(job: unknown, worker: Worker): Steps<void> {
  for (const piece of piecesOf(job)) {
    worker.postMessage(piece);
    yield;
  }
}

/** The messages wait in the port, which has no other reader. */
function* received(results: MessagePort): Steps<unknown> {
  const result = new Assembly();
  for (;;) {
    const next = receiveMessageOnPort(results) as { readonly message: Piece } | undefined;
    if (next === undefined) return result.value;
    result.add(next.message);
    yield;
  }
}
