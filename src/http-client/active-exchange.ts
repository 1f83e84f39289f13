// The exchange that a connection carries at the moment: how far its request and response have come.
import type { RawHeaders } from '../kernel/http/http.ts';
import type { ExchangeHandler, OutgoingRequest } from './exchange.ts';
import type { FaultMoment } from './http-fault.ts';
import type { ResponseHead } from './response.ts';
import { ResponseError } from './malformed-response.ts';

export class ActiveExchange {
  readonly request: OutgoingRequest;
  readonly handler: ExchangeHandler;
  receivedAny = false;
  /** The head of the final response, once it has arrived. */
  head: ResponseHead | undefined = undefined;
  /**
   * Set when the response is complete, while the reader still processes the bytes that arrived
   * with its end.
   */
  outcome: { readonly trailers: RawHeaders } | { readonly upgrade: ResponseHead } | undefined = undefined;
  /** The pipe's bytesSent before the request. */
  readonly #sentBefore: number;
  /** An interim response was passed on. */
  #informed = false;

  constructor(request: OutgoingRequest, handler: ExchangeHandler, sentBefore: number) {
    this.request = request;
    this.handler = handler;
    this.#sentBefore = sentBefore;
  }

  get uploaded(): boolean {
    return this.request.body?.finished !== false;
  }

  /** The first byte of the response has arrived. */
  responding(): void {
    this.receivedAny = true;
    this.request.body?.forgetSent();
  }

  informational(head: ResponseHead): void {
    this.#informed = true;
    this.handler.informational(head);
  }

  begin(head: ResponseHead): void {
    this.head = head;
    this.handler.head(head);
  }

  /** Whether no byte of the request has left. `bytesSent`: of the pipe. */
  unsent(bytesSent: number): boolean {
    return bytesSent === this.#sentBefore;
  }

  /** How far the exchange has come when `cause` ends it. */
  moment(cause: unknown, bytesSent: number): FaultMoment {
    if (this.head !== undefined) return 'body';
    const isNoResponse = cause instanceof ResponseError && cause.code === 'not_http' && !this.#informed;
    if (this.receivedAny && !isNoResponse) return 'head';
    return this.unsent(bytesSent) ? 'unsent' : 'waiting';
  }
}
