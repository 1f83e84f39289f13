// Events of connections that end before a request is read from them.
import { type EventChannel, eventChannel } from './event-channel.ts';

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
export const connectionRefused: EventChannel<ConnectionRefused> = eventChannel('connection-refused');

export interface TlsHandshakeFailed {
  readonly ip: string;
  /**
   * CLIENT_CLOSED, or Node's error code: ERR_TLS_HANDSHAKE_TIMEOUT, ERR_SSL_UNSUPPORTED_PROTOCOL,
   * ERR_SSL_HTTP_REQUEST, …
   */
  readonly code: string;
}

/** A TLS handshake with a client failed. */
export const tlsHandshakeFailed: EventChannel<TlsHandshakeFailed> = eventChannel('tls-handshake-failed');
