// Writes the responses of one tunnel: heads, framed content, trailers (RFC 9112 §6, §7), and the
// Connection field. Does not close the tunnel.
import { framedChunk, lastChunkWith } from '../http-client/chunk-framing.ts';
import type { ResponseHead } from '../http-client/response.ts';
import type { BytePipe } from '../kernel/net/byte-pipe.ts';
import { fieldValues } from '../kernel/http/field-value.ts';
import { isBodyless, type RawHeaders } from '../kernel/http/http.ts';
import { securityHeaders, type WholeResponse } from '../kernel/http/whole-response.ts';
import { dateField } from '../kernel/clock.ts';
import { callerResponseHead, responseTrailers } from './request/header-fields.ts';
import type { TunnelRequestHead } from './request/check-request-head.ts';

type Framing = 'as-sent' | 'chunked' | 'close';

const continueHead = 'HTTP/1.1 100 Continue\r\n\r\n';

export class ResponseWriter {
  readonly #pipe: BytePipe;
  #framing: Framing = 'as-sent';
  #withTrailers = false;

  constructor(pipe: BytePipe) {
    this.#pipe = pipe;
  }

  /**
   * Only closing the connection ends the current response, so a graceful close would make a
   * truncated response look complete.
   */
  get endsByClose(): boolean {
    return this.#framing === 'close';
  }

  informational({ status, headers }: ResponseHead): void {
    this.#text(
      status === 100
        ? continueHead
        : callerResponseHead(status, headers, { chunked: false, trailers: false, more: '' }),
    );
  }

  /**
   * `persistent`: the connection may carry another request. Returns false if it may not, because
   * some responses end only with the connection.
   */
  head({ status, headers, framing }: ResponseHead, request: TunnelRequestHead, persistent: boolean): boolean {
    const hasContent = !isBodyless(request.method, status) && framing.kind !== 'none';
    if (!hasContent || framing.kind === 'length') this.#framing = 'as-sent';
    else this.#framing = request.version === '1.1' ? 'chunked' : 'close';
    const chunked = this.#framing === 'chunked';
    this.#withTrailers = chunked && framing.kind === 'chunked';
    const keeps = persistent && this.#framing !== 'close';
    const more = connectionField(request, keeps);
    this.#text(callerResponseHead(status, headers, { chunked, trailers: this.#withTrailers, more }));
    return keeps;
  }

  /** Returns false above the tunnel's high-water mark. */
  data(chunk: Buffer): boolean {
    const pipe = this.#pipe;
    if (this.#framing !== 'chunked') return pipe.write(chunk);
    let more = true;
    for (const piece of framedChunk(chunk)) more = pipe.write(piece);
    return more;
  }

  end(raw: RawHeaders): void {
    if (this.#framing !== 'chunked') return;
    this.#pipe.write(lastChunkWith(raw.length === 0 ? raw : responseTrailers(raw)));
  }

  /** The head of a 101, with its Connection and Upgrade fields (RFC 9110 §7.8). */
  switching({ headers }: ResponseHead): void {
    let more = 'Connection: Upgrade\r\n';
    for (const value of fieldValues(headers, 'upgrade')) more += `Upgrade: ${value}\r\n`;
    this.#text(callerResponseHead(101, headers, { chunked: false, trailers: false, more }));
  }

  /**
   * Writes a response that `expose` makes itself. `request` is undefined if it could not be read.
   */
  whole({ status, headers, body }: WholeResponse, request: TunnelRequestHead | undefined, persistent: boolean): void {
    const all = headers.concat(securityHeaders(false), 'Date', dateField());
    const more = request === undefined ? 'Connection: close\r\n' : connectionField(request, persistent);
    this.#text(callerResponseHead(status, all, { chunked: false, trailers: false, more }));
    if (request?.method !== 'HEAD') this.#pipe.write(body);
  }

  #text(text: string): void {
    this.#pipe.write(Buffer.from(text, 'latin1'));
  }
}

/** RFC 9112 §9.3: HTTP/1.1 connections are persistent unless they say otherwise. */
function connectionField({ version }: TunnelRequestHead, persistent: boolean): string {
  if (!persistent) return 'Connection: close\r\n';
  return version === '1.1' ? '' : 'Connection: keep-alive\r\n';
}
