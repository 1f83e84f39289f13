// One request to an app: waits for a tunnel, sends the request, streams the response and calls
// exactly one terminal method of the sink. Moves to a new tunnel once if a reused one was lost and
// repeating is safe, and looks up the lease again once if the relay does not know it.
import process from 'node:process';
import { encodeRequestHead, InvalidRequestError } from '../http-client/encode-request-head.ts';
import type { ExchangeHandler } from '../http-client/exchange.ts';
import type { HttpFault } from '../http-client/http-fault.ts';
import { OutgoingBody } from '../http-client/outgoing-body.ts';
import type { ResponseHead } from '../http-client/response.ts';
import type { Cancellable } from '../kernel/work/cancellation.ts';
import { Deadline, type Deadlines, type Expiring } from '../kernel/work/deadlines.ts';
import { GatewayError } from '../kernel/errors/gateway-error.ts';
import { fieldValues } from '../kernel/http/field-value.ts';
import type { Flow, RawHeaders, Sink } from '../kernel/http/http.ts';
import type { PipeDuplex } from '../kernel/net/pipe-duplex.ts';
import type { Connection } from './tunnel-connection.ts';
import { exchangeError, saysLeaseIsGone } from './upstream-errors.ts';
import { endToEndTrailers } from './request-headers.ts';
import { responseHeaders, responseTrailers } from './response-headers.ts';
import { freshnessFor, mayRepeat } from './tunnel-retry.ts';
import type { TunnelPool } from './tunnel-pool.ts';
import type { UpstreamRequest } from './upstream-request.ts';
import type { Freshness, Waiter } from './waiter.ts';

/**
 * waiting: for a tunnel. sent: the request is being sent or awaits its response. streaming: the
 * response has begun.
 */
type Phase = 'waiting' | 'sent' | 'streaming' | 'done';

export interface AttemptParts {
  readonly pool: TunnelPool;
  /** The pool for a request to another lease; undefined: no relay that lists it is connected. */
  readonly poolFor: (request: UpstreamRequest) => TunnelPool | undefined;
  readonly deadlines: Deadlines;
}

export class Attempt implements Waiter, Flow, Cancellable, Expiring, ExchangeHandler {
  endsByClose = false;
  #request: UpstreamRequest;
  #pool: TunnelPool;
  readonly #poolFor: AttemptParts['poolFor'];
  readonly #sink: Sink;
  readonly #deadlines: Deadlines;
  readonly #deadline: Deadline;
  #phase: Phase = 'waiting';
  #connection: Connection | undefined;
  #usedBefore = false;
  #freshness: Freshness;
  #uploaded = false;
  #lookedAgain = false;
  /** The client has not read the last piece of the response yet. */
  #clientHolds = false;
  #head: Uint8Array | undefined;
  #body: OutgoingBody | undefined;

  constructor(request: UpstreamRequest, sink: Sink, { pool, poolFor, deadlines }: AttemptParts) {
    this.#request = request;
    this.#sink = sink;
    this.#pool = pool;
    this.#poolFor = poolFor;
    this.#deadlines = deadlines;
    this.#deadline = new Deadline(this);
    this.#freshness = freshnessFor(request);
  }

  get freshness(): Freshness {
    return this.#freshness;
  }

