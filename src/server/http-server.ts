// Owns the HTTP/1.1 listener: its limits, and the way from Node's events to an exchange and a sink. Decides nothing about a request
// but whether it is one.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Socket, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../kernel/errors.ts';
import type { Dispatch } from '../pipeline/stage.ts';
import type { Policy } from '../policy/policy.ts';
import { ClientExchange } from './client-exchange.ts';
import { ClientRequest } from './client-request.ts';
import { drainServer } from './drain.ts';
import { healthAnswer, type HealthState } from './health.ts';
import { answerParseError, refuse } from './raw-answer.ts';
import { ResponseSink, type SinkHost } from './response-sink.ts';
import { splice } from './splice.ts';
import { isWorthUpgrading, responseFor, takeSocket } from './upgrade.ts';

export interface HttpServerOptions {
  readonly host: string;
  readonly port: number;
  /** The current snapshot: taken once for each request. */
  readonly policy: () => Policy;
  readonly dispatch: Dispatch;
  readonly connected: () => boolean;
}

/** Contract: gateway.read_header_timeout, idle_timeout, max_header_bytes. */
const headersTimeoutMs = 10_000;
const keepAliveTimeoutMs = 120_000;
const maxHeaderBytes = 32 * 1024;
/** How late a slow head is noticed. Node's default is 30 s. */
const connectionsCheckMs = 500;

export class HttpServer implements SinkHost, HealthState {
  readonly #options: HttpServerOptions;
  readonly #server: Server;
  /** Connections that left HTTP, or asked to: Node forgets them. */
  readonly #switched = new Set<Socket>();
  readonly #inFlight = new Map<ServerResponse, ResponseSink>();
  readonly #startedMs = performance.now();
  #draining: Promise<void> | undefined = undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#server = createServer({
      IncomingMessage: ClientRequest,
      // Node's default ends every upload after five minutes.
      requestTimeout: 0,
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: connectionsCheckMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      maxHeaderSize: maxHeaderBytes,
      insecureHTTPParser: false,
      optimizeEmptyRequests: true,
      shouldUpgradeCallback: isWorthUpgrading,
    });
    // By default Node drops what exceeds a number of headers, silently; their bytes are limited already.
    this.#server.maxHeadersCount = 0;
    this.#server
      .on('request', this.#handle)
      // The app says whether to continue.
      .on('checkContinue', this.#handle)
      .on('checkExpectation', this.#unexpected)
      .on('upgrade', this.#upgrade)
      .on('connect', this.#connect)
      .on('clientError', answerParseError as (error: Error, socket: Duplex) => void);
  }

  get draining(): boolean {
    return this.#draining !== undefined;
  }

  get uptimeSeconds(): number {
    return Math.floor((performance.now() - this.#startedMs) / 1000);
  }

  connected(): boolean {
    return this.#options.connected();
  }

  /** Throws Node's error (EADDRINUSE, EACCES) when the port can't be had. */
  async listen(): Promise<AddressInfo> {
    this.#server.listen(this.#options.port, this.#options.host);
    await once(this.#server, 'listening');
    return this.#server.address() as AddressInfo;
  }

  /** Takes no new connections, lets what is in flight end, cuts the rest after the grace. Idempotent. */
  drain(graceMs: number): Promise<void> {
    this.#draining ??= drainServer(this.#server, this.#cutAll, graceMs);
    return this.#draining;
  }

  /** Cuts everything. Idempotent. */
  async close(): Promise<void> {
    const drained = this.drain(0);
    this.#cutAll();
    await drained;
  }

  switched(response: ServerResponse, head: string, peer: Duplex): void {
    this.#inFlight.delete(response);
    const socket = takeSocket(response);
    if (socket === undefined) {
      peer.destroy();
      return;
    }
    socket.write(head, 'latin1');
    splice(socket, peer);
  }

  /** Whoever waits for an answer is told why there is none. */
  readonly #cutAll = (): void => {
    for (const sink of this.#inFlight.values()) {
      sink.fail(new GatewayError('draining', 'The gateway is shutting down.', { retryAfterSeconds: 1 }));
    }
    this.#server.closeAllConnections();
    for (const socket of this.#switched) socket.destroy();
  };

  readonly #handle = (request: IncomingMessage, response: ServerResponse): void => {
    this.#accept(request, response, false);
  };

  readonly #upgrade = (request: IncomingMessage, socket: Duplex, rest: Buffer): void => {
    if (!(socket instanceof Socket)) {
      socket.destroy(); // Node's stand-in for a socket within a body: those are not offered an upgrade
      return;
    }
    this.#switched.add(socket);
    socket.once('close', () => this.#switched.delete(socket));
    this.#accept(request, responseFor(request, socket, rest), true);
  };

  readonly #connect = (_request: IncomingMessage, socket: Duplex): void => {
    socket.on('error', () => undefined);
    if (socket instanceof Socket)
      refuse(socket, new GatewayError('not_implemented', 'The gateway is no forward proxy.'));
    else socket.destroy();
  };

  readonly #unexpected = (request: IncomingMessage, response: ServerResponse): void => {
    const exchange = ClientExchange.of(request, this.#options.policy(), false);
    new ResponseSink(response, exchange, this).fail(
      new GatewayError('expectation_failed', 'The gateway knows no expectation but 100-continue.'),
    );
  };

  #accept(request: IncomingMessage, response: ServerResponse, upgrade: boolean): void {
    const exchange = ClientExchange.of(request, this.#options.policy(), upgrade);
    const sink = new ResponseSink(response, exchange, this);
    this.#inFlight.set(response, sink);
    response.on('close', () => {
      this.#inFlight.delete(response);
      sink.closed();
      // Its connection may have promised to stay before the drain began.
      if (this.draining) this.#server.closeIdleConnections();
    });
    const health = healthAnswer(exchange.req.target, this);
    if (health !== undefined) {
      const { method } = exchange.req;
      if (method === 'GET' || method === 'HEAD') sink.answer(health);
      else sink.fail(new GatewayError('method_not_allowed', 'Only GET.', { headers: ['Allow', 'GET, HEAD'] }));
    } else if (this.draining) {
      sink.fail(new GatewayError('draining', 'The gateway is shutting down.', { retryAfterSeconds: 1 }));
    } else if (!isKnownCoding(request.headers['transfer-encoding'])) {
      sink.fail(new GatewayError('not_implemented', 'The only transfer coding is chunked.'));
    } else this.#options.dispatch(exchange, sink);
  }
}

function isKnownCoding(coding: string | undefined): boolean {
  return coding === undefined || coding === 'chunked' || coding.trim().toLowerCase() === 'chunked';
}
