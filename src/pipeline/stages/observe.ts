// Owns that every request is told of: when it begins, when its answer turns out to be a stream, and once when it is over, with what
// became of it. Who listens, and what for, is unknown here; while nobody does, nothing is done.
import { systemClock, type Clock } from '../../kernel/clock.ts';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import {
  requestFinished,
  requestStarted,
  streamOpened,
  type Outcome,
  type RouteLabel,
  type StreamKind,
} from '../../kernel/events.ts';
import { fieldValue } from '../../kernel/http/field-value.ts';
import type { CountedDuplex, Flow, RawHeaders, Sink } from '../../kernel/http/http.ts';
import { finishedRequest } from '../finished-request.ts';
import { isEventStream } from '../is-stream.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';

export function observe(clock: Clock = systemClock): Stage {
  return function observeStage(next): Dispatch {
    return function tell(exchange, sink) {
      if (!requestFinished.hasSubscribers || exchange.kind !== 'client') {
        next(exchange, sink);
        return;
      }
      const { id: requestId, startedMs } = exchange;
      if (requestStarted.hasSubscribers) requestStarted.publish({ requestId, startedMs });
      const observed = new ObservedSink(exchange, sink, clock);
      try {
        next(exchange, observed);
      } catch (cause) {
        observed.fail(new GatewayError('internal_error', 'The gateway failed to handle the request.', { cause }));
      }
    };
  };
}

class ObservedSink implements Sink {
  readonly #exchange: Exchange;
  readonly #sink: Sink;
  readonly #clock: Clock;
  /** 0: the client has no head yet. */
  #status = 0;
  #headAtMs: number | undefined = undefined;
  #stream: StreamKind | undefined = undefined;
  #bytesSent = 0;
  #finished = false;

  constructor(exchange: Exchange, sink: Sink, clock: Clock) {
    this.#exchange = exchange;
    this.#sink = sink;
    this.#clock = clock;
  }

  informational(status: number, headers: RawHeaders): void {
    this.#sink.informational(status, headers);
  }

  head(status: number, headers: RawHeaders, flow: Flow): void {
    this.#sink.head(status, headers, flow);
    // A head that can't be sent fails within: the answer is another one then, and over.
    if (this.#finished) return;
    this.#begin(status);
    if (isEventStream(fieldValue(headers, 'content-type') ?? '')) this.#open('sse');
  }

  data(chunk: Uint8Array): boolean {
    this.#bytesSent += chunk.length;
    return this.#sink.data(chunk);
  }

  end(trailers: RawHeaders): void {
    this.#sink.end(trailers);
    this.#finish(undefined, this.#bytesSent);
  }

  upgrade(status: number, headers: RawHeaders, peer: CountedDuplex): void {
    // Counted by the tunnel already, but for the exchange that led here; what came behind it waits to be read.
    const sentBefore = peer.bytesSent;
    const receivedBefore = peer.bytesReceived - peer.readableLength;
    this.#sink.upgrade(status, headers, peer);
    // It may be refused within, as a head may.
    if (this.#exchange.passage.fault !== undefined) {
      this.#finish(undefined, undefined);
      return;
    }
    this.#begin(status);
    this.#open(isWebSocket(this.#exchange.req.headers) ? 'websocket' : 'upgrade');
    const over = (): void => {
      this.#over(outcomeOf(peer), undefined, peer.bytesReceived - receivedBefore, peer.bytesSent - sentBefore);
    };
    if (peer.closed) over();
    else peer.once('close', over);
  }

  fail(error: GatewayError): void {
    this.#sink.fail(error);
    this.#finish(error, this.#status === 0 ? undefined : this.#bytesSent);
  }

  #begin(status: number): void {
    this.#status = status;
    this.#headAtMs = this.#clock.monotonicMs();
  }

  #open(kind: StreamKind): void {
    this.#stream = kind;
    const { id: requestId, startedMs } = this.#exchange;
    if (streamOpened.hasSubscribers) streamOpened.publish({ requestId, startedMs, kind });
  }

  /** The server may know better why: it answers what is wrong with a body, and the pipeline only learns that the client is gone. */
  #finish(failure: GatewayError | undefined, bytesSent: number | undefined): void {
    const error = this.#exchange.passage.fault ?? failure;
    this.#over(this.#outcomeOf(error), error, bytesSent, this.#exchange.body.receivedBytes);
  }

  #outcomeOf(error: GatewayError | undefined): Outcome {
    if (error?.code === 'client_closed') return 'client_closed';
    return error === undefined || this.#status === 0 ? 'complete' : 'cut';
  }

  #over(outcome: Outcome, error: GatewayError | undefined, bytesSent: number | undefined, bytesReceived: number): void {
    if (this.#finished) return;
    this.#finished = true;
    if (!requestFinished.hasSubscribers) return;
    requestFinished.publish(
      finishedRequest(this.#exchange, routeOf(this.#exchange), {
        nowMs: this.#clock.monotonicMs(),
        headAtMs: this.#headAtMs,
        status: this.#status === 0 && error !== undefined ? error.status : this.#status,
        bytesReceived,
        bytesSent,
        stream: this.#stream,
        outcome,
        error,
      }),
    );
  }
}

/** Of a tunnel that is closed. Destroyed without an error: the client's side was gone before. */
function outcomeOf(peer: CountedDuplex): Outcome {
  if (peer.errored !== null) return 'cut';
  return peer.readableEnded && peer.writableFinished ? 'complete' : 'client_closed';
}

const routeLabels = { path: '/peer/:lease/*', ws: '/ws/:lease', host: 'host' } as const;

function routeOf({ route }: Exchange): RouteLabel {
  return route === undefined ? 'other' : routeLabels[route.kind];
}

function isWebSocket(headers: RawHeaders): boolean {
  return fieldValue(headers, 'upgrade')?.toLowerCase() === 'websocket';
}
