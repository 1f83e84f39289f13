// One connection to one relay: the carrier, the multiplexer, and the tunnels and leases on it. Ends
// with the connection; relay-client.ts reconnects.
import { acceptConnection } from './publishing/accept.ts';
import { AcceptQueue } from './publishing/accept-queue.ts';
import { AcceptedChannels } from './publishing/accepted-channels.ts';
import { dialLease, type Dialer } from './dial.ts';
import { PortalError } from './errors.ts';
import type { Credential } from './identity.ts';
import type { LeaseOffer, RelayInfo } from './lease.ts';
import { requestInfo, type InfoOptions } from './list-request.ts';
import { proveAlive } from './prove-alive.ts';
import type { PublishObserver } from './publishing/publication.ts';
import { type PublishedLease, Publishers } from './publishing/publishers.ts';
import { RelayClock } from './publishing/relay-clock.ts';
import { SecureChannel } from './secure/channel.ts';
import type { SecurePipe } from './secure/secure-pipe.ts';
import type { HandshakeSecrets } from './secure/handshake.ts';
import type { Carrier } from './websocket/carrier.ts';
import { connectCarrier } from './websocket/connect.ts';
import { requestDate } from './websocket/relay-date.ts';
import { initialWindowBytes, maxWindowBytes } from './yamux/frame.ts';
import { Mux } from './yamux/mux.ts';
import type { WindowBudget } from './yamux/window-budget.ts';
import { ignore } from '../kernel/ignore.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';

export interface SessionOptions {
  /** Our identity towards apps, proven in the handshake. */
  readonly credential: Credential;
  /** Aborts connecting, but not the established session. */
  readonly signal?: AbortSignal;
  /** PEM certificates to trust for wss:// instead of the system's. */
  readonly ca?: string;
  readonly connectTimeoutMs?: number;
  readonly keepalive?: { readonly intervalMs: number; readonly timeoutMs: number };
  /** Receive window of a new stream, 256 KiB to 16 MiB. */
  readonly windowBytes?: number;
  /**
   * Maximum window of a stream whose bandwidth-delay product needs it, up to 16 MiB (the default).
   */
  readonly maxWindowBytes?: number;
  /**
   * Budget for the growth of windows; sessions may share one. Default: 256 MiB for this session.
   */
  readonly windowBudget?: WindowBudget;
  /**
   * Concurrent streams opened by the relay, one for each connection to a published lease; further
   * ones are reset. Default 16,384.
   */
  readonly maxInboundStreams?: number;
  /** How long the connection may stay open after the relay's GoAway, milliseconds. Default 30 s. */
  readonly goAwayTimeoutMs?: number;
  /** The clock of this machine. */
  readonly clock?: Clock;
  /**
   * Milliseconds between two renewals of a published lease, default 10 s. A lease lasts 30 to 45 s.
   */
  readonly renewEveryMs?: number;
  /** Randomises the duration of a lease: 0 up to 1, default Math.random. */
  readonly random?: () => number;
  /** For replaying recorded handshakes; only the defaults are safe in production. */
  readonly handshakeSecrets?: HandshakeSecrets;
}

export interface DialOptions {
  readonly alpn: string;
  readonly signal: AbortSignal;
}

const defaultConnectTimeoutMs = 10_000;
const defaultKeepalive = { intervalMs: 10_000, timeoutMs: 5_000 };
const acceptCapacity = 256;
/**
 * Our relay closes the connection 5 s after its GoAway. A lease that could not be renewed has
 * expired by then.
 */
const defaultGoAwayTimeoutMs = 30_000;

/**
 * Connects to a relay (`ws://HOST:4017/relay`) and waits until it has answered a ping. Throws
 * PortalError: bad_relay_url, relay_unreachable, relay_tls, not_a_relay, connect_timeout,
 * dial_aborted.
 */
export async function connect(url: string, options: SessionOptions): Promise<Session> {
  const { ca, clock = systemClock, connectTimeoutMs = defaultConnectTimeoutMs } = options;
  const { signal = new AbortController().signal } = options;
  const relayClock = new RelayClock({
    clock,
    ask: (askSignal) => requestDate(url, { ca, clock, signal: askSignal }),
  });
  const carrier = await connectCarrier(url, {
    signal,
    handshakeTimeoutMs: connectTimeoutMs,
    ...(ca !== undefined && { ca }),
    dates: relayClock,
  });
  const session = new Session(url, carrier, options, relayClock);
  try {
    await proveAlive(session, signal, connectTimeoutMs);
  } catch (error) {
    await session.close();
    throw error;
  }
  return session;
}

export class Session {
  readonly url: string;
  /** Resolves when the session has ended: with the error, or with undefined after close(). */
  readonly closed: Promise<PortalError | undefined>;
  readonly #mux: Mux;
  readonly #over: (error: PortalError | undefined) => void;
  readonly #dialer: Dialer;
  readonly #clock: RelayClock;
  #leaving: NodeJS.Timeout | undefined;
  readonly #publishers: Publishers;

