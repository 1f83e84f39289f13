// Events of requests: begun, responded to, failed, or rejected before the stage `observe`.
import type { GatewayError } from '../errors/gateway-error.ts';
import { type EventChannel, eventChannel } from './event-channel.ts';

export interface RequestFailed {
  readonly requestId: string;
  readonly error: GatewayError;
}

/** The gateway responded to a request with a problem, or cut its response. */
export const requestFailed: EventChannel<RequestFailed> = eventChannel('request-failed');

/** A response was cut because its client read less than gateway.min_write_rate. */
export interface SlowClientCut {
  readonly requestId: string;
  readonly clientIp: string;
  readonly leaseId: string | undefined;
}

export const slowClientCut: EventChannel<SlowClientCut> = eventChannel('slow-client-cut');

/**
 * The route that a request matched. A closed set, whatever clients send, so that metrics stay
 * bounded. `/health` and `/metrics` are the gateway's own.
 */
export type RouteLabel = '/peer/:lease/*' | '/ws/:lease' | 'host' | '/health' | '/metrics' | 'other';

/** A response that lasts as long as both sides want. */
export type StreamKind = 'sse' | 'websocket' | 'upgrade';

export interface RequestStarted {
  readonly requestId: string;
  /** Monotonic. */
  readonly startedMs: number;
}

/** A request has reached the stage `observe`, or a builtin endpoint has responded to it. */
export const requestStarted: EventChannel<RequestStarted> = eventChannel('request-started');

/** The response to a request has begun, and is a stream. */
export interface StreamOpened {
  readonly requestId: string;
  readonly startedMs: number;
  readonly kind: StreamKind;
}

export const streamOpened: EventChannel<StreamOpened> = eventChannel('stream-opened');

/**
 * complete: the whole response, or a problem of the gateway, was handed to the client's connection.
 * cut: the response ended early. client_closed: it ended early because the client disconnected.
 */
export type Outcome = 'complete' | 'cut' | 'client_closed';

export interface RequestFinished extends RequestStarted {
  readonly durationMs: number;
  /**
   * Time until the head of the response. Undefined: there was none, or it was a problem of
   * the gateway.
   */
  readonly headMs: number | undefined;
  /** The part of `headMs` since the request was sent to the app. */
  readonly upstreamMs: number | undefined;
  readonly method: string;
  /** As returned by pathOf(). */
  readonly path: string;
  readonly route: RouteLabel;
  readonly httpVersion: '1.0' | '1.1' | '2';
  readonly clientIp: string;
  readonly userAgent: string | undefined;
  /** The name of the principal. */
  readonly keyId: string | undefined;
  readonly leaseId: string | undefined;
  readonly relay: string | undefined;
  /** Status of the response; 499 if the client did not wait for one. */
  readonly status: number;
  /** Bytes of the request body, or bytes from the client after an upgrade. */
  readonly bytesReceived: number;
  /**
   * Bytes of the response body, or bytes to the client after an upgrade. Undefined: a problem of
   * the gateway.
   */
  readonly bytesSent: number | undefined;
  readonly stream: StreamKind | undefined;
  readonly outcome: Outcome;
  readonly error: GatewayError | undefined;
}

/**
 * A request is over, or an upgraded connection has ended. Published once for each started request.
 */
export const requestFinished: EventChannel<RequestFinished> = eventChannel('request-finished');

/** A request that was rejected before the stage `observe`. */
export interface RequestRefused {
  readonly requestId: string;
  readonly error: GatewayError;
  readonly clientIp: string;
  readonly method?: string;
  /** As returned by pathOf(). */
  readonly path?: string;
}

/** The gateway rejected what a client sent: not HTTP, too large, too slow, or too late. */
export const requestRefused: EventChannel<RequestRefused> = eventChannel('request-refused');
