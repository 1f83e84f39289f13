// What a row of the table of errors says about a code.

/** Error types of the registry that RFC 9209 §2.3 began. */
export type ProxyErrorType =
  | 'dns_error'
  | 'destination_ip_unroutable'
  | 'connection_refused'
  | 'tls_protocol_error'
  | 'tls_certificate_error'
  | 'http_response_incomplete'
  | 'http_response_header_section_size'
  | 'http_upgrade_failed'
  | 'connection_limit_reached'
  | 'connection_terminated'
  | 'connection_timeout'
  | 'destination_not_found'
  | 'destination_unavailable'
  | 'http_protocol_error'
  | 'http_request_denied'
  | 'http_request_error'
  | 'http_response_timeout'
  | 'proxy_internal_error'
  | 'proxy_internal_response';

export interface ErrorShape {
  readonly status: number;
  /** RFC 9457 §3.1.3. */
  readonly title: string;
  /** What `Proxy-Status` tells of it, unless the hop knows better. */
  readonly proxyError: ProxyErrorType;
  /** Made by `expose`, next to the app; absent: by the gateway, or by both. */
  readonly source?: 'expose';
  /** For docs/errors.md, as the next one. */
  readonly when: string;
  /** What whoever reads it can do. */
  readonly remedy: string;
}
