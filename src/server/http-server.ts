// Owns the gateway's listeners: the front door with HTTP behind it, the separate door for operators, and their orderly end. Decides
// nothing about a request.
import type { AddressInfo } from 'node:net';
import { systemClock } from '../kernel/clock.ts';
import { Deadlines } from '../kernel/work/deadlines.ts';
import type { AdminAccess } from '../pipeline/admin-access.ts';
import type { Dispatch, Exchange } from '../pipeline/stage.ts';
import type { Policy } from '../policy/policy.ts';
import { ListenerSet } from './listen/entrance.ts';
import { Listener } from './listen/listener.ts';
import type { HealthState } from './builtin/health.ts';
import { Http1 } from './http1/http1.ts';
import { LastLook } from './listen/last-look.ts';
import { BuiltinEndpoints, type MetricsText } from './builtin/builtin-endpoints.ts';
import { adminReception, reception, type Receive } from './reception.ts';
import type { ConnectionProtocol, RetiringProtocol, ServerHost } from './server-host.ts';
import { writeRateWindowMs } from './write-rate.ts';

export interface ListenerOptions {
  readonly host: string;
  /** 0: any free one; listen() tells which. */
  readonly port: number;
  /** A listener of its own for health, metrics and details, on the same host. */
  readonly admin?: { readonly port: number };
  /** Of a request's head. */
  readonly maxHeaderBytes?: number;
  /** Every connection begins with a PROXY protocol header, version 2, of one of the policy's trusted proxies. */
  readonly proxyProtocol?: boolean;
  /** What is spoken at the main listener in place of HTTP/1: TLS, with `http1` for those who do not choose HTTP/2. */
  readonly secure?: (http1: RetiringProtocol, server: ServerHost) => ConnectionProtocol;
  /** The window over which gateway.min_write_rate is a mean. */
  readonly writeRateWindowMs?: number;
  /** For /health/details. */
  readonly version?: string;
  /** What metrics.path answers; without it there is no such path. */
  readonly metrics?: () => Promise<MetricsText>;
}

export interface HttpServerOptions extends ListenerOptions {
  /** The current snapshot: taken once for each request. */
  readonly policy: () => Policy;
  readonly dispatch: Dispatch;
  readonly connected: () => boolean;
  /** A lease list has arrived. Default: it need not. */
  readonly listed?: () => boolean;
  /** For /health/details, beside what the server knows itself. */
  readonly details?: () => object;
  /** What apps check assertions with, if there are any. */
  readonly assertionKeys?: (() => object) | undefined;
  /** Decides by a credential who may read metrics and details on the main listener. */
  readonly adminAccess?: AdminAccess;
  /** The request came to a host of which every path is an app's, /health included. */
  readonly isForApp?: (exchange: Exchange) => boolean;
}

/** For a scrape that is under way when everything else has ended. */
const maxAdminGraceMs = 1_000;

/** The default of gateway.max_header_bytes. */
const defaultMaxHeaderBytes = 32 * 1024;

export class HttpServer implements HealthState {
  readonly #options: HttpServerOptions;
  readonly #endpoints: BuiltinEndpoints;
  readonly #deadlines = new Deadlines(systemClock);
  readonly #lastLook = new LastLook();
  readonly #main: ListenerSet;
  readonly #admin: ListenerSet | undefined;
  readonly #startedMs = performance.now();
  #adminAddress: AddressInfo | undefined = undefined;
  #drained: Promise<void> | undefined = undefined;
  #graceOver = false;
  #isCut = false;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#endpoints = new BuiltinEndpoints(this, options);
    this.#main = this.#mainEntrance();
    this.#admin = options.admin === undefined ? undefined : this.#adminEntrance(options.admin.port);
  }

  get draining(): boolean {
    return this.#drained !== undefined;
  }

  get uptimeSeconds(): number {
    return Math.floor((performance.now() - this.#startedMs) / 1000);
  }

  get connections(): number {
    return this.#main.door.connections;
  }

  connected(): boolean {
    return this.#options.connected();
  }

  listed(): boolean {
    return this.#options.listed?.() ?? true;
  }

  /** Where the admin listener listens, once it does. */
  get adminAddress(): AddressInfo | undefined {
    return this.#adminAddress;
  }

  /** Throws Node's error (EADDRINUSE, EACCES) when a port can't be had. */
  async listen(): Promise<AddressInfo> {
    try {
      this.#adminAddress = await this.#admin?.door.listen();
      return await this.#main.door.listen();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /**
   * Listens for `delayMs` more, for load balancers to see that it is not ready. Then takes no new connections, serves the requests that
   * come on the others, and cuts what is left after `graceMs`. Idempotent.
   */
  drain(graceMs: number, delayMs = 0): Promise<void> {
    this.#drained ??= this.#drain(graceMs, delayMs);
    return this.#drained;
  }

  /** Cuts everything. Idempotent. */
  async close(): Promise<void> {
    const drained = this.drain(0);
    this.#isCut = true;
    this.#main.cut();
    await drained;
  }

  /** Operators see the end coming until it is there: their listener closes last. */
  async #drain(graceMs: number, delayMs: number): Promise<void> {
    const lingerMs = this.#options.policy().limits.drainLingerMs;
    const graceOver = (): void => {
      this.#graceOver = true;
    };
    await this.#main.end({ delayMs, graceMs, lingerMs, graceOver });
    const adminGraceMs = this.#isCut ? 0 : Math.min(graceMs, maxAdminGraceMs);
    await this.#admin?.end({ delayMs: 0, graceMs: adminGraceMs, lingerMs: 0 });
  }

  #mainEntrance(): ListenerSet {
    const { policy, host, port, secure, proxyProtocol = false, dispatch, isForApp = never } = this.#options;
    const graceOver = (): boolean => this.#graceOver;
    const receive = reception({ endpoints: this.#endpoints, graceOver, isForApp, dispatch });
    return new ListenerSet((sendsAway) => {
      const serverHost = this.#host(receive, sendsAway);
      const http1 = new Http1(serverHost, this.#maxHeaderBytes);
      const first = secure?.(http1, serverHost) ?? http1;
      const door = new Listener({ host, port, policy, proxyProtocol, onConnection: first.accept });
      return { door, protocols: first === http1 ? [http1] : [first, http1] };
    });
  }

  #adminEntrance(port: number): ListenerSet {
    const { policy, host } = this.#options;
    return new ListenerSet((sendsAway) => {
      const http1 = new Http1(this.#host(adminReception(this.#endpoints), sendsAway), this.#maxHeaderBytes);
      const door = new Listener({ host, port, policy, proxyProtocol: false, onConnection: http1.accept });
      return { door, protocols: [http1] };
    });
  }

  #host(receive: Receive, sendsAway: () => boolean): ServerHost {
    return {
      sendsAway,
      deadlines: this.#deadlines,
      lastLook: this.#lastLook,
      clock: systemClock,
      writeRateWindowMs: this.#options.writeRateWindowMs ?? writeRateWindowMs,
      maxHeaderBytes: this.#maxHeaderBytes,
      // Longer ones leave too little room for the fields.
      maxTargetBytes: Math.floor(this.#maxHeaderBytes / 2),
      policy: this.#options.policy,
      receive,
    };
  }

  get #maxHeaderBytes(): number {
    return this.#options.maxHeaderBytes ?? defaultMaxHeaderBytes;
  }
}

function never(): boolean {
  return false;
}
