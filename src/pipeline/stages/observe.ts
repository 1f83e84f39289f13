// Publishes the events of every client request: when it starts, when its response becomes a stream,
// and once when it is over, with the outcome. Does nothing while there are no subscribers.
import type { Clock } from '../../kernel/clock.ts';
import type { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { internalError } from '../../kernel/errors/gateway-error.ts';
import {
  requestFinished,
  requestStarted,
  streamOpened,
  type Outcome,
  type RouteLabel,
  type StreamKind,
} from '../../kernel/events.ts';
import { isEventStream } from '../../kernel/http/event-stream.ts';
import { fieldValue } from '../../kernel/http/field-value.ts';
import type { CountedDuplex, Flow, RawHeaders, Sink } from '../../kernel/http/http.ts';
import type { WholeResponse } from '../../kernel/http/whole-response.ts';
import { finishedRequest } from '../finished-request.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';

export function observe(clock: Clock): Stage {
  return function observeStage(next): Dispatch {
    return function observeRequest(exchange, sink) {
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
        observed.fail(internalError(cause));
      }
    };
  };
}

class ObservedSink implements Sink {
  readonly #exchange: Exchange;
  readonly #sink: Sink;
  readonly #clock: Clock;
  /** 0: no head has been sent to the client yet. */
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

  respond(response: WholeResponse): void {
    this.#sink.respond(response);
    // The sink may send a problem instead.
    if (this.#exchange.outcome.fault === undefined) this.#begin(response.status);
    this.#finish(undefined, this.#status === 0 ? undefined : response.body.length);
  }

  head(status: number, headers: RawHeaders, flow: Flow): void {
    this.#sink.head(status, headers, flow);
    // A head that cannot be sent fails inside this call: another response was sent, and the request
    // is over.
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
    // Bytes counted so far belong to the handshake; unread bytes after it belong to the tunnel.
    const sentBefore = peer.bytesSent;
    const receivedBefore = peer.bytesReceived - peer.readableLength;
    this.#sink.upgrade(status, headers, peer);
    // The upgrade may fail inside this call, as a head may.
    if (this.#exchange.outcome.fault !== undefined) {
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

  /**
   * The server may know the cause better: it responds to an invalid body, while the pipeline only
   * sees the client leave.
   */
  #finish(failure: GatewayError | undefined, bytesSent: number | undefined): void {
    const error = this.#exchange.outcome.fault ?? failure;
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

/** Outcome of a closed tunnel. Destroyed without an error: the client's side closed first. */
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
