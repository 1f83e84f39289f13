// The types of requests and responses within the gateway, shared by every room on the request path, and rules of HTTP semantics.
import type { Duplex, Readable } from 'node:stream';
import type { GatewayError } from '../errors/gateway-error.ts';

/** Name, value, name, value, … exactly as received: order, case and duplicates kept. One latin1 character is one byte. */
export type RawHeaders = readonly string[];

export const noHeaders: RawHeaders = Object.freeze([]);

export interface RequestHead {
  readonly method: string;
  /** The request target as sent, never normalised. */
  readonly target: string;
  readonly headers: RawHeaders;
  /** The client asks to leave HTTP on this connection (RFC 9110 §7.8), and its connection can. */
  readonly upgrade: boolean;
}

export interface RequestBody {
  /** Bytes by Content-Length; null when the length is not known in advance; 'none' when there is no body at all. */
  readonly lengthBytes: number | null | 'none';
  /** True once the body was opened: such a request is never sent again. */
  readonly started: boolean;
  /** So far. */
  readonly receivedBytes: number;
  /** Once. Destroying the stream only leaves it: the client's connection, and the answer on it, live on. */
  open(): Readable;
  /** Complete only after the body has ended. */
  trailers(): RawHeaders;
}

/** Back-pressure and abort of a response that is flowing. */
export interface Flow {
  /** The body ends where the app's connection does: its end does not prove that it is whole, and must not be made to look so. */
  readonly endsByClose: boolean;
  pause(): void;
  resume(): void;
  abort(error: GatewayError): void;
}

/** A byte stream that knows how much has gone each way. */
export interface CountedDuplex extends Duplex {
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

/** Where a response goes. Exactly one of end, upgrade and fail is called, and nothing after it. */
export interface Sink {
  informational(status: number, headers: RawHeaders): void;
  /** Headers are end-to-end only, without Transfer-Encoding: framing is the sink's own. */
  head(status: number, headers: RawHeaders, flow: Flow): void;
  /** False: stop, until flow.resume() is called. Never called after flow.abort(). */
  data(chunk: Uint8Array): boolean;
  end(trailers: RawHeaders): void;
  upgrade(status: number, headers: RawHeaders, peer: CountedDuplex): void;
  /** Before head: an answer is made of it. After head: the response is cut, never completed. */
  fail(error: GatewayError): void;
}

/** RFC 9110 §9.2.2. */
const idempotentMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** Whether the same request sent twice has the effect of one. */
export function isIdempotent(method: string): boolean {
  return idempotentMethods.has(method);
}

/** Methods whose requests have content by definition, so that apps wait for a length: an absent body is sent as one of length 0 (RFC 9110 §8.6). */
export const emptyBodyIsAnnounced: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** Whether a response to this method with this status has no content, whatever its fields say (RFC 9110 §6.4.1). */
export function isBodyless(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304;
}
