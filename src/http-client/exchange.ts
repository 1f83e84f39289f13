// Types of one exchange on an HTTP/1.1 client connection: the request to send and the events
// for its sender.
import type { RawHeaders } from '../kernel/http/http.ts';
import type { PipeDuplex } from '../kernel/net/pipe-duplex.ts';
import type { HttpFault } from './http-fault.ts';
import type { OutgoingBody } from './outgoing-body.ts';
import type { ResponseHead } from './response.ts';

export interface OutgoingRequest {
  readonly method: string;
  /**
   * The complete head. It must not be modified, because it may be sent again on another connection.
   */
  readonly head: Uint8Array;
  /** Undefined: the request consists of the head only. */
  readonly body: OutgoingBody | undefined;
  /** The protocols in the Upgrade field of the head; '' if the connection must stay HTTP. */
  readonly offeredProtocols: string;
}

/**
 * Exactly one of end, upgrade and fail is called, as the last call and never within send(). The
 * methods must not throw.
 */
export interface ExchangeHandler {
  /** A piece of the request body was written. */
  uploading(): void;
  /** The whole request was written. May come within send(). */
  uploaded(): void;
  /** A 1xx response other than 101. */
  informational(head: ResponseHead): void;
  head(head: ResponseHead): void;
  /** Returns false to receive no more data until HttpConnection.resume(). */
  data(chunk: Buffer): boolean;
  end(trailers: RawHeaders): void;
  /**
   * The connection has left HTTP: `stream` carries all bytes after the 101 and belongs to
   * the handler.
   */
  upgrade(head: ResponseHead, stream: PipeDuplex): void;
  /** The connection is closed. */
  fail(fault: HttpFault): void;
}
