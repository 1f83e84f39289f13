// Owns one connection to one relay: carrier, multiplexer, and what is dialled and published over it. When the connection ends,
// so does the session; coming back is the relay client's work.
import { acceptConnection, type ClientRefusal, type Publisher } from './publishing/accept.ts';
import { AcceptQueue } from './publishing/accept-queue.ts';
import { AcceptedChannels } from './publishing/accepted-channels.ts';
import { dialLease, type Dialer } from './dial.ts';
import { PortalError } from './errors.ts';
import type { Credential } from './identity.ts';
import type { LeaseOffer, RelayInfo } from './lease.ts';
import { requestInfo, type InfoOptions } from './list-request.ts';
import { proveAlive } from './prove-alive.ts';
import { Publication, type PublishObserver } from './publishing/publish.ts';
import { RelayClock } from './publishing/relay-clock.ts';
import { SecureChannel } from './secure/channel.ts';
import type { SecurePipe } from './secure/secure-pipe.ts';
import type { HandshakeSecrets } from './secure/handshake.ts';
import type { Carrier } from './websocket/carrier.ts';
import { connectCarrier } from './websocket/connect.ts';
import { requestDate } from './websocket/relay-date.ts';
import { initialWindowBytes, maxWindowBytes } from './yamux/frame.ts';
import { Mux } from './yamux/session.ts';
import type { WindowBudget } from './yamux/window-budget.ts';

export interface SessionOptions {
  /** Who we are to apps: the handshake proves it. */
  readonly credential: Credential;
  /** Ends the attempt to connect, not the session. */
  readonly signal?: AbortSignal;
  /** PEM certificates to trust for wss:// instead of the system's. */
  readonly ca?: string;
  readonly connectTimeoutMs?: number;
  readonly keepalive?: { readonly intervalMs: number; readonly timeoutMs: number };
  /** Receive window of a new stream, 256 KiB to 16 MiB. */
  readonly windowBytes?: number;
  /** How far it grows with the bandwidth-delay product of the stream, up to 16 MiB, which is the default. */
  readonly maxWindowBytes?: number;
  /** What the windows may grow by, of all sessions that are given the same budget. Default: 256 MiB for this session. */
  readonly windowBudget?: WindowBudget;
  /** Streams of the relay, one for each connection to a published lease, that may be open at once; more are reset. Default 16,384. */
  readonly maxInboundStreams?: number;
  /** How long a relay that takes no new streams may keep the connection, milliseconds. Default 30 s. */
  readonly goAwayTimeoutMs?: number;
  /** The clock of this machine, milliseconds since 1970. */
  readonly nowMs?: () => number;
  /** Milliseconds between two renewals of a published lease, default 10 s; it lasts for 30 to 45 s. */
  readonly renewEveryMs?: number;
  /** Chooses how long a lease lasts: 0 up to 1, default Math.random. */
  readonly random?: () => number;
  /** For replaying recorded handshakes; in life the defaults are the only safe ones. */
  readonly handshakeSecrets?: HandshakeSecrets;
}

export interface DialOptions {
  readonly alpn: string;
  readonly signal: AbortSignal;
}

const defaultConnectTimeoutMs = 10_000;
const defaultKeepalive = { intervalMs: 10_000, timeoutMs: 5_000 };
const acceptCapacity = 256;
/** Our relay closes the connection 5 s after its GoAway. By then a lease that could not be renewed expires. */
const defaultGoAwayTimeoutMs = 30_000;

/** A lease that is published on a session. */
export interface PublishedLease {
  /**
   * Takes no more connections and stops renewing. Resolves when it is known who holds the lease, after one renewal interval at
   * most; it is deleted if this session is the only one that publishes it.
   */
  stop(): Promise<void>;
  /** As stop, but takes connections until it resolves: another process may have published the same lease. */
  handOver(): Promise<void>;
  /** Takes no more connections, stops renewing and waiting, and sends nothing. */
  release(): void;
}

/**
 * Connects to a relay (`ws://HOST:4017/relay`): the websocket is open and the relay has answered a ping. Throws PortalError: bad_relay_url,
 * relay_unreachable, relay_tls, not_a_relay, connect_timeout, dial_aborted.
 */
