// Diagnostics channels on which the gateway publishes events, and the shapes of their messages.
// Publishers check `hasSubscribers` first, so that an event without listeners costs nothing.
// Messages contain no credential and no query string.
import { channel } from 'node:diagnostics_channel';
import type { GatewayError } from './errors/gateway-error.ts';

/**
 * A channel of node:diagnostics_channel with typed messages. Listeners run within publish(), so
 * they must be quick and must not throw: an exception ends the process. A process has one set of
 * channels, however many gateways it runs.
 */
export interface EventChannel<Message> {
  readonly hasSubscribers: boolean;
  publish(message: Message): void;
  subscribe(listener: (message: Message, name: string | symbol) => void): void;
  unsubscribe(listener: (message: Message, name: string | symbol) => void): void;
}

/** Returns a function that removes the listener. */
export function listen<Message>(to: EventChannel<Message>, listener: (message: Message) => void): () => void {
  to.subscribe(listener);
  return () => {
    to.unsubscribe(listener);
  };
}

function named<Message>(name: string): EventChannel<Message> {
  return channel(`portal-gateway:${name}`) as EventChannel<Message>;
}

export interface ConfigReloaded {
  readonly outcome: 'applied' | 'rejected';
}

/** A configuration reload was applied or rejected. */
export const configReloaded: EventChannel<ConfigReloaded> = named('config-reloaded');

export interface RequestFailed {
  readonly requestId: string;
  readonly error: GatewayError;
}

/** The gateway responded to a request with a problem, or cut its response. */
export const requestFailed: EventChannel<RequestFailed> = named('request-failed');

/** A response was cut because its client read less than gateway.min_write_rate. */
export interface SlowClientCut {
  readonly requestId: string;
  readonly clientIp: string;
  readonly leaseId: string | undefined;
}

export const slowClientCut: EventChannel<SlowClientCut> = named('slow-client-cut');

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

/** A request has entered the pipeline, or the listener responds to it directly. */
export const requestStarted: EventChannel<RequestStarted> = named('request-started');

/** The response to a request has begun, and is a stream. */
export interface StreamOpened {
  readonly requestId: string;
  readonly startedMs: number;
  readonly kind: StreamKind;
}

export const streamOpened: EventChannel<StreamOpened> = named('stream-opened');

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
export const requestFinished: EventChannel<RequestFinished> = named('request-finished');

/** A request that never entered the pipeline. */
export interface RequestRefused {
  readonly requestId: string;
  readonly error: GatewayError;
  readonly clientIp: string;
  readonly method?: string;
  /** As returned by pathOf(). */
  readonly path?: string;
}

/** The listener rejected what a client sent: not HTTP, too large, too slow, or too late. */
export const requestRefused: EventChannel<RequestRefused> = named('request-refused');

export type RelayChanged =
  | { readonly event: 'connected'; readonly relay: string }
  | { readonly event: 'lost'; readonly relay: string; readonly code: string; readonly reason: string }
  | {
      readonly event: 'attempt_failed';
      readonly relay: string;
      readonly code: string;
      readonly reason: string;
      readonly retryInMs: number;
    };

/** The connection to a relay was established, was lost, or could not be established. */
export const relayChanged: EventChannel<RelayChanged> = named('relay-changed');

export interface ClockCompared {
  readonly relay: string;
  /** The app whose clock was compared with ours. Undefined: the relay's clock. */
  readonly leaseId: string | undefined;
  /** Our clock minus the other clock. */
  readonly skewSeconds: number;
}

/**
 * The relay's clock was compared with ours, whatever the result, or a handshake failed because the
 * app's clock differs too much.
 */
export const clockCompared: EventChannel<ClockCompared> = named('clock-compared');

export interface DialFinished {
  readonly relay: string;
  readonly leaseId: string;
  /** `ok`, the error code that callers receive, or `aborted` if no request was waiting any more. */
  readonly outcome: string;
  readonly durationMs: number;
}

/** A tunnel to an app was opened, or could not be opened. */
export const dialFinished: EventChannel<DialFinished> = named('dial-finished');

export interface LeaseMoved {
  readonly name: string;
  /** Ids that the name led to before. */
  readonly from: readonly string[];
  /** The new id. */
  readonly to: string;
}

/**
 * A relay lists a name with an id that it did not have before: an app with a new identity, or
 * another app.
 */
export const leaseMoved: EventChannel<LeaseMoved> = named('lease-moved');

