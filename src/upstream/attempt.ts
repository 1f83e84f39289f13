// Owns the life of one request on its way to an app: waits for a tunnel, is sent, streams, is done, and every way in which that
// can end early. How HTTP is spoken over the tunnel is its two kinds' (pooled-attempt.ts, own-tunnel-attempt.ts).
import type { Cancellable } from '../kernel/cancellation.ts';
import { Deadline, type Deadlines, type Expiring } from '../kernel/deadlines.ts';
import { GatewayError } from '../kernel/errors.ts';
import { noHeaders, type Flow, type RawHeaders, type Sink } from '../kernel/http.ts';
import type { Connection } from './connection.ts';
import { exchangeFault, saysLeaseIsGone } from './faults.ts';
import { responseHead, responseTrailers, type ResponseHead } from './response-head.ts';
import type { Freshness, TunnelPool, Waiter } from './tunnel-pool.ts';
import type { UpstreamRequest } from './upstream-request.ts';

/** waiting: for a tunnel. sent: the request is on its way, or being uploaded. streaming: the answer has begun. */
type Phase = 'waiting' | 'sent' | 'streaming' | 'done';

export abstract class Attempt implements Waiter, Flow, Cancellable, Expiring {
  readonly request: UpstreamRequest;
  endsByClose = false;
  abstract readonly freshness: Freshness;
  protected phase: Phase = 'waiting';
  protected connection: Connection | undefined = undefined;
  protected readonly pool: TunnelPool;
  protected readonly sink: Sink;
  readonly #deadlines: Deadlines;
  readonly #deadline: Deadline;
  #uploaded = false;

  constructor(request: UpstreamRequest, sink: Sink, pool: TunnelPool, deadlines: Deadlines) {
    this.request = request;
    this.sink = sink;
    this.pool = pool;
    this.#deadlines = deadlines;
    this.#deadline = new Deadline(this);
  }

  /** Sends the request over the tunnel: `this.connection`. */
  protected abstract send(connection: Connection): void;
  abstract pause(): void;
  abstract resume(): void;

  start(): void {
    this.request.cancellation.add(this);
    if (this.phase === 'waiting') this.pool.acquire(this, this.request.timeouts.dialMs);
  }

  ready(connection: Connection): void {
    this.connection = connection;
    this.phase = 'sent';
    connection.awaitAnswer(this.request.carriage === 'upgrade');
    if (this.request.body.lengthBytes !== 'none') this.#deadlines.arm(this.#deadline, this.request.timeouts.bodyIdleMs);
    this.send(connection);
  }

  /** No tunnel came about. */
  failed(error: GatewayError): void {
    if (saysLeaseIsGone(error)) this.request.leaseGone(this.request.lease.id);
    this.#finish();
    this.sink.fail(error);
  }

  /** The client has left. */
  cancel(): void {
    this.abort(new GatewayError('client_closed', 'The client left before the answer was complete.'));
  }

  abort(error: GatewayError): void {
    if (this.phase === 'done') return;
    if (this.phase === 'waiting') this.pool.cancel(this);
    this.#finish();
    this.connection?.destroy();
    this.sink.fail(error);
  }

  expired(): void {
    if (this.phase === 'streaming') {
      this.abort(new GatewayError('tunnel_failed', 'The answer stood still for too long.'));
    } else if (this.#uploaded) {
      this.abort(new GatewayError('headers_timeout', 'The app did not begin its answer in time.'));
    } else if (this.connection?.tunnel.writableNeedDrain === true) {
      this.abort(new GatewayError('headers_timeout', 'The app stopped reading the request.'));
    } else this.abort(new GatewayError('request_timeout', 'The request body stood still for too long.'));
  }

  /** A piece of the request body has gone out. */
  protected uploading(): void {
    if (this.phase === 'sent') this.#deadlines.arm(this.#deadline, this.request.timeouts.bodyIdleMs);
  }

  /** The whole request has gone out: the app's time runs from now. */
  protected uploaded(): void {
    this.#uploaded = true;
    if (this.phase === 'sent') this.#deadlines.arm(this.#deadline, this.request.timeouts.responseHeadersMs);
  }

  protected informed(parsed: number, raw: readonly string[]): void {
    if (this.phase !== 'sent') return;
    const status = this.connection?.interimStatus(parsed) ?? parsed;
    const head = this.#headOf(status, raw);
    if (head !== undefined) this.sink.informational(status, head.headers);
  }

  protected answered(status: number, raw: readonly string[]): void {
    if (this.phase !== 'sent') return;
    const head = this.#headOf(status, raw);
    if (head === undefined) return;
    this.phase = 'streaming';
    this.endsByClose = head.endsByClose;
    this.#deadlines.arm(this.#deadline, this.request.timeouts.bodyIdleMs);
    this.sink.head(status, head.headers, this);
    if (!head.endsHere) return;
    const { connection } = this;
    this.ended(noHeaders);
    connection?.destroy();
  }

  /** Undefined: the head contradicts itself, and the attempt is over. */
  #headOf(status: number, raw: readonly string[]): ResponseHead | undefined {
    const { method } = this.request;
    try {
      return responseHead(raw, { method, status, version: this.connection?.answerVersion ?? '1.1' });
    } catch (error) {
      this.abort(exchangeFault(error, false));
      return undefined;
    }
  }

  /** False: the caller stops until resume(). */
  protected streamed(chunk: Uint8Array): boolean {
    if (this.phase !== 'streaming') return true;
    this.#deadlines.arm(this.#deadline, this.request.timeouts.bodyIdleMs);
    return this.sink.data(chunk);
  }

  protected ended(trailers: RawHeaders): void {
    if (this.phase !== 'streaming') return;
    this.#finish();
    this.sink.end(trailers.length === 0 ? trailers : responseTrailers(trailers));
  }

  /** The tunnel now speaks another protocol, between the app and whoever the sink hands it to. */
  protected upgraded(raw: readonly string[], protocol: string, connection: Connection): void {
    const head = this.#headOf(101, raw);
    if (head === undefined) return;
    this.#finish();
    // With a 101 these two are the answer itself (RFC 9110 §7.8).
    head.headers.push('Connection', 'Upgrade', 'Upgrade', protocol);
    this.sink.upgrade(101, head.headers, connection.tunnel);
  }

  /** The tunnel failed, or what came through it was no HTTP. */
  protected broke(cause: unknown): void {
    if (this.phase === 'done') return;
    const error = exchangeFault(cause ?? this.connection?.tunnel.errored, this.phase === 'streaming');
    this.#finish();
    this.connection?.destroy();
    this.sink.fail(error);
  }

  /** Begins anew with another tunnel. */
  protected again(): void {
    this.#deadlines.disarm(this.#deadline);
    this.#uploaded = false;
    this.connection = undefined;
    this.phase = 'waiting';
    this.pool.acquire(this, this.request.timeouts.dialMs);
  }

  #finish(): void {
    this.phase = 'done';
    this.#deadlines.disarm(this.#deadline);
    this.request.cancellation.delete(this);
  }
}
