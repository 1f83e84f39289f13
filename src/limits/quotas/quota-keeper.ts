// Persists quota usage: twice a second it writes changes from the ledger to a store and reads the
// store's totals back. No request waits for it; while the store fails, the ledger goes on counting,
// and its counts are written later.
import { once } from 'node:events';
import { reasonOf } from '../../kernel/reason.ts';
import { TimeLimit } from '../../kernel/work/time-limit.ts';
import type { QuotaLedger, UsageChange, UsageRecord } from './quota-ledger.ts';

export interface UsageStore {
  /** Reads the usage of current periods. Must not depend on whether the store is writable. */
  load(): Promise<readonly UsageRecord[]>;
  /**
   * Prepares the store for save(), and returns the usage that it has by then. Rejects when it is
   * not writable.
   */
  prepare(): Promise<readonly UsageRecord[]>;
  /**
   * Persists all changes or none, and returns the current totals, with the usage counted by others.
   * After a rejection the same batch is sent again, and must not count twice.
   */
  save(batch: readonly UsageChange[]): Promise<readonly UsageRecord[]>;
  close(): Promise<void>;
}

export interface KeeperOptions {
  readonly ledger: QuotaLedger;
  readonly store: UsageStore;
  /** Called once for each change. `reason` is for the operator. */
  readonly changed: (state: 'kept' | 'failing', reason: string) => void;
  readonly everyMs?: number;
  readonly closingMs?: number;
}

/** A crash loses at most the last second; half of that is allowed for the disk. */
const defaultEveryMs = 500;
/** A script of this size blocks Redis for about 10 ms, and so delays rate limits. */
const maxInBatch = 1_000;
/** Limits how long an unresponsive store can delay a shutdown. */
const defaultClosingMs = 5_000;

export class QuotaKeeper {
  readonly #options: KeeperOptions;
  readonly #timer: NodeJS.Timeout;
  /** Usage takes effect once it is read, even where the store is not writable. */
  #loaded = false;
  #ready = false;
  #failing = false;
  /** Taken from the ledger, and not yet confirmed by the store. */
  #batch: readonly UsageChange[] = [];
  #turn: Promise<void> | undefined = undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.keep(), options.everyMs ?? defaultEveryMs).unref();
  }

  /**
   * Resolves when the stored usage is loaded, when the store has failed once, or when the time is
   * up. Never rejects.
   */
  async open(withinMs: number): Promise<void> {
    using limit = new TimeLimit(withinMs);
    await Promise.race([once(limit.signal, 'abort'), this.keep()]);
  }

  /** Writes pending changes; on failure the next call retries them. Never rejects. */
  keep(): Promise<void> {
    this.#turn ??= this.#keep().finally(() => {
      this.#turn = undefined;
    });
    return this.#turn;
  }

  /** Writes the remaining changes, if the store responds in time. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    using limit = new TimeLimit(this.#options.closingMs ?? defaultClosingMs);
    const late = once(limit.signal, 'abort');
    // A write in progress may have started before the last request ended.
    await Promise.race([late, this.#turn]);
    await Promise.race([late, this.keep()]);
    await Promise.race([late, this.#options.store.close()]);
  }

  async #keep(): Promise<void> {
    const { ledger, store, changed } = this.#options;
    try {
      if (!this.#loaded) ledger.learn(await store.load());
      this.#loaded = true;
      if (!this.#ready) ledger.learn(await store.prepare());
      this.#ready = true;
      if (this.#batch.length === 0) this.#batch = ledger.changes(maxInBatch);
      while (this.#batch.length > 0) {
        const { length } = this.#batch;
        ledger.settle(this.#batch, await store.save(this.#batch));
        this.#batch = length === maxInBatch ? ledger.changes(maxInBatch) : [];
      }
      if (this.#failing) changed('kept', 'it works again');
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) changed('failing', reasonOf(error));
      this.#failing = true;
    }
  }
}
