// Owns that what was used of quotas outlives the process: twice a second it goes from the ledger to a store, and what the store knows
// comes back. No request waits for it; while the store fails, the ledger counts on, and nothing that it counted is left out later.
import { once } from 'node:events';
import { TimeLimit } from '../../kernel/work/time-limit.ts';
import type { QuotaLedger, UsageChange, UsageRecord } from './quota-ledger.ts';

export interface UsageStore {
  /** Reads the usage of periods that are not over. Must not depend on whether the store can be written. */
  load(): Promise<readonly UsageRecord[]>;
  /** Makes the store ready for save(), and returns the usage that it has by then. Rejects when it can't be written. */
  prepare(): Promise<readonly UsageRecord[]>;
  /**
   * Keeps the changes, whole or not at all, and answers what there is of each now, of others too. After a rejection the same batch
   * comes again, and must not count twice.
   */
  save(batch: readonly UsageChange[]): Promise<readonly UsageRecord[]>;
  close(): Promise<void>;
}

export interface KeeperOptions {
  readonly ledger: QuotaLedger;
  readonly store: UsageStore;
  /** Told once for each change. `reason` is for whoever runs the gateway. */
  readonly changed: (state: 'kept' | 'failing', reason: string) => void;
  readonly everyMs?: number;
  readonly closingMs?: number;
}

/** A crash loses at most the last second. Half of it is for the disk. */
const defaultEveryMs = 500;
/** A script of this size keeps Redis from the gateways' rate limits for some 10 ms. */
const maxInBatch = 1_000;
/** A store that does not answer holds up no shutdown for longer. */
const defaultClosingMs = 5_000;

export class QuotaKeeper {
  readonly #options: KeeperOptions;
  readonly #timer: NodeJS.Timeout;
  /** Usage takes effect once it is read, also where the store can't be written. */
  #loaded = false;
  #ready = false;
  #failing = false;
  /** Taken from the ledger and not known to be kept. */
  #batch: readonly UsageChange[] = [];
  #turn: Promise<void> | undefined = undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.keep(), options.everyMs ?? defaultEveryMs).unref();
  }

  /** Resolves when the stored usage is known, when the store has failed once, or when the time is over. Never rejects. */
  async open(withinMs: number): Promise<void> {
    using limit = new TimeLimit(withinMs);
    await Promise.race([once(limit.signal, 'abort'), this.keep()]);
  }

  /** One turn: what the ledger has is kept, or stays to be kept by the next one. Never rejects. */
  keep(): Promise<void> {
    this.#turn ??= this.#keep().finally(() => {
      this.#turn = undefined;
    });
    return this.#turn;
  }

  /** Keeps the last of it, if the store answers in time. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    using limit = new TimeLimit(this.#options.closingMs ?? defaultClosingMs);
    const late = once(limit.signal, 'abort');
    // One may be under way that began before the last request ended.
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
      if (!this.#failing) changed('failing', error instanceof Error ? error.message : String(error));
      this.#failing = true;
    }
  }
}
