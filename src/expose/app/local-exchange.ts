// One request to the app: passes the assertion gate, acquires a connection, sends the request,
// streams the response and reports exactly one outcome. Retries once on a new connection if an idle
// one turns out to be dead and repeating the request is safe. Writes nothing to the tunnel.
import type { ExchangeHandler } from '../../http-client/exchange.ts';
import type { HttpFault } from '../../http-client/http-fault.ts';
import { OutgoingBody } from '../../http-client/outgoing-body.ts';
import type { ResponseHead } from '../../http-client/response.ts';
import { Deadline, type Deadlines, type Expiring } from '../../kernel/work/deadlines.ts';
import { fieldValue } from '../../kernel/http/field-value.ts';
import { isIdempotent, type RawHeaders } from '../../kernel/http/http.ts';
import type { PipeDuplex } from '../../kernel/net/pipe-duplex.ts';
import type { ProxyErrorType } from '../../kernel/errors/error-shape.ts';
import type { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { RestoredHost } from '../../kernel/references/restored-host.ts';
import type { AssertionGate } from '../assertions/assertion-gate.ts';
import { type AppFault, appFaultOf, responseTimeoutFault, responseTimeoutMs } from './app-fault.ts';
import { type ExposeEvent, pathOnly } from '../expose-event.ts';
import { appRequestHead, isLastOnConnection, requestTrailers } from '../request/header-fields.ts';
import { withAppReferences } from '../request/host-header.ts';
import type { LocalConnection } from './local-connection.ts';
import type { LocalPool, LocalWaiter } from './local-pool.ts';
import type { RequestBody } from '../request/request-body.ts';
import type { TunnelRequestHead } from '../request/check-request-head.ts';
import type { Target } from './target.ts';

/** Why a request gets a problem response: a failure of the app, or a refusal of the gate. */
export interface RequestFault {
  readonly error: GatewayError;
  /** For Proxy-Status. Undefined: the one that belongs to the error's code. */
  readonly proxyError: ProxyErrorType | undefined;
}

/**
 * Implemented by the tunnel. Exactly one of end, upgrade and fail is called unless the exchange is
 * aborted; none is called within start().
 */
export interface LocalExchangeHandler {
  /** A 1xx response other than 101. */
  informational(head: ResponseHead): void;
  head(head: ResponseHead): void;
  /** Returns false to receive no more data until resume(). */
  data(chunk: Buffer): boolean;
  end(trailers: RawHeaders): void;
  upgrade(head: ResponseHead, stream: PipeDuplex): void;
  fail(fault: RequestFault): void;
  /** The caller's body ended too early or is malformed. */
  requestFailed(): void;
}

export interface ExchangeContext {
  /** Only requests that it admits reach the app. */
  readonly gate: AssertionGate | undefined;
  readonly pool: LocalPool;
  readonly deadlines: Deadlines;
  readonly log: (event: ExposeEvent) => void;
  /** Hosts by which the app may refer to itself, unlike the one that the caller uses. */
  readonly ownHosts: readonly string[];
  readonly target: Target;
}

/**
 * waiting: for the gate, then for a connection. sent: the request is being sent, body included.
 * streaming: the response has begun.
 */
type Phase = 'waiting' | 'sent' | 'streaming' | 'done';

export class LocalExchange implements LocalWaiter, ExchangeHandler, Expiring {
  readonly #request: TunnelRequestHead;
  readonly #sink: LocalExchangeHandler;
  readonly #context: ExchangeContext;
  readonly #deadline: Deadline;
  readonly #head: Buffer;
  /** Undefined: the app receives the caller's Host. */
  readonly #restoredHost: RestoredHost | undefined;
  readonly #body: OutgoingBody | undefined;
  /** The request can be sent a second time. */
  readonly #repeatable: boolean;
  #phase: Phase = 'waiting';
  #connection: LocalConnection | undefined;
  #usedBefore = false;

  /** `host`: the Host for the app. `body`: undefined if the request has none. */
  constructor(
    request: TunnelRequestHead,
    host: string,
    body: RequestBody | undefined,
    sink: LocalExchangeHandler,
    context: ExchangeContext,
  ) {
    this.#request = request;
    this.#sink = sink;
    this.#context = context;
    this.#deadline = new Deadline(this);
    const { ownHosts: hosts, target } = context;
    const clientHost = fieldValue(request.headers, 'host') ?? '';
    let sent = request;
    if (hosts.length > 0) {
      const headers = withAppReferences(request.headers, clientHost, host, target);
      if (headers !== request.headers) sent = { ...request, headers };
      const origin = fieldValue(request.headers, 'origin');
      const isOriginReplaced = headers !== request.headers && origin !== fieldValue(headers, 'origin');
      this.#restoredHost = new RestoredHost({
        hosts,
        clientHost,
        clientScheme: schemeOf(fieldValue(request.headers, 'x-forwarded-proto')),
        clientOrigin: isOriginReplaced ? origin : undefined,
      });
    }
    this.#head = appRequestHead(sent, host);
    const { lengthBytes, method, offeredProtocols } = request;
    if (body !== undefined && lengthBytes !== 'none') {
      this.#body = new OutgoingBody({ stream: body, lengthBytes, trailers: () => requestTrailers(body.trailers) });
    }
    this.#repeatable = body === undefined && offeredProtocols === '' && isIdempotent(method);
  }

  start(): void {
    const { gate } = this.#context;
    if (gate === undefined) this.#acquire();
    else void this.#pass(gate);
  }

  /**
   * The caller has disconnected: aborts the app's connection. The sink is not called
   * again. Idempotent.
   */
  abort(): void {
    if (this.#phase === 'done') return;
    if (this.#phase === 'waiting') this.#context.pool.cancel(this);
    this.#finish();
    this.#connection?.http.destroy();
  }

  resume(): void {
    // Once the response is complete, its connection may already carry another exchange.
    if (this.#phase === 'streaming') this.#connection?.http.resume();
  }

  // Called by the pool.

  ready(connection: LocalConnection): void {
    const { method, target, offeredProtocols } = this.#request;
    this.#connection = connection;
    this.#usedBefore = connection.used;
    connection.last = { method, target };
    connection.single = isLastOnConnection(this.#request);
    this.#phase = 'sent';
    this.#arm();
    connection.http.send({ method, head: this.#head, body: this.#body, offeredProtocols }, this);
  }

  failed(fault: AppFault): void {
    this.#fail(fault);
  }

  // Called by the connection.

  uploading(): void {
    if (this.#phase === 'sent') this.#arm();
  }

  uploaded(): void {
    if (this.#phase === 'sent' && this.#body !== undefined) this.#arm();
  }

  informational(head: ResponseHead): void {
    if (this.#phase !== 'sent') return;
    this.#arm();
    this.#sink.informational(this.#restored(head));
  }

  head(head: ResponseHead): void {
    if (this.#phase !== 'sent') return;
    this.#phase = 'streaming';
    this.#context.deadlines.disarm(this.#deadline);
    this.#sink.head(this.#restored(head));
  }

  data(chunk: Buffer): boolean {
    return this.#phase !== 'streaming' || this.#sink.data(chunk);
  }

  end(trailers: RawHeaders): void {
    if (this.#phase !== 'streaming') return;
    this.#finish();
    this.#sink.end(this.#restoredHost?.apply(trailers) ?? trailers);
  }

  upgrade(head: ResponseHead, stream: PipeDuplex): void {
    if (this.#phase !== 'sent') {
      stream.destroy();
      return;
    }
    this.#finish();
    this.#sink.upgrade(this.#restored(head), stream);
  }

  fail(fault: HttpFault): void {
    if (this.#phase === 'done') return;
    if (this.#phase === 'sent' && this.#mayMove(fault)) {
      this.#move();
      return;
    }
    if (fault.kind !== 'request_body') this.#fail(appFaultOf(fault));
    else {
      this.#finish();
      this.#sink.requestFailed();
    }
  }

  expired(): void {
    const callerHolds = this.#body?.finished === false && this.#connection?.http.pipe.needsDrain === false;
    this.#connection?.http.destroy();
    if (callerHolds) {
      // Not the app's fault: it is waiting for the rest of the request.
      this.#finish();
      this.#sink.requestFailed();
    } else this.#fail(responseTimeoutFault());
  }

  async #pass(gate: AssertionGate): Promise<void> {
    const error = await gate.refusalOf(this.#request);
    // Aborted in the meantime.
    if (this.#phase !== 'waiting') return;
    if (error === undefined) {
      this.#acquire();
      return;
    }
    this.#finish();
    this.#sink.fail({ error, proxyError: undefined });
  }

  #acquire(): void {
    this.#context.pool.acquire(this, this.#repeatable ? 'any' : 'fresh');
  }

  #restored(head: ResponseHead): ResponseHead {
    const headers = this.#restoredHost?.apply(head.headers) ?? head.headers;
    return headers === head.headers ? head : { ...head, headers };
  }

  /** Restarts the response timeout. Upload progress and interim responses do so. */
  #arm(): void {
    this.#context.deadlines.arm(this.#deadline, responseTimeoutMs);
  }

  /**
   * The app may have closed the idle connection just when it was reused (RFC 9112 §9.3.1), or sent
   * late bytes of its previous response. Neither is a response to this request.
   */
  #mayMove(fault: HttpFault): boolean {
    return this.#usedBefore && this.#repeatable && fault.pending;
  }

  #move(): void {
    this.#context.deadlines.disarm(this.#deadline);
    this.#connection = undefined;
    this.#phase = 'waiting';
    this.#context.pool.acquire(this, 'fresh');
  }

  #fail(fault: AppFault): void {
    const outcome = this.#phase === 'streaming' ? 'cut' : fault.error.status;
    this.#finish();
    const { method, target } = this.#request;
    const { failure, reason } = fault;
    this.#context.log({ type: 'target_failed', method, path: pathOnly(target), outcome, failure, reason });
    this.#sink.fail(fault);
  }

  #finish(): void {
    this.#phase = 'done';
    this.#context.deadlines.disarm(this.#deadline);
    this.#body?.leave();
  }
}

/** The scheme that the caller used to reach its gateway, if the gateway states it. */
function schemeOf(forwardedProto: string | undefined): 'http' | 'https' | undefined {
  return forwardedProto === 'http' || forwardedProto === 'https' ? forwardedProto : undefined;
}
