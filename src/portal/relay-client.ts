// The connection to one relay over time: connects, detects loss, reconnects without limit, and
// publishes leases again (republished-leases.ts). The wire protocol is in session.ts.
import { reasonOf } from '../kernel/reason.ts';
import { systemClock } from '../kernel/clock.ts';
import { backoffMs, type BackoffOptions } from './backoff.ts';
import type { AcceptQueue } from './publishing/accept-queue.ts';
import { AcceptedChannels } from './publishing/accepted-channels.ts';
import { type ListenOptions, RepublishedLeases } from './publishing/republished-leases.ts';
import { PortalError } from './errors.ts';
import type { RelayInfo } from './lease.ts';
import type { InfoOptions } from './list-request.ts';
import type { RelayClientEvent } from './relay-client-event.ts';
import type { SecureChannel } from './secure/channel.ts';
import type { SecurePipe } from './secure/secure-pipe.ts';
import { connect, type DialOptions, type Session, type SessionOptions } from './session.ts';

export interface RelayClientOptions extends Omit<SessionOptions, 'signal'> {
  readonly url: string;
  readonly reconnect?: BackoffOptions;
  /** A session that lasts this many milliseconds resets the backoff. Default 10 s. */
  readonly provenAfterMs?: number;
  readonly random?: () => number;
  readonly log?: (event: RelayClientEvent) => void;
  /** The first attempt to connect begins when this resolves. Default: at once. Must not reject. */
  readonly connectWhen?: Promise<unknown>;
  /**
   * Connects only once, unless this aborts before. A failure closes the client, and ready() rejects
   * with it. Default: reconnects until close().
   */
  readonly onceUntil?: AbortSignal;
}

/** A relay that is not connected. */
export interface RelayOutage {
  /** Since the connection was lost, or since the client began to connect. */
  readonly forMs: number;
  /** Until the next attempt; 0 while one is under way. */
  readonly retryInMs: number;
}

type State =
  | { readonly name: 'unstarted' }
  | { readonly name: 'connecting'; readonly abort: AbortController }
  | { readonly name: 'up'; readonly session: Session }
  | { readonly name: 'waiting'; readonly timer: NodeJS.Timeout; readonly untilMs: number }
  | { readonly name: 'closed'; readonly error: PortalError };

const defaultReconnect: BackoffOptions = { initialMs: 500, maxMs: 30_000 };
const defaultProvenAfterMs = 10_000;

export class RelayClient {
  readonly url: string;
  readonly #options: RelayClientOptions;
  readonly #random: () => number;
  readonly #leases: RepublishedLeases;
  readonly #waiters = new Set<() => void>();
  #state: State = { name: 'unstarted' };
  #failedAttempts = 0;
  #downSinceMs: number;
  #lastError: PortalError | undefined;

  /** Starts connecting; ready() resolves once connected. Throws PortalError bad_relay_url. */
  constructor(options: RelayClientOptions) {
    this.url = options.url;
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#downSinceMs = this.#nowMs();
    this.#leases = new RepublishedLeases({
      relay: options.url,
      session: () => (this.#state.name === 'up' ? this.#state.session : undefined),
      backoffMs: (refusals) => this.#backoffMs(refusals),
      log: options.log,
    });
    if (options.connectWhen === undefined) {
      this.#connect();
      return;
    }
    void options.connectWhen.then(() => {
      if (this.#state.name === 'unstarted') this.#connect();
    });
  }

  state(): 'up' | 'suspect' | 'draining' | 'down' {
    return this.#state.name === 'up' ? this.#state.session.state() : 'down';
  }

  /** Round trip of the last keepalive, milliseconds. */
  get rttMs(): number | undefined {
    return this.#state.name === 'up' ? this.#state.session.rttMs : undefined;
  }

