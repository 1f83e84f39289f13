// The connection to one relay over time: connects, detects loss, reconnects without limit, and
// publishes leases again. The wire protocol is in session.ts.
import { reasonOf } from '../kernel/reason.ts';
import { systemClock } from '../kernel/clock.ts';
import { backoffMs, type BackoffOptions } from './backoff.ts';
import { AcceptQueue } from './publishing/accept-queue.ts';
import { AcceptedChannels } from './publishing/accepted-channels.ts';
import { PortalError } from './errors.ts';
import type { LeaseOffer, RelayInfo } from './lease.ts';
import type { InfoOptions } from './list-request.ts';
import type { RelayClientEvent } from './relay-client-event.ts';
import type { SecureChannel } from './secure/channel.ts';
import type { SecurePipe } from './secure/secure-pipe.ts';
import { connect, type DialOptions, type PublishedLease, type Session, type SessionOptions } from './session.ts';

export interface RelayClientOptions extends Omit<SessionOptions, 'signal'> {
  readonly url: string;
  readonly reconnect?: BackoffOptions;
  /** A session that lasts this many milliseconds resets the backoff. Default 10 s. */
  readonly provenAfterMs?: number;
  readonly random?: () => number;
  readonly log?: (event: RelayClientEvent) => void;
  /** The first attempt to connect begins when this resolves. Default: at once. Must not reject. */
  readonly connectWhen?: Promise<unknown>;
}

export interface ListenOptions extends LeaseOffer {
  /** Ends the iteration at once. */
  readonly signal?: AbortSignal;
  /**
   * Stops renewing. The iteration continues until another connection holds the lease, or for about
   * one renewal interval (10 s), and then ends.
   */
  readonly handOver?: AbortSignal;
}

type State =
  | { readonly name: 'unstarted' }
  | { readonly name: 'connecting'; readonly abort: AbortController }
  | { readonly name: 'up'; readonly session: Session }
  | { readonly name: 'waiting'; readonly timer: NodeJS.Timeout }
  | { readonly name: 'closed' };

interface Listener {
  readonly offer: LeaseOffer;
  readonly queue: AcceptQueue<SecurePipe>;
  publication: PublishedLease | undefined;
  retry: NodeJS.Timeout | undefined;
  refusals: number;
  /** The lease is no longer renewed or published again. */
  isHandingOver: boolean;
}

const defaultReconnect: BackoffOptions = { initialMs: 500, maxMs: 30_000 };
const defaultProvenAfterMs = 10_000;
const acceptCapacity = 256;

export class RelayClient {
  readonly url: string;
  readonly #options: RelayClientOptions;
  readonly #random: () => number;
  readonly #listeners = new Set<Listener>();
  readonly #waiters = new Set<() => void>();
  #state: State = { name: 'closed' };
  #failedAttempts = 0;
  #lastError: PortalError | undefined;

