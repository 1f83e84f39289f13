// Owns what the gateway asks of a place that keys come from, beside its configuration: a file that commands write, a database later.
import type { KeyPolicy } from '../policy/policy.ts';

export interface KeySource {
  /** All of them, as they are now. A change replaces the list as a whole; who opened the source is told. */
  readonly keys: readonly KeyPolicy[];
  /** A caller was let in by the key of this id. Asked on every request: it notes, and writes some other time. */
  used(id: string, wallMs: number): void;
  /** Idempotent. */
  close(): Promise<void>;
}