  /** `relayClock`: the relay's time. Default: unknown. */
  constructor(url: string, carrier: Carrier, options: SessionOptions, relayClock?: RelayClock) {
    this.url = url;
    const { clock = systemClock, renewEveryMs, random } = options;
    const nowMs = (): number => clock.wallMs();
    this.#clock = relayClock ?? new RelayClock({ clock });
    this.#publishers = new Publishers({ clock: this.#clock, renewEveryMs, random });
    const { promise, resolve } = Promise.withResolvers<PortalError | undefined>();
    this.closed = promise;
    this.#over = resolve;
    const { windowBytes = initialWindowBytes, maxWindowBytes: maxBytes = maxWindowBytes } = options;
    const { windowBudget, maxInboundStreams } = options;
    this.#mux = new Mux(
      carrier,
      {
        role: 'client',
        clock,
        tolerance: 'tolerant',
        keepalive: options.keepalive ?? defaultKeepalive,
        receiveWindowBytes: windowBytes,
        maxReceiveWindowBytes: Math.max(windowBytes, maxBytes),
        ...(windowBudget !== undefined && { windowBudget }),
        ...(maxInboundStreams !== undefined && { maxInboundStreams }),
      },
      {
        stream: (pipe) => void acceptConnection(pipe, (leaseId) => this.#publishers.get(leaseId), nowMs),
        goAway: () => {
          this.#leaveWithin(options.goAwayTimeoutMs ?? defaultGoAwayTimeoutMs);
        },
        close: (error) => {
          this.#forget();
          resolve(error);
        },
      },
    );
    const { credential, handshakeSecrets: secrets } = options;
    const skewMs = (): number | undefined => this.#clock.skewMs;
    this.#dialer = { mux: this.#mux, credential, nowMs, skewMs, ...(secrets !== undefined && { secrets }) };
  }

  /** suspect: the last keepalive is late; draining: the relay accepts no new streams. */
  state(): 'up' | 'suspect' | 'draining' | 'down' {
    switch (this.#mux.state) {
      case 'open':
        return this.#mux.suspect ? 'suspect' : 'up';
      case 'draining':
        return 'draining';
      case 'closed':
        return 'down';
    }
  }

  /** Round trip of the last keepalive, milliseconds. */
  get rttMs(): number | undefined {
    return this.#mux.rttMs;
  }

  /**
   * Reports the clock of this machine minus the relay's, now and once a minute, if the relay's
   * responses have a Date.
   */
  watchClock(report: (skewMs: number) => void): void {
    this.#clock.watch(report);
  }

  /**
   * Resolves with the round trip in milliseconds when the relay has answered a ping. Throws
   * PortalError when the session ends.
   */
  ping(): Promise<number> {
    return this.#mux.ping();
  }

  /** Requests the relay's info and its lease list. */
  info(signal: AbortSignal, options?: InfoOptions): Promise<RelayInfo> {
    return requestInfo(this.#mux, signal, options);
  }

  /**
   * Opens an end-to-end encrypted tunnel to the app that holds the lease. The app has proven that
   * its identity is the lease's.
   */
  async dial(leaseId: string, options: DialOptions): Promise<SecureChannel> {
    return new SecureChannel(await this.dialPipe(leaseId, options));
  }

  /** As dial, but returns a byte pipe instead of a Node stream. */
  dialPipe(leaseId: string, options: DialOptions): Promise<SecurePipe> {
    return dialLease(this.#dialer, leaseId, options.alpn, options.signal);
  }

  /**
   * Publishes a lease until `signal` aborts, the consumer leaves the iteration, or the session ends
   * (the iteration then throws the reason).
   */
  listen(offer: LeaseOffer): AsyncIterableIterator<SecureChannel> {
    const queue = new AcceptQueue<SecurePipe>(acceptCapacity, () => void publication.stop());
    const publication = this.publish(offer, (tunnel) => queue.offer(tunnel), {
      published: ignore,
      refused: (error) => {
        queue.close(error);
      },
    });
    void this.closed.then((error) => {
      queue.close(error);
    });
    return new AcceptedChannels(queue);
  }

  /**
   * As listen, but passes each tunnel as a byte pipe to `deliver`, which returns false to refuse
   * it.
   */
  publish(offer: LeaseOffer, deliver: (tunnel: SecurePipe) => boolean, observer: PublishObserver): PublishedLease {
    return this.#publishers.publish(this.#mux, offer, deliver, observer);
  }

  /**
   * Closes the connection. The relay drops the leases of this connection; none is deleted, because
   * another process may have published it. Idempotent.
   */
  close(): Promise<void> {
    this.#end();
    return Promise.resolve();
  }

  #end(error?: PortalError): void {
    this.#forget();
    this.#mux.close(error);
    this.#over(error);
  }

  /**
   * A draining session cannot dial, list or renew; only a new connection may reach a relay that
   * serves.
   */
  #leaveWithin(ms: number): void {
    this.#leaving ??= setTimeout(() => {
      this.#end(new PortalError('session_goaway', `the relay accepted no new streams for ${ms / 1_000} s`));
    }, ms).unref();
  }

  #forget(): void {
    clearTimeout(this.#leaving);
    this.#clock.close();
    this.#publishers.release();
  }
}
