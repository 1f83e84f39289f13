// Owns the channels on which the gateway tells what happened, and the shapes of what it tells. Who listens is unknown here; who
// tells asks `hasSubscribers` first, so that silence is free. Messages hold no credential and no query string.
import { channel } from 'node:diagnostics_channel';
import type { GatewayError } from './errors/gateway-error.ts';

/**
 * A channel of node:diagnostics_channel whose messages have a known shape. Listeners run within publish(), must be quick and must not
 * throw: what they throw ends the process. One process has one set of channels, however many gateways it holds.
 */
export interface EventChannel<Message> {
  readonly hasSubscribers: boolean;
  publish(message: Message): void;
  subscribe(listener: (message: Message, name: string | symbol) => void): void;
  unsubscribe(listener: (message: Message, name: string | symbol) => void): void;
}

/** Returns the end of it. */
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

/** A configuration was loaded anew. */
export const configReloaded: EventChannel<ConfigReloaded> = named('config-reloaded');

export interface RequestFailed {
  readonly requestId: string;
  readonly error: GatewayError;
}

/** A request that the gateway answered with a problem, or whose answer it cut. */
export const requestFailed: EventChannel<RequestFailed> = named('request-failed');

/** A response was cut because its client took less than gateway.min_write_rate. */
export interface SlowClientCut {
  readonly requestId: string;
  readonly clientIp: string;
  readonly leaseId: string | undefined;
}

export const slowClientCut: EventChannel<SlowClientCut> = named('slow-client-cut');

/** Which kind of address a request came by: one of few, whatever clients send. The last but one are the gateway's own. */
export type RouteLabel = '/peer/:lease/*' | '/ws/:lease' | 'host' | '/health' | '/metrics' | 'other';

/** An answer that lasts as long as its two sides want. */
export type StreamKind = 'sse' | 'websocket' | 'upgrade';

export interface RequestStarted {
  readonly requestId: string;
  /** Monotonic. */
  readonly startedMs: number;
}

/** A request has entered the pipeline, or is answered by the listener. */
export const requestStarted: EventChannel<RequestStarted> = named('request-started');

/** The answer to a request has begun, and is a stream. */
export interface StreamOpened {
  readonly requestId: string;
  readonly startedMs: number;
  readonly kind: StreamKind;
}

export const streamOpened: EventChannel<StreamOpened> = named('stream-opened');

/**
 * complete: the whole answer was handed to the client's connection, a problem of our own too. cut: it ended before it was whole.
 * client_closed: so it did, because the client left.
 */
export type Outcome = 'complete' | 'cut' | 'client_closed';

export interface RequestFinished extends RequestStarted {
  readonly durationMs: number;
  /** Until the head of the answer. Undefined: there was none, or it was a problem of our own. */
  readonly headMs: number | undefined;
  /** Of `headMs`, the part since the request was on its way to the app. */
  readonly upstreamMs: number | undefined;
  readonly method: string;
  /** By pathOf(). */
  readonly path: string;
  readonly route: RouteLabel;
  readonly httpVersion: '1.0' | '1.1' | '2';
  readonly clientIp: string;
  readonly userAgent: string | undefined;
  /** The name of the principal. */
  readonly keyId: string | undefined;
  readonly leaseId: string | undefined;
  readonly relay: string | undefined;
  /** Of the answer's head; 499 when the client did not wait for one. */
  readonly status: number;
  /** Of the request's body, or of what came from the client after an upgrade. */
  readonly bytesReceived: number;
  /** Of the answer's body, or of what went to the client after an upgrade. Undefined: a problem of our own. */
  readonly bytesSent: number | undefined;
  readonly stream: StreamKind | undefined;
  readonly outcome: Outcome;
  readonly error: GatewayError | undefined;
}

/** A request is over, or an upgraded connection has ended. Once for each that has started. */
export const requestFinished: EventChannel<RequestFinished> = named('request-finished');

/** What is known of a request that never entered the pipeline. */
export interface RequestRefused {
  readonly requestId: string;
  readonly error: GatewayError;
  readonly clientIp: string;
  readonly method?: string;
  /** By pathOf(). */
  readonly path?: string;
}

/** The listener refused by itself what a client sent: it was no HTTP, too large, too slow, or came too late. */
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

/** The connection to a relay came about, was lost, or did not come about. */
export const relayChanged: EventChannel<RelayChanged> = named('relay-changed');

export interface ClockCompared {
  readonly relay: string;
  /** The app whose clock ours was compared with. Undefined: the relay's. */
  readonly leaseId: string | undefined;
  /** Our clock minus the other one. */
  readonly skewSeconds: number;
}

/** The relay's clock was compared with ours, whatever the result; or a handshake failed because the app's differs too much. */
export const clockCompared: EventChannel<ClockCompared> = named('clock-compared');

