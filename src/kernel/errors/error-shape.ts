// The columns of the error table.

/** Error types of the IANA registry that RFC 9209 §2.3 created. */
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
  /** The error type in `Proxy-Status`, unless the reporting hop knows a more precise one. */
  readonly proxyError: ProxyErrorType;
  /** Absent: the gateway makes the response, or both the gateway and `expose` do. */
  readonly source?: 'expose';
  /** Causes, for docs/errors.md. */
  readonly when: string;
  /** The remedy, for docs/errors.md. */
  readonly remedy: string;
}
