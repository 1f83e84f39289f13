// One websocket session of a client, an app, or both at once: its multiplexer, counters and
// shutdown. Does not interpret requests.
import type { PortalError } from '../portal/errors.ts';
import type { Pipe } from '../portal/yamux/pipe.ts';
import { Mux } from '../portal/yamux/mux.ts';
import type { MuxOptions } from '../portal/yamux/mux.ts';
import { ByteBudget } from './byte-budget.ts';
import { HeldMemory, type MemoryAccount } from './memory-ledger.ts';
import type { MeteredCarrier } from './metered-carrier.ts';
import type { Peer, RelayContext, Swept } from './relay-context.ts';
import { serveStream } from './serve-stream.ts';
import { ignore } from '../kernel/ignore.ts';

export type Keepalive = NonNullable<MuxOptions['keepalive']>;

export class ClientSession implements Peer, Swept {
  readonly number: number;
  readonly remote: string;
  readonly account: MemoryAccount;
  readonly controlBytes: ByteBudget;
  requestsInFlight = 0;
  readonly #mux: Mux;
  readonly #carrier: MeteredCarrier;
  readonly #relay: RelayContext;
  readonly #closed: () => void;
  #controlStreams = 0;
  #isClosed = false;

  /** `closed` is called once, however the session ends. */
  constructor(
    number: number,
    carrier: MeteredCarrier,
    account: MemoryAccount,
    relay: RelayContext,
    keepalive: Keepalive,
    closed: () => void,
  ) {
    this.account = account;
    this.#carrier = carrier;
    this.number = number;
    this.remote = carrier.remote;
    this.#relay = relay;
    this.#closed = closed;
    const { limits, clock } = relay;
    this.controlBytes = new ByteBudget(limits.controlBytesPerConnection, new HeldMemory(relay.memory, account));
    this.#mux = new Mux(
      carrier,
      {
        role: 'server',
        tolerance: 'strict',
        receiveWindowBytes: limits.windowBytes,
        nearWindowBytes: limits.grownWindowBytes,
        maxReceiveWindowBytes: limits.farWindowBytes,
        windowBudget: relay.windowBudget,
        windowHolder: account.address,
        maxInboundStreams: limits.streamsPerConnection,
        keepalive,
        clock,
      },
      {
        stream: (pipe) => {
          this.#serve(pipe);
        },
        // A peer that accepts no new streams gets no connections; its own requests are still
        // answered.
        goAway: ignore,
        close: (error) => {
          this.#end(error === undefined ? 'closed by the peer' : reasonOf(error));
        },
      },
    );
    // The ping measures the round trip, so that receive windows can adapt from the first upload on
    // instead of from the first keepalive.
    this.#mux.ping().catch(ignore);
    relay.log({ event: 'connected', connection: number, remote: this.remote });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  open(signal: AbortSignal): Promise<Pipe> {
    return this.#mux.open(signal);
  }

  /** Stops accepting new streams. */
  goAway(): void {
    this.#mux.goAway();
  }

  /** Idempotent. */
  close(): void {
    this.#mux.close();
    this.#end('closed by the relay');
  }

  sweep(): void {
    this.#carrier.sweep();
  }

  #serve(pipe: Pipe): void {
    if (this.#controlStreams >= this.#relay.limits.controlStreamsPerConnection) {
      pipe.reset();
      return;
    }
    this.#controlStreams += 1;
    void serveStream(pipe, this, this.#relay).finally(() => {
      this.#controlStreams -= 1;
    });
  }

  #end(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#relay.leases.dropHolder(this);
    this.#relay.log({ event: 'disconnected', connection: this.number, remote: this.remote, reason });
    this.#closed();
  }
}

function reasonOf(error: PortalError): string {
  return `${error.code}: ${error.message}`;
}
