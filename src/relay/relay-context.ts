// Owns what the rooms of the relay share: one of each, passed as an argument. Decides nothing.
import type { Clock } from '../kernel/clock.ts';
import type { Directory } from './directory.ts';
import type { ForwardLedger } from './forward-ledger.ts';
import type { MemoryAccount, MemoryLedger } from './memory-ledger.ts';
import type { LeaseTable } from './lease-table.ts';
import type { RelayLimits } from './limits.ts';
import type { RelayLog } from './events.ts';
import type { Pipe } from '../portal/yamux/pipe.ts';
import type { WindowBudget } from '../portal/yamux/window-budget.ts';
import type { ByteBudget } from './byte-budget.ts';

/** Whoever is at the other end of a websocket, as the rest of the relay sees it. */
export interface Peer {
  /** For logs. */
  readonly number: number;
  readonly isClosed: boolean;
  /** Of its address. */
  readonly account: MemoryAccount;
  /** What its requests may hold in memory. */
  readonly controlBytes: ByteBudget;
  requestsInFlight: number;
  /** A stream towards it, for a connection to a lease that it holds. */
  open(signal: AbortSignal): Promise<Pipe>;
}

export interface Swept {
  sweep(): void;
}

export interface RelayContext {
  readonly limits: RelayLimits;
  readonly clock: Clock;
  readonly leases: LeaseTable<Peer>;
  readonly directory: Directory;
  readonly forwards: ForwardLedger;
  readonly memory: MemoryLedger;
  /** What the receive windows of all streams may grow by. */
  readonly windowBudget: WindowBudget;
  /** What is held and may have shrunk without an event: recounted once a second. */
  readonly swept: Set<Swept>;
  readonly log: RelayLog;
}