  /** Starts connecting; ready() resolves once connected. Throws PortalError bad_relay_url. */
  constructor(options: RelayClientOptions) {
    this.url = options.url;
    this.#options = options;
    this.#random = options.random ?? Math.random;
    if (options.connectWhen === undefined) {
      this.#connect();
      return;
    }
    this.#state = { name: 'unstarted' };
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
      if (this.#state.name === 'closed') throw closedError();
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
    const { signal, handOver } = options;
    const stop = (): void => {
      signal?.removeEventListener('abort', stop);
      handOver?.removeEventListener('abort', leave);
      if (this.#unlisten(listener)) void listener.publication?.stop();
    };
    const leave = (): void => {
      void this.#handOver(listener).finally(stop);
    };
    const queue = new AcceptQueue<SecurePipe>(acceptCapacity, stop);
    const listener: Listener = {
      offer: options,
      queue,
      publication: undefined,
      retry: undefined,
      refusals: 0,
      isHandingOver: false,
    };
    this.#listeners.add(listener);
    signal?.addEventListener('abort', stop, { once: true });
    handOver?.addEventListener('abort', leave, { once: true });
    if (signal?.aborted === true || handOver?.aborted === true || this.#state.name === 'closed') stop();
    else if (this.#state.name === 'up') this.#publish(this.#state.session, listener);
    return queue;
  }

  /**
   * Stops publishing without deleting the leases, closes the session and stops reconnecting.
   * Idempotent.
   */
  async close(): Promise<void> {
    const before = this.#state;
    this.#state = { name: 'closed' };
    for (const listener of [...this.#listeners]) this.#unlisten(listener);
    switch (before.name) {
      case 'connecting':
        before.abort.abort(closedError());
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
    for (const wake of [...this.#waiters]) wake();
  }

  #session(): Session {
    if (this.#state.name === 'up') return this.#state.session;
    if (this.#state.name === 'closed') throw closedError();
    throw new PortalError('relay_unreachable', `the relay ${this.url} is not connected`, { cause: this.#lastError });
  }

  #connect(): void {
    const abort = new AbortController();
    this.#state = { name: 'connecting', abort };
    connect(this.url, { ...this.#options, signal: abort.signal }).then(
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
    const { clock = systemClock } = this.#options;
    const upSinceMs = clock.monotonicMs();
    this.#options.log?.({ type: 'up', relay: this.url });
    session.watchClock((skewMs) => {
      this.#options.log?.({ type: 'clock_measured', relay: this.url, skewMs });
    });
    void session.closed.then((error) => {
      if (this.#state.name !== 'up' || this.#state.session !== session) return;
      const reason = error ?? new PortalError('carrier_closed', `the relay ${this.url} closed the connection`);
      for (const listener of this.#listeners) clearTimeout(listener.retry);
      this.#options.log?.({ type: 'down', relay: this.url, error: reason });
      this.#lastError = reason;
      // A relay that accepts the connection and soon closes it is treated like one that refuses it.
      const { provenAfterMs = defaultProvenAfterMs } = this.#options;
      if (clock.monotonicMs() - upSinceMs >= provenAfterMs) this.#failedAttempts = 0;
      this.#wait();
    });
    for (const listener of this.#listeners) if (!listener.isHandingOver) this.#publish(session, listener);
    for (const wake of [...this.#waiters]) wake();
  }

  #failed(error: PortalError): void {
    this.#lastError = error;
    const retryInMs = this.#wait();
    this.#options.log?.({ type: 'attempt_failed', relay: this.url, error, retryInMs });
  }

  #wait(): number {
    this.#failedAttempts += 1;
    const retryInMs = this.#backoffMs(this.#failedAttempts);
    const timer = setTimeout(() => {
      this.#connect();
    }, retryInMs);
    this.#state = { name: 'waiting', timer };
    return retryInMs;
  }

  #backoffMs(failures: number): number {
    return backoffMs(failures, this.#options.reconnect ?? defaultReconnect, this.#random);
  }

  #publish(session: Session, listener: Listener): void {
    const { offer, queue } = listener;
    const { name, credential } = offer;
    const leaseId = credential.id;
    listener.publication = session.publish(offer, (tunnel) => queue.offer(tunnel), {
      published: () => {
        this.#options.log?.({ type: 'published', relay: this.url, leaseId, name });
      },
      // A relay may accept a lease and reject its first renewal, repeatedly.
      renewed: () => {
        listener.refusals = 0;
      },
      contested: (expiresAtMs) => {
        this.#options.log?.({ type: 'lease_contested', relay: this.url, leaseId, name, expiresAtMs });
      },
      refused: (error) => {
        this.#options.log?.({ type: 'publish_failed', relay: this.url, name, error });
        // A name is free once the lease that holds it expires, up to 45 s after its last renewal.
        listener.refusals += 1;
        listener.retry = setTimeout(() => {
          const current = this.#state;
          if (current.name === 'up' && this.#listeners.has(listener)) this.#publish(current.session, listener);
        }, this.#backoffMs(listener.refusals));
      },
      clientRefused: (refusal) => {
        this.#options.log?.({ type: 'client_refused', relay: this.url, name, ...refusal });
      },
    });
  }

  async #handOver(listener: Listener): Promise<void> {
    listener.isHandingOver = true;
    clearTimeout(listener.retry);
    if (this.#state.name === 'up') await listener.publication?.handOver();
  }

  /** Returns false if it had already ended. */
  #unlisten(listener: Listener): boolean {
    if (!this.#listeners.delete(listener)) return false;
    clearTimeout(listener.retry);
    listener.queue.close();
    return true;
  }
}

function closedError(): PortalError {
  return new PortalError('session_closed', 'the relay client was closed');
}

function asPortalError(error: unknown): PortalError {
  if (error instanceof PortalError) return error;
  return new PortalError('carrier_closed', reasonOf(error), { cause: error });
}
