// Interface of a source of keys beside the configuration: today a file that commands write.
import type { KeyPolicy } from '../policy/policy.ts';

export interface KeySource {
  /**
   * The current list. A change replaces the whole list; the source notifies the code that opened
   * it.
   */
  readonly keys: readonly KeyPolicy[];
  /**
   * Records that a caller authenticated with the key of this id. Called for every request, so it
   * must only note the time and write later.
   */
  used(id: string, wallMs: number): void;
  /** Idempotent. */
  close(): Promise<void>;
}
