// Types of requests and responses within the gateway, shared by all modules on the request path,
// and rules of HTTP semantics.
import type { Duplex, Readable } from 'node:stream';
import type { GatewayError } from '../errors/gateway-error.ts';
import type { WholeResponse } from './whole-response.ts';

/**
 * Name, value, name, value, … exactly as received, with order, case and duplicates kept. Each
 * latin1 character is one byte.
 */
export type RawHeaders = readonly string[];

export const noHeaders: RawHeaders = Object.freeze([]);

export interface RequestHead {
  readonly method: string;
  /** The request target as sent, never normalised. */
  readonly target: string;
  readonly headers: RawHeaders;
  /** The client requests an upgrade (RFC 9110 §7.8), and its connection supports one. */
  readonly upgrade: boolean;
}

export interface RequestBody {
  /**
   * Bytes by Content-Length; null if the length is not known in advance; 'none' if
   * there is no body.
   */
  readonly lengthBytes: number | null | 'none';
  /** True once open() was called. */
  readonly started: boolean;
  /** Bytes received so far. */
  readonly receivedBytes: number;
  /**
   * May be called once. Destroying the stream only abandons the body: the client's connection and
   * the response on it stay open.
   */
  open(): Readable;
  /** Complete only after the body has ended. */
  trailers(): RawHeaders;
}

/** Back-pressure and abort of a response in progress. */
export interface Flow {
  /**
   * The body ends when the app's connection does, which does not prove that it is complete. It must
   * not be forwarded in a way that makes it look complete.
   */
  readonly endsByClose: boolean;
  pause(): void;
  resume(): void;
  abort(error: GatewayError): void;
}

/** A byte stream that counts the bytes in each direction. */
export interface CountedDuplex extends Duplex {
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

/**
 * The destination of a response. Exactly one of respond, end, upgrade and fail is called,
 * and nothing after it.
 */
export interface Sink {
  informational(status: number, headers: RawHeaders): void;
  /** Sends a response of the gateway itself, instead of head, data and end. */
  respond(response: WholeResponse): void;
  /** Headers are end-to-end only, without Transfer-Encoding: the sink does its own framing. */
  head(status: number, headers: RawHeaders, flow: Flow): void;
  /** Returns false to stop until flow.resume() is called. Never called after flow.abort(). */
  data(chunk: Uint8Array): boolean;
  end(trailers: RawHeaders): void;
  upgrade(status: number, headers: RawHeaders, peer: CountedDuplex): void;
  /** Before head(): sends an error response. After head(): the response is cut, never completed. */
  fail(error: GatewayError): void;
}

/** RFC 9110 §9.2.2. */
const idempotentMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** Whether sending the same request twice has the effect of sending it once. */
export function isIdempotent(method: string): boolean {
  return idempotentMethods.has(method);
}

/**
 * Methods that define a meaning for request content, so that apps expect a length: an absent body
 * is sent as Content-Length: 0 (RFC 9110 §8.6).
 */
export const methodsWithAnnouncedEmptyBody: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/**
 * Whether a response to this method with this status has no content, whatever its fields say (RFC
 * 9110 §6.4.1).
 */
export function isBodyless(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304;
}
