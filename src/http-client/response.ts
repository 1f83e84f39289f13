// The types of the response reader: what a request expects, what a response is, and the events of reading one.
import type { RawHeaders } from '../kernel/http.ts';

/** What was asked, as far as it decides how the response is framed. */
export interface ExpectedResponse {
  /** Any method but CONNECT. */
  readonly method: string;
  /** Protocols that the request offered in `Upgrade`, as a list with commas; '' for none. */
  readonly offeredProtocols: string;
}

/** How the end of a body is found (RFC 9112 §6.3). `close`: only the end of the connection ends it. */
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
   * Name, value, name, value, ... exactly as received, framing and hop-by-hop fields included; whitespace around values is
   * removed. One latin1 character is one byte.
   */
  readonly headers: string[];
  readonly framing: BodyFraming;
  /**
   * Whether the connection may carry another request after this response: by version and `Connection` (RFC 9112 §9.3), and by
   * the framing. False as well where a 204 or 205 announces content, because bytes of it may follow.
   */
  readonly persistent: boolean;
  /** `Keep-Alive: timeout=`, in seconds, if given. */
  readonly keepAliveSeconds: number | undefined;
}

/** Calls come in this order: informational*, then upgrade, or head data* end. None comes after the reader has thrown. */
export interface ResponseHandler {
  /** A 1xx, but not 101. */
  informational(head: ResponseHead): void;
  head(head: ResponseHead): void;
  /** Never empty. The bytes lie in the buffer that was pushed and are the receiver's own. */
  data(chunk: Buffer): void;
  /** The response is whole. Trailers are raw, like headers. */
  end(trailers: RawHeaders): void;
  /** A 101 for an offered protocol. The bytes behind it are not HTTP: ResponseReader.rest(). */
  upgrade(head: ResponseHead): void;
}
