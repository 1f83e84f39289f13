// Detects an empty chunked body before its head is reported, because an empty body counts as none.
// Looks only at bytes that have already arrived: a client may wait for the response before it
// sends its body.
import type { RawHeaders } from '../../kernel/http/http.ts';
import type { TunnelRequestHead } from './check-request-head.ts';
import type { RequestHandler } from './request-reader.ts';

export class RequestLookahead implements RequestHandler {
  readonly #handler: RequestHandler;
  #head: TunnelRequestHead | undefined;

  constructor(handler: RequestHandler) {
    this.#handler = handler;
  }

  head(head: TunnelRequestHead): void {
    if (head.lengthBytes === null) this.#head = head;
    else this.#handler.head(head);
  }

  data(chunk: Buffer): void {
    this.exhausted();
    this.#handler.data(chunk);
  }

  end(trailers: RawHeaders): void {
    const head = this.#head;
    // Trailers still make it a body.
    if (head !== undefined && trailers.length === 0) this.#head = { ...head, lengthBytes: 'none' };
    this.exhausted();
    this.#handler.end(trailers);
  }

  exhausted(): void {
    const head = this.#head;
    if (head === undefined) return;
    this.#head = undefined;
    this.#handler.head(head);
  }
}