export interface DialFinished {
  readonly relay: string;
  readonly leaseId: string;
  /** `ok`, the code that callers are answered, or `aborted`: nobody waited for it any more. */
  readonly outcome: string;
  readonly durationMs: number;
}

/** A tunnel to an app came about, or did not. */
export const dialFinished: EventChannel<DialFinished> = named('dial-finished');

export interface LeaseMoved {
  readonly name: string;
  /** Where it led before. */
  readonly from: readonly string[];
  /** The id that is new. */
  readonly to: string;
}

/** A relay lists a name with an id that it did not have before: an app with a new identity, or somebody else's. */
export const leaseMoved: EventChannel<LeaseMoved> = named('lease-moved');

export interface LeaseNameRefused {
  readonly relays: readonly string[];
  /** As listed. */
  readonly name: string;
  /** The id that is listed under the name and does not get it. */
  readonly leaseId: string;
  /** The id that has the name. Undefined: none that was accepted is listed. */
  readonly holder: string | undefined;
}

/** A relay lists a lease under the name of another one. Once for as long as it does. */
export const leaseNameRefused: EventChannel<LeaseNameRefused> = named('lease-name-refused');

export interface LeasesListed {
  readonly relay: string;
  readonly leases: number;
  /** Entries of the list that are not used, by reason. */
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
  /** What was shown. other: nothing that could be taken for one credential of ours. */
  readonly method: 'api_key' | 'none' | 'other';
  /** success: the caller is known, or need not be. Else the code of the answer. */
  readonly outcome: 'success' | GatewayError['code'];
}

/** It was decided who calls, or that it can't be told. */
export const authenticated: EventChannel<Authenticated> = named('authenticated');

export interface RateLimited {
  /** Whose bucket refused. */
  readonly level: 'global' | 'key' | 'lease' | 'tenant' | 'ip';
}

/** A request was refused by a rate limit. */
export const rateLimited: EventChannel<RateLimited> = named('rate-limited');

/** Tokens of a language model, by class; each token is in one of them. */
export interface LlmTokens {
  /** Without what came from a cache or went into one. */
  readonly input: number;
  readonly cache_read: number;
  readonly cache_write: number;
  /** Without reasoning. */
  readonly output: number;
  readonly reasoning: number;
}

export interface LlmUsage {
  readonly requestId: string;
  readonly keyId: string;
  readonly leaseId: string | undefined;
  /** By the app, within bounds. */
  readonly reported: LlmTokens;
  /** By the gateway, where the app did not report. */
  readonly estimated: LlmTokens;
  /** How usage that the app did not report was charged. Undefined: it reported all. */
  readonly unknown: 'estimated' | 'denied' | 'ignored' | undefined;
  /** The app reported more tokens than the bounds allow. */
  readonly suspicious: boolean;
  /** Why the response was not read to its end. */
  readonly unread: string | undefined;
}

/** A response of a language model to a caller with a quota of tokens is over. */
export const llmUsage: EventChannel<LlmUsage> = named('llm-usage');

export interface LimitsStoreChanged {
  /** shared: in the store that all gateways ask. local: by this process alone, since the store can't be asked. */
  readonly state: 'shared' | 'local';
  /** For the log; without addresses and credentials. */
  readonly reason: string;
}

/** Where rate limits are counted has changed. */
export const limitsStoreChanged: EventChannel<LimitsStoreChanged> = named('limits-store-changed');

export interface LogDropped {
  readonly lines: number;
}

/** The log could not be written as fast as it was made. */
export const logDropped: EventChannel<LogDropped> = named('log-dropped');

export interface ConnectionRefused {
  /** As far as it is known: of the proxy, when what the proxy said was not to be understood. */
  readonly ip: string;
  readonly reason:
    | 'max_connections'
    | 'max_connections_per_ip'
    | 'proxy_protocol'
    /** A TLS handshake on a port that speaks plain HTTP. */
    | 'tls_on_plain_port'
    /** HTTP/2 by prior knowledge (RFC 9113 §3.3), which is spoken nowhere. */
    | 'http2_prior_knowledge';
}

/** A connection that was closed before a request could be read from it. */
export const connectionRefused: EventChannel<ConnectionRefused> = named('connection-refused');

export interface TlsHandshakeFailed {
  readonly ip: string;
  /** CLIENT_CLOSED, or Node's: ERR_TLS_HANDSHAKE_TIMEOUT, ERR_SSL_UNSUPPORTED_PROTOCOL, ERR_SSL_HTTP_REQUEST, … */
  readonly code: string;
}

/** A client that did not get through the TLS handshake. */
export const tlsHandshakeFailed: EventChannel<TlsHandshakeFailed> = named('tls-handshake-failed');
