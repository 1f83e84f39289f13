// Every error code visible to callers of the gateway or of an app behind `expose`, in one table
// that defines the HTTP response and the text in docs/errors.md.
import { appErrors } from './app-errors.ts';
import type { ErrorShape } from './error-shape.ts';

export type ErrorCode =
  | 'invalid_request'
  | 'missing_credentials'
  | 'invalid_credentials'
  | 'expired_credentials'
  | 'access_denied'
  | 'insufficient_scope'
  | 'ip_denied'
  | 'rate_limited'
  | 'quota_exceeded'
  | 'not_found'
  | 'lease_not_found'
  | 'method_not_allowed'
  | 'request_timeout'
  | 'body_too_large'
  | 'uri_too_long'
  | 'misdirected_request'
  | 'lease_ambiguous'
  | 'expectation_failed'
  | 'headers_too_large'
  | 'client_closed'
  | 'client_too_slow'
  | 'internal_error'
  | 'not_implemented'
  | 'lease_unreachable'
  | 'tunnel_failed'
  | 'client_not_admitted'
  | 'clock_skew'
  | 'bad_upstream_response'
  | 'no_relay'
  | 'draining'
  | 'overloaded'
  | 'dial_timeout'
  | 'headers_timeout'
  | 'total_timeout'
  | keyof typeof appErrors;