  start(): void {
    const request = this.#request;
    if (!this.#encode()) return;
    request.cancellation.add(this);
    if (this.#phase === 'waiting') this.#pool.acquire(this, request.timeouts.dialMs);
  }

  /** Returns false if the request was rejected. */
  #encode(): boolean {
    try {
      this.#head = encodeRequestHead(this.#request);
      return true;
    } catch (cause) {
      const code = cause instanceof InvalidRequestError ? 'invalid_request' : 'internal_error';
      this.#refuse(new GatewayError(code, 'The request cannot be forwarded as it is.', { cause }));
      return false;
    }
  }

  // Called by the pool.

  ready(connection: Connection): void {
    const { method, offeredProtocols, timeouts } = this.#request;
    const head = this.#head;
    if (head === undefined) throw new Error('a tunnel for a request that was not started');
    this.#connection = connection;
    this.#usedBefore = connection.used;
    this.#phase = 'sent';
    const body = this.#outgoingBody();
    if (body !== undefined) this.#deadlines.arm(this.#deadline, timeouts.bodyIdleMs);
    connection.http.send({ method, head, body, offeredProtocols }, this);
  }

  /** No tunnel became available. */
  failed(error: GatewayError): void {
    const request = this.#request;
    if (saysLeaseIsGone(error)) {
      request.leaseGone(request.lease.id);
      if (!this.#lookedAgain) {
        this.#lookedAgain = true;
        request.elsewhere().then(
          (again) => {
            this.#redirect(again, error);
          },
          () => {
            this.#redirect(undefined, error);
          },
        );
        return;
      }
    }
    this.#refuse(error);
  }

  /**
   * The failed dial has sent nothing, so a request of any method may be dialled once more: its app
   * may have a new lease id.
   */
  #redirect(again: UpstreamRequest | undefined, error: GatewayError): void {
    if (this.#phase !== 'waiting') return;
    const pool = again && this.#poolFor(again);
    if (again === undefined || pool === undefined) {
      this.#refuse(error);
      return;
    }
    this.#request = again;
    this.#pool = pool;
    // Encoded again, because the app's host and the assertion about the caller depend on the lease.
    if (this.#encode()) pool.acquire(this, again.timeouts.dialMs);
  }

  // Called by the sink and the server. Once the response is complete, its tunnel may carry another
  // request.

  pause(): void {
    if (this.#phase === 'streaming') this.#connection?.http.pause();
  }

  resume(): void {
    if (this.#phase !== 'streaming') return;
    if (this.#clientHolds) {
      this.#clientHolds = false;
      // The time that the client took does not count against the app.
      this.#deadlines.arm(this.#deadline, this.#request.timeouts.bodyIdleMs);
    }
    this.#connection?.http.resume();
  }

  /** The client has left. */
  cancel(): void {
    this.abort(new GatewayError('client_closed', 'The client left before the response was complete.'));
  }

  abort(error: GatewayError): void {
    if (this.#phase === 'done') return;
    if (this.#phase === 'waiting') this.#pool.cancel(this);
    this.#finish();
    this.#connection?.destroy();
    this.#sink.fail(error);
  }

  expired(): void {
    if (this.#phase === 'streaming') {
      this.abort(
        this.#clientHolds
          ? new GatewayError('client_too_slow', 'The client did not read the response for too long.')
          : new GatewayError('tunnel_failed', 'The response made no progress for too long.'),
      );
    } else if (this.#uploaded) {
      this.abort(new GatewayError('headers_timeout', 'The app did not begin its response in time.'));
    } else if (this.#connection?.http.pipe.needsDrain === true) {
      this.abort(new GatewayError('headers_timeout', 'The app stopped reading the request.'));
    } else this.abort(new GatewayError('request_timeout', 'The request body made no progress for too long.'));
  }

  // Called by the connection.

  uploading(): void {
    // Also after an early response head: the exchange is not idle while the upload goes on.
    if (this.#phase !== 'done') this.#deadlines.arm(this.#deadline, this.#request.timeouts.bodyIdleMs);
  }

  /** The response header timeout of the app starts now. */
  uploaded(): void {
    this.#uploaded = true;
    if (this.#phase === 'sent') this.#deadlines.arm(this.#deadline, this.#request.timeouts.responseHeadersMs);
  }

  informational(head: ResponseHead): void {
    if (this.#phase === 'sent') this.#sink.informational(head.status, responseHeaders(head, this.#request.method));
  }

  head(head: ResponseHead): void {
    if (this.#phase !== 'sent') return;
    this.#phase = 'streaming';
    this.endsByClose = head.framing.kind === 'close';
    this.#deadlines.arm(this.#deadline, this.#request.timeouts.bodyIdleMs);
    this.#sink.head(head.status, responseHeaders(head, this.#request.method), this);
  }

  data(chunk: Buffer): boolean {
    if (this.#phase !== 'streaming') return true;
    this.#deadlines.arm(this.#deadline, this.#request.timeouts.bodyIdleMs);
    const more = this.#sink.data(chunk);
    if (!more) this.#clientHolds = true;
    return more;
  }

  end(trailers: RawHeaders): void {
    if (this.#phase !== 'streaming') return;
    this.#finish();
    this.#sink.end(trailers.length === 0 ? trailers : responseTrailers(trailers));
  }

  upgrade(head: ResponseHead, stream: PipeDuplex): void {
    if (this.#phase !== 'sent') {
      stream.destroy();
      return;
    }
    this.#finish();
    const headers = responseHeaders(head, this.#request.method);
    // Hop-by-hop, but required in a 101 (RFC 9110 §7.8).
    headers.push('Connection', 'Upgrade', 'Upgrade', fieldValues(head.headers, 'upgrade').join(', '));
    this.#sink.upgrade(101, headers, stream);
  }

  fail(fault: HttpFault): void {
    if (this.#phase === 'done') return;
    if (this.#phase === 'sent' && this.#mayMove(fault)) {
      this.#move();
      return;
    }
    this.#refuse(exchangeError(fault));
  }

  /** Once, and only from a reused tunnel to a new one. */
  #mayMove(fault: HttpFault): boolean {
    if (!this.#usedBefore || this.#freshness === 'new') return false;
    return mayRepeat(fault, this.#request.method, this.#body !== undefined);
  }

  #move(): void {
    this.#deadlines.disarm(this.#deadline);
    this.#uploaded = false;
    this.#connection = undefined;
    this.#freshness = 'new';
    this.#phase = 'waiting';
    // The pool learns of the lost tunnel only after this call. A full pool would reject the request
    // until then.
    process.nextTick(this.#acquireAgain);
  }

  readonly #acquireAgain = (): void => {
    if (this.#phase === 'waiting') this.#pool.acquire(this, this.#request.timeouts.dialMs);
  };

  #outgoingBody(): OutgoingBody | undefined {
    const { body, dropped } = this.#request;
    const { lengthBytes } = body;
    if (lengthBytes === 'none' || lengthBytes === 0) return undefined;
    return (this.#body ??= new OutgoingBody({
      stream: body.open(),
      lengthBytes,
      trailers: () => endToEndTrailers(body.trailers(), dropped),
    }));
  }

  #refuse(error: GatewayError): void {
    this.#finish();
    this.#sink.fail(error);
  }

  #finish(): void {
    this.#phase = 'done';
    this.#deadlines.disarm(this.#deadline);
    this.#request.cancellation.delete(this);
    this.#body?.leave();
  }
}
