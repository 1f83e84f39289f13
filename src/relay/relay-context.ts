// What the parts of the relay share, passed as an argument. Contains no logic.
import type { Clock } from '../kernel/clock.ts';
import type { Directory } from './directory.ts';
import type { ForwardLedger } from './forward-ledger.ts';
import type { MemoryAccount, MemoryLedger } from './memory-ledger.ts';
import type { LeaseTable } from './lease-table.ts';
import type { RelayLimits } from './relay-limits.ts';
import type { RelayLog } from './relay-event.ts';
import type { Pipe } from '../portal/yamux/pipe.ts';
import type { WindowBudget } from '../portal/yamux/window-budget.ts';
import type { ByteBudget } from './byte-budget.ts';

/** The peer at the other end of a websocket, as the rest of the relay sees it. */
export interface Peer {
  /** For logs. */
  readonly number: number;
  readonly isClosed: boolean;
  /** The memory account of its address. */
  readonly account: MemoryAccount;
  /** Memory for its pending requests. */
  readonly controlBytes: ByteBudget;
  requestsInFlight: number;
  /** Opens a stream to this peer, for a connection to a lease that it holds. */
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
  /** Budget for the growth of all receive windows. */
  readonly windowBudget: WindowBudget;
  /** Objects whose memory may shrink without an event: recounted once a second. */
  readonly swept: Set<Swept>;
  readonly log: RelayLog;
}