/** Error code -> response and explanation. */
export const errorTable: Readonly<Record<ErrorCode, ErrorShape>> = {
  invalid_request: {
    status: 400,
    title: 'Invalid request',
    proxyError: 'http_request_error',
    when: 'The request can not be understood, or could be understood in two ways: its path, a header, its framing, the name of the lease. The connection is closed when the framing is at fault.',
    remedy:
      'Correct the request; the detail says what is wrong with it. A proxy in front that rewrites requests is the usual suspect.',
  },
  missing_credentials: {
    status: 401,
    title: 'Missing credentials',
    proxyError: 'http_request_denied',
    when: 'The request carries no credential, and the lease is not open to everyone.',
    remedy:
      'Send an API key as `X-Gateway-Key`, `Authorization: Bearer` or `X-API-Key`; leases with `credentials: app` read `X-Gateway-Key` only.',
  },
  invalid_credentials: {
    status: 401,
    title: 'Invalid credentials',
    proxyError: 'http_request_denied',
    when: 'The credential is mistyped, unknown or revoked.',
    remedy:
      'Check that the key is one that the gateway knows, and that it was sent whole. A credential for the app needs the key of the gateway beside it, as `X-Gateway-Key`.',
  },
  expired_credentials: {
    status: 401,
    title: 'Expired credentials',
    proxyError: 'http_request_denied',
    when: 'The credential was valid once and is not any more.',
    remedy: 'Ask for a new one, or have `expires_at` of the key moved.',
  },
  access_denied: {
    status: 403,
    title: 'Access denied',
    proxyError: 'http_request_denied',
    when: 'No rule of `lease_acl` lets this caller call this lease; or there is no such lease, which is told only to those who may call it.',
    remedy: '`portal-gateway explain` says which rule decides.',
  },
  insufficient_scope: {
    status: 403,
    title: 'Insufficient scope',
    proxyError: 'http_request_denied',
    when: 'The credential lacks a scope that the method or the lease asks for; the detail names it.',
    remedy: 'Use a key with that scope: `read` for GET, HEAD and OPTIONS, `write` for everything else.',
  },
  ip_denied: {
    status: 403,
    title: 'Address denied',
    proxyError: 'http_request_denied',
    when: 'Rules for addresses, of the gateway, the lease or the key, do not let this one in.',
    remedy: 'Call from an address that is allowed; behind a proxy, check `gateway.trusted_proxies`.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    proxyError: 'http_request_denied',
    when: 'A token bucket of `rate_limit` is empty, or too many credentials from this address were wrong.',
    remedy: 'Wait for `Retry-After`, and keep to what `RateLimit` and `RateLimit-Policy` tell.',
  },
  quota_exceeded: {
    status: 429,
    title: 'Quota exceeded',
    proxyError: 'http_request_denied',
    when: 'The key has used up a quota of its day or month, in requests, bytes or tokens of language models; the detail says which. Or, with `quotas.unknown_usage: deny`, an earlier response of the lease did not report its tokens.',
    remedy:
      'Wait for `Retry-After`, which is when the day or month ends, or have `quotas` of the key raised. Ask for usage in streams (`stream_options.include_usage`).',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    proxyError: 'destination_not_found',
    when: 'Nothing is served at this path, by this gateway or for this caller.',
    remedy:
      'Leases are at `/peer/<lease>/`, and at `<lease>.<base_domain>` where `gateway.base_domain` is set. `/metrics` and `/health/details` exist on the main port for this machine, `metrics.allowed_cidrs` and keys with the scope `admin` only; `admin.port` serves them to all.',
  },
  lease_not_found: {
    status: 404,
    title: 'Lease not found',
    proxyError: 'destination_not_found',
    when: 'No relay lists a lease of this name or id.',
    remedy:
      'Check the spelling with `portal-gateway leases`, and that the app is running: a lease ends with the program that published it.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    proxyError: 'http_request_error',
    when: 'The path is one of the gateway’s own and does not take this method.',
    remedy: 'Use a method that the `Allow` header names.',
  },
  request_timeout: {
    status: 408,
    title: 'Request timeout',
    proxyError: 'http_request_error',
    when: 'The head of the request did not arrive within `gateway.read_header_timeout`, or its body paused for longer than `gateway.body_timeout`.',
    remedy: 'Send the request again. On slow links raise the two settings.',
  },
  lease_ambiguous: {
    status: 409,
    title: 'Ambiguous lease name',
    proxyError: 'destination_not_found',
    when: 'Several leases have this name.',
    remedy: 'Use the id of the one that you mean, or pin the name with `portal.lease_pins`.',
  },
  body_too_large: {
    status: 413,
    title: 'Request body too large',
    proxyError: 'http_request_error',
    when: 'The body is larger than `gateway.max_body_bytes`.',
    remedy: 'Send less at once, or raise the setting.',
  },
  uri_too_long: {
    status: 414,
    title: 'URI too long',
    proxyError: 'http_request_error',
    when: 'The request target takes more than half of `gateway.max_header_bytes`.',
    remedy: 'Move what is in the query to the body, or raise the setting.',
  },
  expectation_failed: {
    status: 417,
    title: 'Expectation failed',
    proxyError: 'http_request_error',
    when: 'The `Expect` header asks for something other than `100-continue`.',
    remedy: 'Leave the header out.',
  },
  misdirected_request: {
    status: 421,
    title: 'Misdirected request',
    proxyError: 'http_request_error',
    when: 'The gateway does not serve the lease under the host that the request names: `gateway.allowed_hosts` does not list it, the lease is open to `anonymous` and the host is not known to be the gateway’s own, or it is below `gateway.base_domain` where no lease can be.',
    remedy:
      'Call the gateway by its own name. Operators list the host that the detail names in `gateway.allowed_hosts`, or set `gateway.public_url`. A proxy in front has to pass the `Host` of its clients.',
  },
  headers_too_large: {
    status: 431,
    title: 'Request headers too large',
    proxyError: 'http_request_error',
    when: 'The head of the request is larger than `gateway.max_header_bytes`, or has more than 200 fields.',
    remedy: 'Send fewer or smaller headers; cookies are the usual suspect. Or raise the setting.',
  },
  client_closed: {
    status: 499,
    title: 'Client closed the request',
    proxyError: 'http_request_error',
    when: 'The client left before the answer was complete. Nobody receives this; it is in the log.',
    remedy: 'Nothing, unless it is frequent: then the clients’ timeouts are shorter than the app’s answers are long.',
  },
  client_too_slow: {
    status: 499,
    title: 'Client too slow',
    proxyError: 'http_request_error',
    when: 'The client took less of a response than `gateway.min_write_rate` while data waited for it, or nothing of a stream for `timeouts.body_idle`, so the response was cut. Nobody receives this; it is in the log.',
    remedy: 'Nothing, unless honest clients are on very slow links: then lower the setting.',
  },
  internal_error: {
    status: 500,
    title: 'Internal error',
    proxyError: 'proxy_internal_error',
    when: 'The gateway failed in a way that it should not have.',
    remedy: 'Report it, with the request id and what the log says of it.',
  },
  not_implemented: {
    status: 501,
    title: 'Not implemented',
    proxyError: 'http_request_error',
    when: 'The request uses TRACE, CONNECT or a transfer coding other than `chunked`.',
    remedy: 'Do without. Only `chunked` is understood everywhere.',
  },
  lease_unreachable: {
    status: 502,
    title: 'Lease unreachable',
    proxyError: 'destination_unavailable',
    when: 'The relay or the app refused the connection, or the lease does not speak HTTP.',
    remedy: 'See that the app is running and reachable for the program that published it.',
  },
  tunnel_failed: {
    status: 502,
    title: 'Tunnel failed',
    proxyError: 'connection_terminated',
    when: 'The end-to-end handshake with the app failed, or the tunnel broke before the answer began.',
    remedy: 'Try again. If it stays so, look at the app’s log: it may not admit this gateway.',
  },
  client_not_admitted: {
    status: 502,
    title: 'Gateway not admitted',
    proxyError: 'connection_refused',
    when: 'The app admits certain gateways only (`expose --allow-client`), and this one is not among them.',
    remedy:
      'The owner of the app adds the id that `portal-gateway identity` prints on the machine of the gateway. It is another one where the gateway cannot keep its identity.',
  },
  clock_skew: {
    status: 502,
    title: 'Clocks differ',
    proxyError: 'connection_terminated',
    when: 'The clocks of the gateway and the app differ by more than a handshake allows, which is 30 s. The detail says by how much, where it is known.',
    remedy:
      'Correct the clock that is wrong, usually by turning on NTP: requests work again at once. Gateway and `expose` compare their clocks with those of their relays and log a difference of 15 s and more.',
  },
  bad_upstream_response: {
    status: 502,
    title: 'Bad upstream response',
    proxyError: 'http_protocol_error',
    when: 'What the app answered is no HTTP, or contradicts itself.',
    remedy: 'Correct the app. Nothing of such an answer is passed on.',
  },
  no_relay: {
    status: 503,
    title: 'No relay connected',
    proxyError: 'destination_unavailable',
    when: 'The gateway is not connected to a relay that lists the lease.',
    remedy: 'Try again after `Retry-After`; the gateway reconnects by itself. If it stays so, check `portal.relays`.',
  },
  draining: {
    status: 503,
    title: 'Gateway is shutting down',
    proxyError: 'proxy_internal_response',
    when: 'The gateway stops: the grace of its drain ended before the response was complete.',
    remedy: 'Send the request again on a new connection; it will reach another instance or the next one.',
  },
  overloaded: {
    status: 503,
    title: 'Gateway is overloaded',
    proxyError: 'connection_limit_reached',
    when: 'More is in flight than `gateway.max_in_flight`, `gateway.max_streams`, `portal.pool` or, while most of these are in use, the share of the caller (`limits`) allow, and the queue is full.',
    remedy: 'Try again after `Retry-After`. If it is frequent, raise the settings or add an instance.',
  },
  dial_timeout: {
    status: 504,
    title: 'Dial timeout',
    proxyError: 'connection_timeout',
    when: 'No tunnel to the app came about within `timeouts.dial`.',
    remedy: 'Try again. If it stays so, the app’s machine or its way to the relay is at fault.',
  },
  headers_timeout: {
    status: 504,
    title: 'Response headers timeout',
    proxyError: 'http_response_timeout',
    when: 'The app did not begin its answer within `timeouts.response_headers`.',
    remedy: 'Make the app faster, or raise the setting for its path with `timeouts.overrides`.',
  },
  total_timeout: {
    status: 504,
    title: 'Total timeout',
    proxyError: 'http_response_timeout',
    when: 'The request took longer than `timeouts.total`.',
    remedy: 'Make the app faster, or raise the setting. Streams are not bounded by it.',
  },
  ...appErrors,
};
