// The gRPC status of each error code, for clients that read no HTTP status. Response:
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses
import type { ErrorCode } from './error-table.ts';

/** https://grpc.io/docs/guides/status-codes/: those that the gateway uses. */
const numbers = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

type GrpcStatus = keyof typeof numbers;

/**
 * UNAVAILABLE only where a retry helps: clients retry it by themselves. FAILED_PRECONDITION: an
 * operator has to change something first.
 */
export const grpcStatuses: Readonly<Record<ErrorCode, GrpcStatus>> = {
  invalid_request: 'INVALID_ARGUMENT',
  missing_credentials: 'UNAUTHENTICATED',
  invalid_credentials: 'UNAUTHENTICATED',
  expired_credentials: 'UNAUTHENTICATED',
  access_denied: 'PERMISSION_DENIED',
  insufficient_scope: 'PERMISSION_DENIED',
  ip_denied: 'PERMISSION_DENIED',
  rate_limited: 'RESOURCE_EXHAUSTED',
  quota_exceeded: 'RESOURCE_EXHAUSTED',
  not_found: 'UNIMPLEMENTED',
  lease_not_found: 'NOT_FOUND',
  method_not_allowed: 'UNIMPLEMENTED',
  request_timeout: 'DEADLINE_EXCEEDED',
  body_too_large: 'RESOURCE_EXHAUSTED',
  uri_too_long: 'INVALID_ARGUMENT',
  misdirected_request: 'FAILED_PRECONDITION',
  lease_ambiguous: 'FAILED_PRECONDITION',
  expectation_failed: 'INVALID_ARGUMENT',
  headers_too_large: 'RESOURCE_EXHAUSTED',
  client_closed: 'CANCELLED',
  client_too_slow: 'CANCELLED',
  internal_error: 'INTERNAL',
  not_implemented: 'UNIMPLEMENTED',
  lease_unreachable: 'UNAVAILABLE',
  tunnel_failed: 'UNAVAILABLE',
  client_not_admitted: 'FAILED_PRECONDITION',
  clock_skew: 'FAILED_PRECONDITION',
  bad_upstream_response: 'INTERNAL',
  no_relay: 'UNAVAILABLE',
  draining: 'UNAVAILABLE',
  overloaded: 'UNAVAILABLE',
  dial_timeout: 'UNAVAILABLE',
  headers_timeout: 'DEADLINE_EXCEEDED',
  total_timeout: 'DEADLINE_EXCEEDED',
  assertion_required: 'UNAUTHENTICATED',
  app_unreachable: 'UNAVAILABLE',
  bad_app_response: 'INTERNAL',
  app_timeout: 'DEADLINE_EXCEEDED',
  assertion_keys_unavailable: 'UNAVAILABLE',
};

/** The fields that tell a gRPC client of an error. */
export function grpcFields(code: ErrorCode, detail: string): string[] {
  return ['grpc-status', String(numbers[grpcStatuses[code]]), 'grpc-message', encodedMessage(detail)];
}

/** Percent-encodes everything but visible ASCII and spaces, and `%` itself. */
function encodedMessage(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text)) {
    if (byte < 0x20 || byte > 0x7e || byte === 0x25) {
      encoded += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    } else encoded += String.fromCharCode(byte);
  }
  return encoded;
}
