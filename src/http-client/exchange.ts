// The types of one exchange on an HTTP/1.1 client connection: the request that is sent, and the events that its sender gets.
import type { RawHeaders } from '../kernel/http/http.ts';
import type { PipeDuplex } from '../kernel/net/pipe-duplex.ts';
import type { HttpFault } from './http-fault.ts';
import type { OutgoingBody } from './outgoing-body.ts';
import type { ResponseHead } from './response.ts';

export interface OutgoingRequest {
  readonly method: string;
  /** The complete head. Not modified: it may be sent again on another connection. */
  readonly head: Uint8Array;
  /** Undefined: the head is the whole request. */
  readonly body: OutgoingBody | undefined;
  /** The protocols in the Upgrade field of the head; '' if the connection must stay HTTP. */
  readonly offeredProtocols: string;
}

/** Exactly one of end, upgrade and fail is called, as the last call and never within send(). No method may throw. */
export interface ExchangeHandler {
  /** A piece of the request body was written. */
  uploading(): void;
  /** The whole request was written. May come within send(). */
  uploaded(): void;
  /** A 1xx response other than 101. */
  informational(head: ResponseHead): void;
  head(head: ResponseHead): void;
  /** False: no more until HttpConnection.resume(). */
  data(chunk: Buffer): boolean;
  end(trailers: RawHeaders): void;
  /** The connection has left HTTP: `stream` carries all bytes behind the 101 and belongs to the handler. */
  upgrade(head: ResponseHead, stream: PipeDuplex): void;
  /** The connection is closed. */
  fail(fault: HttpFault): void;
}
