// The gateway's listeners: the main one with its protocols, the separate one for operators, and
// their graceful shutdown.
import type { AddressInfo } from 'node:net';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { Deadlines } from '../kernel/work/deadlines.ts';
import type { Dispatch } from '../pipeline/stage.ts';
import type { Policy } from '../policy/policy.ts';
import { ListenerSet } from './listen/listener-set.ts';
import { Listener } from './listen/listener.ts';
import { Http1 } from './http1/http1.ts';
import { LastLook } from './listen/last-look.ts';
import type { ConnectionProtocol, RetiringProtocol, ServerHost } from './server-host.ts';
import { writeRateWindowMs } from './write-rate.ts';

export interface ListenerOptions {
  readonly host: string;
  /** 0: any free port, which listen() returns. */
  readonly port: number;
  /** Limit of a request head. */
  readonly maxHeaderBytes?: number;
  /**
   * Every connection begins with a PROXY protocol v2 header from one of the policy's trusted
   * proxies.
   */
  readonly proxyProtocol?: boolean;
  /**
   * The protocol of the main listener instead of plain HTTP/1: TLS, with `http1` for clients that
   * do not choose HTTP/2.
   */
  readonly secure?: (http1: RetiringProtocol, server: ServerHost) => ConnectionProtocol;
  readonly clock?: Clock;
  /** The window over which gateway.min_write_rate is averaged. */
  readonly writeRateWindowMs?: number;
}

export interface HttpServerOptions extends ListenerOptions {
  /** The current snapshot: taken once for each request. */
  readonly policy: () => Policy;
  /** Receives the requests of the main listener. */
  readonly dispatch: Dispatch;
  /** A separate listener for health, metrics and details, on the same host, and its requests. */
  readonly admin?: { readonly port: number; readonly dispatch: Dispatch } | undefined;
}

/** Allows a scrape in flight to finish after everything else has ended. */
const maxAdminGraceMs = 1_000;

/** The default of gateway.max_header_bytes. */
const defaultMaxHeaderBytes = 32 * 1024;

export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #lastLook = new LastLook();
  readonly #main: ListenerSet;
  readonly #admin: ListenerSet | undefined;
  readonly #startedMs: number;
  #adminAddress: AddressInfo | undefined = undefined;
  #drained: Promise<void> | undefined = undefined;
  #graceOver = false;
  #isCut = false;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#deadlines = new Deadlines(this.#clock);
    this.#startedMs = this.#clock.monotonicMs();
    this.#main = this.#mainListener();
    const { admin } = options;
    this.#admin = admin && this.#adminListener(admin.port, admin.dispatch);
  }

  get draining(): boolean {
    return this.#drained !== undefined;
  }

  /** The grace period of the drain is over, and requests in flight are about to be aborted. */
  get graceOver(): boolean {
    return this.#graceOver;
  }

  get uptimeSeconds(): number {
    return Math.floor((this.#clock.monotonicMs() - this.#startedMs) / 1000);
  }

  get connections(): number {
    return this.#main.listener.connections;
  }

  /** Address of the admin listener, once it listens. */
  get adminAddress(): AddressInfo | undefined {
    return this.#adminAddress;
  }

  /** Throws Node's error (EADDRINUSE, EACCES) if a port is not available. */
  async listen(): Promise<AddressInfo> {
    try {
      this.#adminAddress = await this.#admin?.listener.listen();
      return await this.#main.listener.listen();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /**
   * Keeps listening for `delayMs`, so that load balancers see that the gateway is not ready. Then
   * accepts no new connections, serves the requests on existing ones, and closes those that remain
   * after `graceMs`. Idempotent.
   */
  drain(graceMs: number, delayMs = 0): Promise<void> {
    this.#drained ??= this.#drain(graceMs, delayMs);
    return this.#drained;
  }

  /** Closes every connection at once. Idempotent. */
  async close(): Promise<void> {
    const drained = this.drain(0);
    this.#isCut = true;
    this.#main.cut();
    await drained;
  }

  /** The admin listener closes last, so that operators can observe the whole drain. */
  async #drain(graceMs: number, delayMs: number): Promise<void> {
    const lingerMs = this.#options.policy().limits.drainLingerMs;
    const graceOver = (): void => {
      this.#graceOver = true;
    };
    await this.#main.end({ delayMs, graceMs, lingerMs, graceOver });
    const adminGraceMs = this.#isCut ? 0 : Math.min(graceMs, maxAdminGraceMs);
    await this.#admin?.end({ delayMs: 0, graceMs: adminGraceMs, lingerMs: 0 });
  }

  #mainListener(): ListenerSet {
    const { policy, host, port, secure, proxyProtocol = false, dispatch } = this.#options;
    return new ListenerSet((sendsAway) => {
      const serverHost = this.#host(dispatch, sendsAway);
      const http1 = new Http1(serverHost, this.#maxHeaderBytes);
      const first = secure?.(http1, serverHost) ?? http1;
      const listener = new Listener({
        host,
        port,
        policy,
        clock: this.#clock,
        proxyProtocol,
        onConnection: first.accept,
      });
      return { listener: listener, protocols: first === http1 ? [http1] : [first, http1] };
    });
  }

  #adminListener(port: number, dispatch: Dispatch): ListenerSet {
    const { policy, host } = this.#options;
    return new ListenerSet((sendsAway) => {
      const http1 = new Http1(this.#host(dispatch, sendsAway), this.#maxHeaderBytes);
      const listener = new Listener({
        host,
        port,
        policy,
        clock: this.#clock,
        proxyProtocol: false,
        onConnection: http1.accept,
      });
      return { listener: listener, protocols: [http1] };
    });
  }

  #host(dispatch: Dispatch, sendsAway: () => boolean): ServerHost {
    return {
      sendsAway,
      deadlines: this.#deadlines,
      lastLook: this.#lastLook,
      clock: this.#clock,
      writeRateWindowMs: this.#options.writeRateWindowMs ?? writeRateWindowMs,
      maxHeaderBytes: this.#maxHeaderBytes,
      // A longer target would leave too little room for the header fields.
      maxTargetBytes: Math.floor(this.#maxHeaderBytes / 2),
      policy: this.#options.policy,
      dispatch,
    };
  }

  get #maxHeaderBytes(): number {
    return this.#options.maxHeaderBytes ?? defaultMaxHeaderBytes;
  }
}
