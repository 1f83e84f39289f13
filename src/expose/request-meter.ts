// Times one request of a tunnel and counts its bytes, and reports it once it is over. Created only
// if requests are observed.
import type { Outcome } from '../kernel/events.ts';
import { isEventStream } from '../kernel/http/event-stream.ts';
import { fieldValue } from '../kernel/http/field-value.ts';
import type { RawHeaders } from '../kernel/http/http.ts';
import type { WholeResponse } from '../kernel/http/whole-response.ts';
import type { PipeDuplex } from '../kernel/net/pipe-duplex.ts';
import { pathOnly } from './expose-event.ts';
import type { TunnelRequestHead } from './request/check-request-head.ts';

/** A response that lasts as long as both sides want. */
type ServedStream = 'sse' | 'upgrade';

/** The methods must not throw. */
export interface RequestObserver {
  /** The response has begun, and is a stream: it may take hours until finished(). */
  opened(request: ServedRequestEvent): void;
  finished(request: ServedRequestEvent): void;
}

/** The names and meanings are those of RequestFinished, the event of the gateway. */
export interface ServedRequestEvent {
  /** '' if the request could not be read. */
  readonly method: string;
  /** As sent, without the query, which may carry tokens. '' if the request could not be read. */
  readonly path: string;
  /** 499 if the caller did not wait for a response. */
  readonly status: number;
  readonly durationMs: number;
  /** Bytes of the request body, or bytes from the caller after an upgrade. */
  readonly bytesReceived: number;
  /** Bytes of the response body, or bytes to the caller after an upgrade. */
  readonly bytesSent: number;
  readonly stream: ServedStream | undefined;
  readonly outcome: Outcome;
}

const clientClosedStatus = 499;

interface MeterContext {
  readonly requests: RequestObserver | undefined;
  /** Monotonic. */
  readonly nowMs: () => number;
}

/** `head`: undefined if the request could not be read. Undefined: requests are not observed. */
export function meterFor(context: MeterContext, head: TunnelRequestHead | undefined): RequestMeter | undefined {
  const { requests, nowMs } = context;
  return requests === undefined ? undefined : new RequestMeter(requests, nowMs, head);
}

export class RequestMeter {
  readonly #observer: RequestObserver;
  readonly #nowMs: () => number;
  readonly #startedMs: number;
  readonly #head: Pick<TunnelRequestHead, 'method' | 'target'>;
  /** 0: the response has not begun. */
  #status = 0;
  #stream: ServedStream | undefined = undefined;
  #bytesReceived = 0;
  #bytesSent = 0;
  #countUpgraded: (() => void) | undefined = undefined;
  #finished = false;

  constructor(observer: RequestObserver, nowMs: () => number, head: TunnelRequestHead | undefined) {
    this.#observer = observer;
    this.#nowMs = nowMs;
    this.#startedMs = nowMs();
    this.#head = head ?? { method: '', target: '' };
  }

  received(bytes: number): void {
    this.#bytesReceived += bytes;
  }

  sent(bytes: number): void {
    this.#bytesSent += bytes;
  }

  begin(status: number, headers: RawHeaders): void {
    this.#status = status;
    if (isEventStream(fieldValue(headers, 'content-type') ?? '')) this.#open('sse');
  }

  /** A response of `expose` itself. */
  whole({ status, body }: WholeResponse): void {
    this.#status = status;
    if (this.#head.method !== 'HEAD') this.#bytesSent = body.length;
    this.finish('complete');
  }

  /** `local`: the connection to the app. Both were just created and have delivered nothing. */
  upgrade(tunnel: PipeDuplex, local: PipeDuplex): void {
    this.#status = 101;
    // Bytes that are counted but unread belong to the upgraded connection.
    const receivedBefore = tunnel.bytesReceived - tunnel.readableLength;
    const sentBefore = local.bytesReceived - local.readableLength;
    this.#countUpgraded = () => {
      this.#bytesReceived = tunnel.bytesReceived - receivedBefore;
      this.#bytesSent = local.bytesReceived - sentBefore;
    };
    // A tunnel that its own side destroys is finished before.
    tunnel.once('close', () => {
      if (local.errored !== null) this.finish('cut');
      else this.finish(tunnel.readableEnded && tunnel.writableFinished ? 'complete' : 'client_closed');
    });
    this.#open('upgrade');
  }

  /** Idempotent: the first outcome counts. */
  finish(outcome: Outcome): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#countUpgraded?.();
    this.#observer.finished(this.#event(outcome));
  }

  #open(stream: ServedStream): void {
    this.#stream = stream;
    this.#observer.opened(this.#event('complete'));
  }

  #event(outcome: Outcome): ServedRequestEvent {
    const { method, target } = this.#head;
    return {
      method,
      path: pathOnly(target),
      status: this.#status === 0 ? clientClosedStatus : this.#status,
      durationMs: this.#nowMs() - this.#startedMs,
      bytesReceived: this.#bytesReceived,
      bytesSent: this.#bytesSent,
      stream: this.#stream,
      outcome,
    };
  }
}
