// Owns every error code that a caller of the gateway can see, and the one table that turns a code into an HTTP answer.
// Knows nothing of HTTP servers, of Portal or of how an answer is written.

interface ErrorShape {
  readonly status: number;
  readonly title: string;
}

/** Code -> HTTP status and title (RFC 9457 §3.1). Product contract §4. */
export const errorTable = {
  invalid_request: { status: 400, title: 'Invalid request' },
  missing_credentials: { status: 401, title: 'Missing credentials' },
  invalid_credentials: { status: 401, title: 'Invalid credentials' },
  access_denied: { status: 403, title: 'Access denied' },
  not_found: { status: 404, title: 'Not found' },
  lease_not_found: { status: 404, title: 'Lease not found' },
  lease_ambiguous: { status: 409, title: 'Ambiguous lease name' },
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
} as const satisfies Record<string, ErrorShape>;

export type ErrorCode = keyof typeof errorTable;

interface GatewayErrorOptions {
  readonly cause?: unknown;
  /** Whole seconds, at least 1: the `Retry-After` of the answer. */
  readonly retryAfterSeconds?: number;
}

/** The one error of the request path. `message` is the `detail` that the client reads: no address, key or backend text. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, detail: string, options: GatewayErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return errorTable[this.code].status;
  }
}
