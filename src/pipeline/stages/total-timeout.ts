// Limits the total time of a request and its response, where the policy has a limit: from the end
// of the request head, so that queueing and slow look-ups count too. Streams have an idle timeout
// instead.
import type { Clock } from '../../kernel/clock.ts';
import { Deadline, type Deadlines, type Expiring } from '../../kernel/work/deadlines.ts';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import type { Flow, RawHeaders, Sink } from '../../kernel/http/http.ts';
import type { WholeResponse } from '../../kernel/http/whole-response.ts';
import { isStream } from '../is-stream.ts';
import { PassingSink } from '../passing-sink.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';

/**
 * Elapsed time is rounded down to this step: each duration in use has a timer of its own, and there
 * must be few. So a timeout fires up to this much late, and never early.
 */
const stepMs = 25;

export function totalTimeout(deadlines: Deadlines, clock: Clock): Stage {
  return function totalTimeoutStage(next): Dispatch {
    return function limitTotal(exchange, sink) {
      const totalMs = exchange.destination?.timeouts.totalMs ?? 0;
      if (totalMs === 0) {
        next(exchange, sink);
        return;
      }
      const goneMs = Math.floor((clock.monotonicMs() - exchange.startedMs) / stepMs) * stepMs;
      const bounded = new BoundedSink(exchange, sink, deadlines);
      bounded.start(Math.max(0, totalMs - goneMs));
      next(exchange, bounded);
    };
  };
}

class BoundedSink extends PassingSink implements Expiring {
  readonly #exchange: Exchange;
  readonly #deadlines: Deadlines;
  readonly #deadline: Deadline;
  #flow: Flow | undefined = undefined;
  #over = false;

  constructor(exchange: Exchange, sink: Sink, deadlines: Deadlines) {
    super(sink);
    this.#exchange = exchange;
    this.#deadlines = deadlines;
    this.#deadline = new Deadline(this);
  }

  start(afterMs: number): void {
    this.#deadlines.arm(this.#deadline, afterMs);
  }

  expired(): void {
    const error = new GatewayError('total_timeout', 'The request exceeded its total timeout.');
    if (this.#flow !== undefined) {
      this.#flow.abort(error);
      return;
    }
    this.fail(error);
    // The response has been sent: cancel all remaining work and drop its result.
    this.#exchange.cancellation.cancel();
  }

  override respond(response: WholeResponse): void {
    if (this.#finish()) this.sink.respond(response);
  }

  override head(status: number, headers: RawHeaders, flow: Flow): void {
    if (this.#over) return;
    if (isStream(this.#exchange.req.method, status, headers)) this.#deadlines.disarm(this.#deadline);
    else this.#flow = flow;
    this.sink.head(status, headers, flow);
  }

  override end(trailers: RawHeaders): void {
    if (this.#finish()) this.sink.end(trailers);
  }

  override upgrade(status: number, headers: RawHeaders, peer: Parameters<Sink['upgrade']>[2]): void {
    if (this.#finish()) this.sink.upgrade(status, headers, peer);
    else peer.destroy();
  }

  override fail(error: GatewayError): void {
    if (this.#finish()) this.sink.fail(error);
  }

  /** Returns false when the request was already over. */
  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#deadlines.disarm(this.#deadline);
    return true;
  }
}
