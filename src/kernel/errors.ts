// Owns every error code that a caller of the gateway can see, and the one table that turns a code into an HTTP answer.
// Knows nothing of HTTP servers, of Portal or of how an answer is written.

export type ErrorCode =
  | 'invalid_request'
  | 'missing_credentials'
  | 'invalid_credentials'
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
  | 'internal_error'
  | 'not_implemented'
  | 'lease_unreachable'
  | 'tunnel_failed'
  | 'bad_upstream_response'
  | 'no_relay'
  | 'draining'
  | 'overloaded'
  | 'dial_timeout'
  | 'headers_timeout'
  | 'total_timeout';

interface ErrorShape {
  readonly status: number;
  readonly title: string;
}

/** Code -> HTTP status and title (RFC 9457 §3.1). Product contract §4. */
export const errorTable: Readonly<Record<ErrorCode, ErrorShape>> = {
  invalid_request: { status: 400, title: 'Invalid request' },
  missing_credentials: { status: 401, title: 'Missing credentials' },
  invalid_credentials: { status: 401, title: 'Invalid credentials' },
  not_found: { status: 404, title: 'Not found' },
  lease_not_found: { status: 404, title: 'Lease not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  request_timeout: { status: 408, title: 'Request timeout' },
  lease_ambiguous: { status: 409, title: 'Ambiguous lease name' },
  body_too_large: { status: 413, title: 'Request body too large' },
  uri_too_long: { status: 414, title: 'URI too long' },
  expectation_failed: { status: 417, title: 'Expectation failed' },
  misdirected_request: { status: 421, title: 'Misdirected request' },
  headers_too_large: { status: 431, title: 'Request headers too large' },
  // Nobody is left to read it: for logs, and for the stages that count what is in flight.
  client_closed: { status: 499, title: 'Client closed the request' },
  internal_error: { status: 500, title: 'Internal error' },
  not_implemented: { status: 501, title: 'Not implemented' },
  lease_unreachable: { status: 502, title: 'Lease unreachable' },
  tunnel_failed: { status: 502, title: 'Tunnel failed' },
  bad_upstream_response: { status: 502, title: 'Bad upstream response' },
  no_relay: { status: 503, title: 'No relay connected' },
  draining: { status: 503, title: 'Gateway is shutting down' },
  overloaded: { status: 503, title: 'Gateway is overloaded' },
  dial_timeout: { status: 504, title: 'Dial timeout' },
  headers_timeout: { status: 504, title: 'Response headers timeout' },
  total_timeout: { status: 504, title: 'Total timeout' },
};

interface GatewayErrorOptions {
  readonly cause?: unknown;
  /** Whole seconds, at least 1: the `Retry-After` of the answer. */
  readonly retryAfterSeconds?: number;
  /** What the answer must carry beside the problem, as `WWW-Authenticate` with a 401 or `Allow` with a 405. */
  readonly headers?: readonly string[];
}

/** The one error of the request path. `message` is the `detail` that the client reads: no address, key or backend text. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;
  /** Name, value, … */
  readonly headers: readonly string[];

  constructor(code: ErrorCode, detail: string, options: GatewayErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.headers = options.headers ?? [];
  }

  get status(): number {
    return errorTable[this.code].status;
  }
}