  /** Undefined: the relay is connected, or the client was closed. */
  outage(): RelayOutage | undefined {
    const state = this.#state;
    if (state.name === 'up' || state.name === 'closed') return undefined;
    const nowMs = this.#nowMs();
    const retryInMs = state.name === 'waiting' ? Math.max(0, state.untilMs - nowMs) : 0;
    return { forMs: nowMs - this.#downSinceMs, retryInMs };
  }

  /** The last reason why the relay is not connected, if known. */
  get lastError(): PortalError | undefined {
    return this.#lastError;
  }

  /**
   * Resolves once connected. Throws the abort reason of `signal`, or PortalError session_closed
   * after close().
   */
  async ready(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#state.name === 'up') return;
      if (this.#state.name === 'closed') throw this.#state.error;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiters.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiters.add(wake);
        signal.addEventListener('abort', wake, { once: true });
      });
    }
  }

  /** Throws PortalError relay_unreachable if not connected: the caller decides whether to wait. */
  async info(signal: AbortSignal, options?: InfoOptions): Promise<RelayInfo> {
    return this.#session().info(signal, options);
  }

  /** As Session.dial; throws PortalError relay_unreachable if not connected. */
  async dial(leaseId: string, options: DialOptions): Promise<SecureChannel> {
    return this.#session().dial(leaseId, options);
  }

  /** As Session.dialPipe; throws PortalError relay_unreachable if not connected. */
  async dialPipe(leaseId: string, options: DialOptions): Promise<SecurePipe> {
    return this.#session().dialPipe(leaseId, options);
  }

  /** Publishes a lease until the iteration ends, across reconnections. */
  listen(options: ListenOptions): AsyncIterableIterator<SecureChannel> {
    return new AcceptedChannels(this.listenPipes(options));
  }

  /** As listen, but yields byte pipes instead of Node streams. */
  listenPipes(options: ListenOptions): AcceptQueue<SecurePipe> {
    return this.#leases.listen(options);
  }

  /**
   * Stops publishing without deleting the leases, closes the session and stops reconnecting.
   * Idempotent.
   */
  async close(): Promise<void> {
    const before = this.#state;
    this.#end(new PortalError('session_closed', 'the relay client was closed'));
    switch (before.name) {
      case 'connecting':
        before.abort.abort();
        break;
      case 'waiting':
        clearTimeout(before.timer);
        break;
      case 'up':
        await before.session.close();
        break;
      case 'unstarted':
      case 'closed':
        break;
    }
  }

  #session(): Session {
    if (this.#state.name === 'up') return this.#state.session;
    if (this.#state.name === 'closed') throw this.#state.error;
    throw new PortalError('relay_unreachable', `the relay ${this.url} is not connected`, { cause: this.#lastError });
  }

  #connect(): void {
    const abort = new AbortController();
    this.#state = { name: 'connecting', abort };
    const { onceUntil } = this.#options;
    const signal = onceUntil === undefined ? abort.signal : AbortSignal.any([abort.signal, onceUntil]);
    connect(this.url, { ...this.#options, signal }).then(
      (session) => {
        if (this.#state.name === 'closed') void session.close();
        else this.#up(session);
      },
      (error: unknown) => {
        if (this.#state.name !== 'closed') this.#failed(asPortalError(error));
      },
    );
  }

  #up(session: Session): void {
    this.#state = { name: 'up', session };
    this.#lastError = undefined;
    const upSinceMs = this.#nowMs();
    this.#options.log?.({ type: 'up', relay: this.url });
    // One attempt serves one short task, which does not need the relay's clock.
    if (this.#options.onceUntil === undefined) {
      session.watchClock((skewMs) => {
        this.#options.log?.({ type: 'clock_measured', relay: this.url, skewMs });
      });
    }
    void session.closed.then((error) => {
      if (this.#state.name !== 'up' || this.#state.session !== session) return;
      const reason = error ?? new PortalError('carrier_closed', `the relay ${this.url} closed the connection`);
      this.#downSinceMs = this.#nowMs();
      this.#leases.down();
      this.#options.log?.({ type: 'down', relay: this.url, error: reason });
      this.#lastError = reason;
      if (this.#options.onceUntil !== undefined) {
        this.#end(reason);
        return;
      }
      // A relay that accepts the connection and soon closes it is treated like one that refuses it.
      const { provenAfterMs = defaultProvenAfterMs } = this.#options;
      if (this.#nowMs() - upSinceMs >= provenAfterMs) this.#failedAttempts = 0;
      this.#wait();
    });
    this.#leases.up(session);
    this.#wake();
  }

  #failed(error: PortalError): void {
    this.#lastError = error;
    if (this.#options.onceUntil !== undefined) {
      this.#end(error);
      return;
    }
    const retryInMs = this.#wait();
    this.#options.log?.({ type: 'attempt_failed', relay: this.url, error, retryInMs });
  }

  #end(error: PortalError): void {
    this.#state = { name: 'closed', error };
    this.#leases.close();
    this.#wake();
  }

  #wake(): void {
    for (const wake of [...this.#waiters]) wake();
  }

  #wait(): number {
    this.#failedAttempts += 1;
    const retryInMs = this.#backoffMs(this.#failedAttempts);
    const timer = setTimeout(() => {
      this.#connect();
    }, retryInMs);
    this.#state = { name: 'waiting', timer, untilMs: this.#nowMs() + retryInMs };
    return retryInMs;
  }

  #nowMs(): number {
    return (this.#options.clock ?? systemClock).monotonicMs();
  }

  #backoffMs(failures: number): number {
    return backoffMs(failures, this.#options.reconnect ?? defaultReconnect, this.#random);
  }
}

function asPortalError(error: unknown): PortalError {
  if (error instanceof PortalError) return error;
  return new PortalError('carrier_closed', reasonOf(error), { cause: error });
}