export async function connect(url: string, options: SessionOptions): Promise<Session> {
  const { ca, nowMs = Date.now, connectTimeoutMs = defaultConnectTimeoutMs } = options;
  const { signal = new AbortController().signal } = options;
  const clock = new RelayClock({ nowMs, ask: (askSignal) => requestDate(url, { ca, signal: askSignal }) });
  const carrier = await connectCarrier(url, {
    signal,
    handshakeTimeoutMs: connectTimeoutMs,
    ...(ca !== undefined && { ca }),
    dated: (sample) => {
      clock.take(sample);
    },
  });
  const session = new Session(url, carrier, options, clock);
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
  /** Resolves when the session is over: with the reason, or with undefined after close(). */
  readonly closed: Promise<PortalError | undefined>;
  readonly #mux: Mux;
  readonly #over: (error: PortalError | undefined) => void;
  readonly #dialer: Dialer;
  readonly #clock: RelayClock;
  readonly #publishing: Pick<SessionOptions, 'renewEveryMs' | 'random'>;
  #leaving: NodeJS.Timeout | undefined;
  readonly #publishers = new Map<string, Publisher & { readonly publication: Publication }>();

  /** `clock`: the relay's time. Default: it is not known. */
  constructor(url: string, carrier: Carrier, options: SessionOptions, clock?: RelayClock) {
    this.url = url;
    const { nowMs = Date.now } = options;
    this.#clock = clock ?? new RelayClock({ nowMs });
    this.#publishing = options;
    const { promise, resolve } = Promise.withResolvers<PortalError | undefined>();
    this.closed = promise;
    this.#over = resolve;
    const { windowBytes = initialWindowBytes, maxWindowBytes: maxBytes = maxWindowBytes } = options;
    const { windowBudget, maxInboundStreams } = options;
    this.#mux = new Mux(
      carrier,
      {
        role: 'client',
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

  /** suspect: the last keepalive is late; draining: the relay takes no new streams. */
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

  /** The clock of this machine minus the relay's, now and once a minute, where the relay shows its time. */
  watchClock(report: (skewMs: number) => void): void {
    this.#clock.watch(report);
  }

  /** Resolves with the round trip in milliseconds when the relay has answered a ping. Throws PortalError when the session ends. */
  ping(): Promise<number> {
    return this.#mux.ping();
  }

  /** What the relay says of itself, and the leases that it lists. */
  info(signal: AbortSignal, options?: InfoOptions): Promise<RelayInfo> {
    return requestInfo(this.#mux, signal, options);
  }

  /** An end-to-end encrypted tunnel to the app that holds the lease; the app's identity is proven to be that lease's. */
  async dial(leaseId: string, options: DialOptions): Promise<SecureChannel> {
    return new SecureChannel(await this.dialPipe(leaseId, options));
  }

  /** As dial, but returns a byte pipe instead of a Node stream. */
  dialPipe(leaseId: string, options: DialOptions): Promise<SecurePipe> {
    return dialLease(this.#dialer, leaseId, options.alpn, options.signal);
  }

  /** Publishes a lease until `signal` aborts, the iteration is left, or the session ends (then it throws the reason). */
  listen(offer: LeaseOffer): AsyncIterableIterator<SecureChannel> {
    const queue = new AcceptQueue<SecurePipe>(acceptCapacity, () => void publication.stop());
    const publication = this.publish(offer, (tunnel) => queue.offer(tunnel), {
      published: () => undefined,
      refused: (error) => {
        queue.close(error);
      },
    });
    void this.closed.then((error) => {
      queue.close(error);
    });
    return new AcceptedChannels(queue);
  }

  /** As listen, but hands each tunnel over as a byte pipe when it arrives; `deliver` returns false to refuse it. */
  publish(offer: LeaseOffer, deliver: (tunnel: SecurePipe) => boolean, observer: PublishObserver): PublishedLease {
    const { id } = offer.credential;
    if (this.#publishers.has(id))
      throw new PortalError('lease_rejected', `this session already publishes the lease ${id}`);
    const { renewEveryMs, random } = this.#publishing;
    const times = { clock: this.#clock, renewEveryMs, random };
    const publication = new Publication(this.#mux, offer, times, {
      published: () => {
        observer.published();
      },
      renewed: () => {
        observer.renewed?.();
      },
      contested: (expiresAtMs) => {
        observer.contested?.(expiresAtMs);
      },
      refused: (error) => {
        this.#publishers.delete(id);
        observer.refused(error);
      },
    });
    const refused = (refusal: ClientRefusal): void => observer.clientRefused?.(refusal);
    this.#publishers.set(id, { offer, deliver, publication, refused });
    const refuse = (): void => {
      if (this.#publishers.get(id)?.publication === publication) this.#publishers.delete(id);
    };
    return {
      stop: () => {
        refuse();
        return publication.withdraw();
      },
      handOver: () => publication.withdraw().finally(refuse),
      release: () => {
        refuse();
        publication.release();
      },
    };
  }

  /**
   * Closes the connection. The relay drops the leases that this connection holds; none is deleted, because another process may have
   * published it. Idempotent.
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

  /** Nothing can be dialled, listed or renewed here any more, and only a new connection may lead to a relay that serves. */
  #leaveWithin(ms: number): void {
    this.#leaving ??= setTimeout(() => {
      this.#end(new PortalError('session_goaway', `the relay took no new streams for ${ms / 1_000} s`));
    }, ms).unref();
  }

  #forget(): void {
    clearTimeout(this.#leaving);
    this.#clock.close();
    for (const { publication } of this.#publishers.values()) publication.release();
    this.#publishers.clear();
  }
}
