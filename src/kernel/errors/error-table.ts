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
    when: 'The request is malformed or ambiguous: its path, a header, its framing or the lease name. The connection is closed if the framing is at fault.',
    remedy:
      'Correct the request; `detail` says what is wrong with it. Often a proxy in front of the gateway rewrites requests.',
  },
  missing_credentials: {
    status: 401,
    title: 'Missing credentials',
    proxyError: 'http_request_denied',
    when: 'The request has no credential, and the lease is not open to `anonymous`.',
    remedy:
      'Send an API key as `X-Gateway-Key`, `Authorization: Bearer` or `X-API-Key`; leases with `credentials: app` read `X-Gateway-Key` only. Where `auth.basic` is on, a key may be the password of Basic.',
  },
  invalid_credentials: {
    status: 401,
    title: 'Invalid credentials',
    proxyError: 'http_request_denied',
    when: 'The credential is malformed, unknown or revoked.',
    remedy:
      'Check that the gateway has this key and that the whole key was sent. If the request carries a credential for the app, send the key for the gateway as well, as `X-Gateway-Key`. A key as the password of Basic needs `auth.basic`.',
  },
  expired_credentials: {
    status: 401,
    title: 'Expired credentials',
    proxyError: 'http_request_denied',
    when: 'The credential has expired, or the sign-in link of `portal-gateway dev` was used before.',
    remedy:
      'Request a new credential, or ask the operator to extend `expires_at` of the key. For another sign-in link, restart `dev`.',
  },
  access_denied: {
    status: 403,
    title: 'Access denied',
    proxyError: 'http_request_denied',
    when: 'No rule of `lease_acl` allows this caller to call this lease; or the lease does not exist, which the gateway reveals only to callers that would be allowed to call it. Or a browser sent a stored Basic password for a page that may not use it; `detail` says which.',
    remedy:
      'Run `portal-gateway explain` to see which rule decides. Pages of other origins send the key as `X-Gateway-Key`.',
  },
  insufficient_scope: {
    status: 403,
    title: 'Insufficient scope',
    proxyError: 'http_request_denied',
    when: 'The credential lacks a scope that the method or the lease requires; `detail` names it.',
    remedy: 'Use a key with that scope: `read` for GET, HEAD and OPTIONS, `write` for all other methods.',
  },
  ip_denied: {
    status: 403,
    title: 'Address denied',
    proxyError: 'http_request_denied',
    when: 'The IP rules of the gateway, the lease or the key deny this address.',
    remedy: 'Call from an allowed address. Behind a proxy, check `gateway.trusted_proxies`.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    proxyError: 'http_request_denied',
    when: 'A token bucket of `rate_limit` is empty, or this address sent too many invalid credentials.',
    remedy: 'Wait for `Retry-After`, and stay within the limits in `RateLimit` and `RateLimit-Policy`.',
  },
  quota_exceeded: {
    status: 429,
    title: 'Quota exceeded',
    proxyError: 'http_request_denied',
    when: 'The key has exhausted a daily or monthly quota of requests, bytes or language-model tokens; `detail` says which. Or, with `quotas.unknown_usage: deny`, an earlier response of the lease did not report its tokens.',
    remedy:
      'Wait for `Retry-After`, the time until the day or month ends, or ask the operator to raise `quotas` for the key. Request usage in streams (`stream_options.include_usage`).',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    proxyError: 'destination_not_found',
    when: 'This gateway serves nothing at this path, or not to this caller.',
    remedy:
      'Leases are at `/peer/<lease>/`, and at `<lease>.<base_domain>` where `gateway.base_domain` is set. On the main port, `/metrics` and `/health/details` are served only to this machine, `metrics.allowed_cidrs` and keys with the scope `admin`; `admin.port` serves them to everyone.',
  },
  lease_not_found: {
    status: 404,
    title: 'Lease not found',
    proxyError: 'destination_not_found',
    when: 'No relay lists a lease with this name or id.',
    remedy:
      'Check the spelling with `portal-gateway leases`, and check that the app is running: a lease ends when the program that published it exits.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    proxyError: 'http_request_error',
    when: 'The path is an endpoint of the gateway that does not support this method.',
    remedy: 'Use a method from the `Allow` header.',
  },
  request_timeout: {
    status: 408,
    title: 'Request timeout',
    proxyError: 'http_request_error',
    when: 'The head of the request did not arrive within `gateway.read_header_timeout`, or its body paused for longer than `gateway.body_timeout` or `timeouts.body_idle`.',
    remedy: 'Retry the request. On slow links, raise these settings.',
  },
  lease_ambiguous: {
    status: 409,
    title: 'Ambiguous lease name',
    proxyError: 'destination_not_found',
    when: 'Several leases have this name.',
    remedy: 'Use the id of the intended lease, or pin the name with `portal.lease_pins`.',
  },
  body_too_large: {
    status: 413,
    title: 'Request body too large',
    proxyError: 'http_request_error',
    when: 'The body is larger than `gateway.max_body_bytes`.',
    remedy: 'Send a smaller body, or raise the setting.',
  },
  uri_too_long: {
    status: 414,
    title: 'URI too long',
    proxyError: 'http_request_error',
    when: 'The request target is longer than half of `gateway.max_header_bytes`.',
    remedy: 'Move data from the query to the body, or raise the setting.',
  },
  expectation_failed: {
    status: 417,
    title: 'Expectation failed',
    proxyError: 'http_request_error',
    when: 'The `Expect` header has a value other than `100-continue`.',
    remedy: 'Omit the header.',
  },
  misdirected_request: {
    status: 421,
    title: 'Misdirected request',
    proxyError: 'http_request_error',
    when: 'The gateway does not serve the lease under the host that the request names: `gateway.allowed_hosts` does not list it, the lease is open to `anonymous` and the host is not known to be the gateway’s own, or it is below `gateway.base_domain` but cannot be the name of a lease.',
    remedy:
      'Call the gateway by its own host name. Operators: add the host that `detail` names to `gateway.allowed_hosts`, or set `gateway.public_url`. A proxy in front of the gateway must forward the `Host` of its clients.',
  },
  headers_too_large: {
    status: 431,
    title: 'Request headers too large',
    proxyError: 'http_request_error',
    when: 'The head of the request is larger than `gateway.max_header_bytes`, or has more than 200 fields.',
    remedy: 'Send fewer or smaller headers (often cookies are the cause), or raise the setting.',
  },
  client_closed: {
    status: 499,
    title: 'Client closed the request',
    proxyError: 'http_request_error',
    when: 'The client disconnected before the response was complete. This code appears only in the log; no client receives it.',
    remedy:
      'No action is needed. If it is frequent, the clients’ timeouts are probably shorter than the app’s response times.',
  },
  client_too_slow: {
    status: 499,
    title: 'Client too slow',
    proxyError: 'http_request_error',
    when: 'The client read a response more slowly than `gateway.min_write_rate` while data was waiting for it, or read nothing of a stream for `timeouts.body_idle`, so the gateway aborted the response. This code appears only in the log; no client receives it.',
    remedy:
      'No action is needed. If legitimate clients are on very slow links, lower `gateway.min_write_rate` or raise `timeouts.body_idle`.',
  },
  internal_error: {
    status: 500,
    title: 'Internal error',
    proxyError: 'proxy_internal_error',
    when: 'An unexpected failure in the gateway.',
    remedy: 'Report it, with the request id and the matching log lines.',
  },
  not_implemented: {
    status: 501,
    title: 'Not implemented',
    proxyError: 'http_request_error',
    when: 'The request uses TRACE, CONNECT, a method that is not known, a protocol that is not forwarded, or a transfer coding other than `chunked`.',
    remedy: 'Use another method, and no transfer coding but `chunked`.',
  },
  lease_unreachable: {
    status: 502,
    title: 'Lease unreachable',
    proxyError: 'destination_unavailable',
    when: 'The relay or the app refused the connection, or the lease does not speak HTTP.',
    remedy: 'Check that the app is running and that the program that published it can reach it.',
  },
  tunnel_failed: {
    status: 502,
    title: 'Tunnel failed',
    proxyError: 'connection_terminated',
    when: 'The end-to-end handshake with the app failed, or the tunnel broke before the response began. Within a response the code is in the log alone: the response is cut.',
    remedy: 'Retry. If it persists, check the app’s log: it may not admit this gateway.',
  },
  client_not_admitted: {
    status: 502,
    title: 'Gateway not admitted',
    proxyError: 'connection_refused',
    when: 'The app admits only certain gateways (`expose --allow-client`), and this gateway is not one of them.',
    remedy:
      'Run `portal-gateway identity` on the gateway’s machine, and have the owner of the app add the id that it prints. The id changes at each start if the gateway cannot store its identity.',
  },
  clock_skew: {
    status: 502,
    title: 'Clocks differ',
    proxyError: 'connection_terminated',
    when: 'The clocks of the gateway and the app differ by more than the 30 s that a handshake allows. `detail` gives the difference where it is known.',
    remedy:
      'Correct the wrong clock, usually by enabling NTP; requests then work again at once. The gateway and `expose` compare their clocks with those of their relays and log differences of 15 s or more.',
  },
  bad_upstream_response: {
    status: 502,
    title: 'Bad upstream response',
    proxyError: 'http_protocol_error',
    when: 'The app’s response is not valid HTTP, or contradicts itself.',
    remedy:
      'Correct the app. The gateway forwards no part of an invalid head, and cuts a response whose body is invalid.',
  },
  no_relay: {
    status: 503,
    title: 'No relay connected',
    proxyError: 'destination_unavailable',
    when: 'The gateway is not connected to a relay that lists the lease.',
    remedy: 'Retry after `Retry-After`; the gateway reconnects automatically. If it persists, check `portal.relays`.',
  },
  draining: {
    status: 503,
    title: 'Gateway is shutting down',
    proxyError: 'proxy_internal_response',
    when: 'The gateway is shutting down, and `gateway.shutdown_grace` ended before the request was served completely.',
    remedy: 'Retry on a new connection, which reaches another instance or the restarted one.',
  },
  overloaded: {
    status: 503,
    title: 'Gateway is overloaded',
    proxyError: 'connection_limit_reached',
    when: 'A limit is reached (`gateway.max_in_flight`, `gateway.max_streams`, `portal.pool`), or under load the caller’s share (`limits`), and the queue is full or no slot became free in time.',
    remedy: 'Retry after `Retry-After`. If it is frequent, raise these settings or add an instance.',
  },
  dial_timeout: {
    status: 504,
    title: 'Dial timeout',
    proxyError: 'connection_timeout',
    when: 'No tunnel to the app could be established within `timeouts.dial`.',
    remedy: 'Retry. If it persists, check the app’s machine and its connection to the relay.',
  },
  headers_timeout: {
    status: 504,
    title: 'Response headers timeout',
    proxyError: 'http_response_timeout',
    when: 'The app did not begin its response within `timeouts.response_headers`, or read none of the request for `timeouts.body_idle`.',
    remedy: 'Make the app faster, or raise the setting for its path with `timeouts.overrides`.',
  },
  total_timeout: {
    status: 504,
    title: 'Total timeout',
    proxyError: 'http_response_timeout',
    when: 'The request took longer than `timeouts.total`.',
    remedy: 'Make the app faster, or raise the setting. It does not apply to streams.',
  },
  ...appErrors,
};