export interface LeaseNameRefused {
  readonly relays: readonly string[];
  /** The name as listed. */
  readonly name: string;
  /** The id that is listed under the name but not accepted for it. */
  readonly leaseId: string;
  /** The id that holds the name. Undefined: no accepted id is listed. */
  readonly holder: string | undefined;
}

/**
 * A relay lists a lease under a name that belongs to another one. Published once for as long
 * as this lasts.
 */
export const leaseNameRefused: EventChannel<LeaseNameRefused> = named('lease-name-refused');

export interface LeasesListed {
  readonly relay: string;
  readonly leases: number;
  /** Number of unused entries of the list, by reason. */
  readonly ignored: ReadonlyMap<string, number>;
}

/** A lease list has arrived from a relay. */
export const leasesListed: EventChannel<LeasesListed> = named('leases-listed');

export interface LeaseListFailed {
  readonly relay: string;
  readonly code: string;
  readonly reason: string;
}

/** A lease list could not be fetched; the last one stays in use. */
export const leaseListFailed: EventChannel<LeaseListFailed> = named('lease-list-failed');

export interface Authenticated {
  /**
   * Type of the credential that was presented. other: not recognisable as a single credential of
   * the gateway.
   */
  readonly method: 'api_key' | 'none' | 'other';
  /**
   * success: the caller is authenticated, or needs no authentication. Otherwise the error code of
   * the response.
   */
  readonly outcome: 'success' | GatewayError['code'];
}

/** Authentication of a request has finished, successfully or not. */
export const authenticated: EventChannel<Authenticated> = named('authenticated');

export interface RateLimited {
  /** Scope of the bucket that rejected the request. */
  readonly level: 'global' | 'key' | 'lease' | 'tenant' | 'ip';
}

/** A request was rejected by a rate limit. */
export const rateLimited: EventChannel<RateLimited> = named('rate-limited');

/** Tokens of a language model, by class. Each token counts in exactly one class. */
export interface LlmTokens {
  /** Excludes tokens read from or written to a cache. */
  readonly input: number;
  readonly cache_read: number;
  readonly cache_write: number;
  /** Excludes reasoning tokens. */
  readonly output: number;
  readonly reasoning: number;
}

export interface LlmUsage {
  readonly requestId: string;
  readonly keyId: string;
  readonly leaseId: string | undefined;
  /** Reported by the app, limited to the bounds. */
  readonly reported: LlmTokens;
  /** Estimated by the gateway, where the app did not report. */
  readonly estimated: LlmTokens;
  /** How usage that the app did not report was charged. Undefined: the app reported all usage. */
  readonly unknown: 'estimated' | 'denied' | 'ignored' | undefined;
  /** The app reported more tokens than the bounds allow. */
  readonly suspicious: boolean;
  /** Why the response was not read to its end. */
  readonly unread: string | undefined;
}

/** A response of a language model to a caller with a token quota has ended. */
export const llmUsage: EventChannel<LlmUsage> = named('llm-usage');

export interface LimitsStoreChanged {
  /**
   * shared: counted in the store that all gateways use. local: counted by this process alone,
   * because the store is unavailable.
   */
  readonly state: 'shared' | 'local';
  /** For the log; contains no address or credential. */
  readonly reason: string;
}

/** The place where rate limits are counted has changed. */
export const limitsStoreChanged: EventChannel<LimitsStoreChanged> = named('limits-store-changed');

export interface LogDropped {
  readonly lines: number;
}

/** Log lines were dropped because they could not be written fast enough. */
export const logDropped: EventChannel<LogDropped> = named('log-dropped');

export interface ConnectionRefused {
  /**
   * The client's address if known; the proxy's if its PROXY protocol header could not be parsed.
   */
  readonly ip: string;
  readonly reason:
    | 'max_connections'
    | 'max_connections_per_ip'
    | 'proxy_protocol'
    /** A TLS handshake on a plain HTTP port. */
    | 'tls_on_plain_port'
    /** HTTP/2 by prior knowledge (RFC 9113 §3.3), which no listener supports. */
    | 'http2_prior_knowledge';
}

/** A connection was closed before a request could be read from it. */
export const connectionRefused: EventChannel<ConnectionRefused> = named('connection-refused');

export interface TlsHandshakeFailed {
  readonly ip: string;
  /**
   * CLIENT_CLOSED, or Node's error code: ERR_TLS_HANDSHAKE_TIMEOUT, ERR_SSL_UNSUPPORTED_PROTOCOL,
   * ERR_SSL_HTTP_REQUEST, …
   */
  readonly code: string;
}

/** A TLS handshake with a client failed. */
export const tlsHandshakeFailed: EventChannel<TlsHandshakeFailed> = named('tls-handshake-failed');
