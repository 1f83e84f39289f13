// Incremental, strict reader of requests from a tunnel, one at a time (RFC 9112). The events do not
// depend on how the bytes are split. Holds bytes after a request until next(). Does not decide
// whether the connection may be reused. node:http would need a stream for each tunnel; without it,
// and with the cipher, `expose` takes 0.45 instead of 1.19 CPU seconds for 10,000 requests
// (bench/README.md).
import { CR, LF } from '../../http-client/byte-classes.ts';
import { maxHeadBytes } from '../../http-client/head-scanner.ts';
import { HeldBytes } from '../../http-client/held-bytes.ts';
import { PausableReader } from '../../http-client/pausable-reader.ts';
import { ResponseError } from '../../http-client/malformed-response.ts';
import { GatewayError, internalError } from '../../kernel/errors/gateway-error.ts';
import { noHeaders, type RawHeaders } from '../../kernel/http/http.ts';
import { requestHead, requestLine, type RequestLine, type TunnelRequestHead } from './check-request-head.ts';

/** Calls come in this order for each request: head data* end. No method may throw. */
export interface RequestHandler {
  head(head: TunnelRequestHead): void;
  /** Never empty. */
  data(chunk: Buffer): void;
  /** The request is complete. */
  end(trailers: RawHeaders): void;
  /**
   * Called at any time: all available bytes were read, the handler has paused, or the request
   * is malformed.
   */
  exhausted?(): void;
}

/** done: next() has not been called yet. */
type Phase = 'line' | 'fields' | 'body' | 'done' | 'failed';

/** A request line with its CRLF: half the limit of a head. */
const maxLineBytes = maxHeadBytes / 2;

export class RequestReader extends PausableReader<Phase> {
  protected override phase: Phase = 'line';
  readonly #handler: RequestHandler;
  /** The beginning of a request line that arrived split. */
  readonly #lineBegin = new HeldBytes();
  #line: RequestLine | undefined;
  /** An empty line before the request was skipped. */
  #skipped = false;

  constructor(handler: RequestHandler) {
    super(handler);
    this.#handler = handler;
  }

  /** Pushed but not read: after a pause, or after a complete request. */
  get heldBytes(): number {
    return this.held.length;
  }

  /**
   * Takes ownership of the bytes, which the reader may change. Throws GatewayError invalid_request,
   * uri_too_long, headers_too_large, not_implemented or expectation_failed, once; later bytes are
   * ignored.
   */
  push(chunk: Buffer): void {
    if (this.phase !== 'failed' && chunk.length > 0) this.take(chunk);
  }

  /** Reads the next request. Throws as push() does. */
  next(): void {
    if (this.phase !== 'done') return;
    this.phase = 'line';
    this.startMessage();
    this.readHeld();
  }

  /**
   * Returns the bytes after a complete request, which are not HTTP after an upgrade, and
   * stops the reader.
   */
  rest(): Buffer {
    const rest = this.held.takeAll();
    this.stop();
    return rest;
  }

  protected override get mustHold(): boolean {
    return this.phase === 'done';
  }

  protected override step(chunk: Buffer, from: number): number {
    try {
      switch (this.phase) {
        case 'line':
          return this.#readLine(chunk, from);
        case 'fields':
          return this.#readFields(chunk, from);
        case 'body':
          return this.readBody(chunk, from);
        case 'done':
        case 'failed':
          return chunk.length;
      }
    } catch (error) {
      throw requestError(error);
    }
  }

  protected override bodyEnded(trailers: RawHeaders): void {
    checkTrailers(trailers);
    this.phase = 'done';
    this.#handler.end(trailers);
  }

  protected override ran(): void {
    this.#handler.exhausted?.();
  }

  #readLine(chunk: Buffer, from: number): number {
    const lineEnd = chunk.indexOf(LF, from);
    const to = lineEnd === -1 ? chunk.length : lineEnd + 1;
    const lineBytes = this.#lineBegin.length + to - from;
    if (lineBytes > maxLineBytes) throw new GatewayError('uri_too_long', 'The request target is too long.');
    if (lineEnd === -1) {
      this.#lineBegin.push(chunk.subarray(from));
      // Reject other protocols at their first byte, because their first line may never end.
      if (lineBytes === to - from && !startsLine(chunk[from] ?? 0)) throw notHttp();
      return to;
    }
    let line: string;
    if (this.#lineBegin.length === 0) line = chunk.toString('latin1', from, to);
    else {
      this.#lineBegin.push(chunk.subarray(from, to));
      line = this.#lineBegin.takeAll().toString('latin1');
    }
    // RFC 9112 §2.2: an empty line before a request is ignored. Only one is accepted.
    if (line === '\r\n' && !this.#skipped) {
      this.#skipped = true;
      return to;
    }
    this.#skipped = false;
    if (line.charCodeAt(line.length - 2) !== CR) throw notHttp();
    this.#line = requestLine(line.slice(0, -2));
    this.phase = 'fields';
    this.scanner.startFields();
    return to;
  }

  #readFields(chunk: Buffer, from: number): number {
    const scanner = this.scanner;
    const at = scanner.scan(chunk, from);
    if (at === -1 || this.#line === undefined) return chunk.length;
    const head = requestHead(this.#line, scanner.fields(chunk, from));
    const { lengthBytes } = head;
    if (lengthBytes === null) this.body.startChunks();
    else this.body.startLength(lengthBytes === 'none' ? 0 : lengthBytes);
    const isWhole = this.body.complete;
    this.phase = isWhole ? 'done' : 'body';
    this.#handler.head(head);
    if (isWhole && !this.failed) this.#handler.end(noHeaders);
    return at;
  }
}

/** Throws GatewayError invalid_request for framing fields among the trailers (RFC 9110 §6.5.1). */
function checkTrailers(trailers: RawHeaders): void {
  for (let i = 0; i < trailers.length; i += 2) {
    const name = trailers[i]?.toLowerCase();
    if (name !== 'content-length' && name !== 'transfer-encoding') continue;
    throw new GatewayError('invalid_request', 'Content-Length and Transfer-Encoding are not allowed as trailers.');
  }
}

/** RFC 9110 §5.6.2: methods are tokens. A CR begins an empty line. */
function startsLine(byte: number): boolean {
  return byte === CR || (byte > 0x20 && byte < 0x7f);
}

function requestError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  if (error instanceof ResponseError) {
    const { code } = error;
    if (code === 'trailers_too_large') {
      return new GatewayError('headers_too_large', 'The header section of the request is too large.', { cause: error });
    }
    const detail = code === 'bad_chunk' ? 'The chunked encoding is malformed.' : 'A header field is malformed.';
    return new GatewayError('invalid_request', detail, { cause: error });
  }
  return internalError(error, 'The request could not be read.');
}

function notHttp(): GatewayError {
  return new GatewayError('invalid_request', 'This is not an HTTP/1.1 request.');
}
