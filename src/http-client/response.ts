// Types of the response reader: what a request expects, the response, and the events of reading it.
import type { RawHeaders } from '../kernel/http/http.ts';

/** The parts of a request that decide how its response is framed. */
export interface ExpectedResponse {
  /** Any method except CONNECT. */
  readonly method: string;
  /** Protocols that the request offered in `Upgrade`, separated by commas; '' if none. */
  readonly offeredProtocols: string;
}

/**
 * How the end of a body is found (RFC 9112 §6.3). `close`: only the end of the connection ends it.
 */
export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'close' };

export interface ResponseHead {
  /** 100 to 599. */
  readonly status: number;
  readonly version: '1.0' | '1.1';
  /**
   * Name, value, name, value, ... exactly as received, including framing and hop-by-hop fields;
   * whitespace around values is removed. Each latin1 character is one byte.
   */
  readonly headers: string[];
  readonly framing: BodyFraming;
  /**
   * Whether the connection may carry another request after this response, by version and
   * `Connection` (RFC 9112 §9.3) and by the framing. Also false after a 204 or 205 that announces
   * content, because such content may follow.
   */
  readonly persistent: boolean;
  /** `Keep-Alive: timeout=` in seconds, if present. */
  readonly keepAliveSeconds: number | undefined;
}

/**
 * Calls come in this order: informational*, then upgrade, or head data* end. No calls are made
 * after the reader has thrown.
 */
export interface ResponseHandler {
  /** A 1xx response other than 101. */
  informational(head: ResponseHead): void;
  head(head: ResponseHead): void;
  /** Never empty. A slice of the pushed buffer; the receiver owns it. */
  data(chunk: Buffer): void;
  /** The response is complete. Trailers are raw pairs, like headers. */
  end(trailers: RawHeaders): void;
  /**
   * A 101 for an offered protocol. ResponseReader.rest() returns the bytes after it, which
   * are not HTTP.
   */
  upgrade(head: ResponseHead): void;
}
