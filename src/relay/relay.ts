// The relay: builds its parts, keeps the list of peers, starts, drains and stops. Implements the
// server side of Portal v1 only.
import type { Clock } from '../kernel/clock.ts';
import { systemClock } from '../kernel/clock.ts';
import { urlHost } from '../kernel/net/ip.ts';
import type { HostLookup } from '../kernel/net/listening.ts';
import { ignore } from '../kernel/ignore.ts';
import { createCredential } from '../portal/identity.ts';
import type { Identity } from '../portal/identity.ts';
import { WindowBudget } from '../portal/yamux/window-budget.ts';
import { ClientSession } from './client-session.ts';
import type { Keepalive } from './client-session.ts';
import { Directory } from './directory.ts';
import type { RelayLog } from './relay-event.ts';
import { ForwardLedger } from './forward-ledger.ts';
import { HttpDoor } from './http-door.ts';
import { LeaseTable } from './lease-table.ts';
import { defaultLimits } from './relay-limits.ts';
import { type MemoryAccount, MemoryLedger } from './memory-ledger.ts';
import type { MeteredCarrier } from './metered-carrier.ts';
import type { RelayLimits } from './relay-limits.ts';
import type { Peer, RelayContext, Swept } from './relay-context.ts';

export interface RelayOptions {
  /** A name or an address. The relay listens on every address of a name. Default 127.0.0.1. */
  readonly host?: string;
  /** Default: the system's resolver. */
  readonly lookup?: HostLookup;
  /** Default 4017, as on other relays; 0 takes any free port. */
  readonly port?: number;
  /** The relay's identity in info responses; not proven. Default: a new identity. */
  readonly identity?: Identity;
  /** The relay's URL in info responses. Default: the address that it listens on. */
  readonly publicUrl?: string;
  readonly limits?: Partial<RelayLimits>;
  /**
   * Budget for the growth of receive windows, which may be shared. Default: one of
   * `limits.windowBudgetBytes` for this relay.
   */
  readonly windowBudget?: WindowBudget;
  /**
   * Default: a ping every 15 s and a timeout of 10 s, so a frozen app is dropped after at most 25
   * s.
   */
  readonly keepalive?: Keepalive;
  readonly log?: RelayLog;
  readonly clock?: Clock;
}

export interface Relay {
  /** Rejects with the system's error if the port cannot be bound (EADDRINUSE, EACCES). */
  listen(): Promise<{ readonly url: string; readonly port: number }>;
  /**
   * Accepts no new peers, leases or connections, waits until no forwarded connection is left or
   * `signal` aborts, then closes.
   */
  drain(signal: AbortSignal): Promise<void>;
  /** Closes every connection at once. Idempotent. */
  close(): Promise<void>;
  counts(): { readonly connections: number; readonly leases: number; readonly forwards: number };
  /** Bytes held for peers, as counted against the limits. */
  heldBytes(): number;
}

const defaultPort = 4_017; // the default of other relays
const defaultKeepalive: Keepalive = { intervalMs: 15_000, timeoutMs: 10_000 };
/**
 * Expiry is exact without it; the sweep frees memory, logs expired leases and recounts held memory.
 */
const sweepIntervalMs = 1_000;

export function createRelay(options: RelayOptions): Relay {
  return new RunningRelay(options);
}

class RunningRelay implements Relay {
  readonly #options: RelayOptions;
  readonly #limits: RelayLimits;
  readonly #log: RelayLog;
  readonly #leases: LeaseTable<Peer>;
  readonly #forwards: ForwardLedger;
  readonly #door: HttpDoor;
  readonly #sessions = new Set<ClientSession>();
  readonly #memory: MemoryLedger;
  readonly #swept = new Set<Swept>();
  #context: RelayContext | undefined;
  #sweeper: NodeJS.Timeout | undefined;
  #lastNumber = 0;
  #state: 'new' | 'open' | 'draining' | 'closed' = 'new';
  #closing: Promise<void> | undefined;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    const log = options.log ?? ignore;
    this.#log = log;
    const clock = options.clock ?? systemClock;
    this.#leases = new LeaseTable(clock, this.#limits, ({ id, lease }, reason) => {
      log({ event: 'lease_dropped', leaseId: id, name: lease.name, reason });
    });
    this.#forwards = new ForwardLedger(this.#limits.forwardsPerLease);
    this.#memory = new MemoryLedger(this.#limits);
    this.#door = new HttpDoor(
      this.#limits,
      this.#memory,
      {
        entered: (carrier, account) => {
          this.#enter(carrier, account);
        },
        health: () => ({ status: this.#state === 'open' ? 'ok' : 'draining', ...this.counts() }),
      },
      log,
      clock,
    );
  }

  async listen(): Promise<{ url: string; port: number }> {
    if (this.#state !== 'new') throw new Error('a relay can listen only once');
    const { host = '127.0.0.1', port: wantedPort = defaultPort, lookup, clock = systemClock } = this.#options;
    const identity = this.#options.identity ?? createCredential();
    const { address, port } = await this.#door.listen({ host, port: wantedPort, lookup });
    if (this.#closing !== undefined) {
      await this.#door.close();
      throw new Error('the relay was closed before it listened');
    }
    const url = `ws://${urlHost(address)}:${port}/relay`;
    this.#context = {
      limits: this.#limits,
      clock,
      leases: this.#leases,
      forwards: this.#forwards,
      memory: this.#memory,
      windowBudget: this.#options.windowBudget ?? new WindowBudget(this.#limits.windowBudgetBytes),
      swept: this.#swept,
      log: this.#log,
      directory: new Directory(identity, [this.#options.publicUrl ?? url], this.#leases),
    };
    this.#state = 'open';
    this.#sweeper = setInterval(() => {
      this.#leases.sweep();
      for (const swept of this.#swept) swept.sweep();
    }, sweepIntervalMs);
    this.#sweeper.unref();
    this.#log({ event: 'listening', url });
    return { url, port };
  }

  counts(): { connections: number; leases: number; forwards: number } {
    this.#leases.sweep();
    return { connections: this.#sessions.size, leases: this.#leases.size, forwards: this.#forwards.total };
  }

  heldBytes(): number {
    return this.#memory.heldBytes;
  }

  async drain(signal: AbortSignal): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'draining';
      this.#door.shut();
      for (const session of this.#sessions) session.goAway();
      await this.#forwards.emptied(signal);
    }
    await this.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const wasListening = this.#state !== 'new';
    this.#state = 'closed';
    clearInterval(this.#sweeper);
    for (const session of [...this.#sessions]) session.close();
    if (wasListening) await this.#door.close();
  }

  #enter(carrier: MeteredCarrier, account: MemoryAccount): void {
    const context = this.#context;
    if (context === undefined || this.#state !== 'open') {
      carrier.close();
      return;
    }
    this.#lastNumber += 1;
    const session = new ClientSession(
      this.#lastNumber,
      carrier,
      account,
      context,
      this.#options.keepalive ?? defaultKeepalive,
      () => {
        this.#sessions.delete(session);
        this.#swept.delete(session);
      },
    );
    this.#sessions.add(session);
    this.#swept.add(session);
  }
}
