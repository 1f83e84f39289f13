// Owns the one table from what went wrong in a tunnel to what the caller is told. Details name no address, key or backend text.
import { errors } from 'undici';
import type { ErrorCode } from '../kernel/error-table.ts';
import { GatewayError } from '../kernel/errors.ts';
import { PortalError, type PortalErrorCode } from '../portal/errors.ts';

type Fault = readonly [code: ErrorCode, detail: string];

const noRelay: Fault = ['no_relay', 'The connection to the relay was lost.'];
const unreachable: Fault = ['lease_unreachable', 'The app behind this lease can not be reached.'];
const gone: Fault = ['lease_unreachable', 'The relay no longer knows this lease, or its app is gone.'];
const handshake: Fault = ['tunnel_failed', 'The end-to-end handshake with the app failed.'];
const broken: Fault = ['tunnel_failed', 'The tunnel to the app broke before the answer began.'];
const internal: Fault = ['internal_error', 'The gateway failed to handle the request.'];

const faults: Readonly<Record<PortalErrorCode, Fault>> = {
  bad_relay_url: noRelay,
  relay_unreachable: noRelay,
  relay_tls: noRelay,
  not_a_relay: noRelay,
  connect_timeout: noRelay,
  carrier_closed: broken,
  session_closed: noRelay,
  session_goaway: noRelay,
  session_protocol: broken,
  session_remote_error: broken,
  keepalive_timeout: broken,
  streams_exhausted: noRelay,
  too_many_streams: ['overloaded', 'Too many tunnels to the relay are waiting to open.'],
  stream_open_timeout: ['dial_timeout', 'The relay did not open the tunnel in time.'],
  stream_reset: broken,
  stream_aborted: broken,
  packet_malformed: unreachable,
  packet_too_large: unreachable,
  packet_unexpected: unreachable,
  stream_truncated: unreachable,
  lease_unknown: gone,
  lease_rejected: ['lease_unreachable', 'The relay or the app refused the connection.'],
  lease_refused: ['lease_unreachable', 'The relay or the app refused the connection.'],
  lease_timeout: ['dial_timeout', 'The relay did not answer in time.'],
  dial_timeout: ['dial_timeout', 'The app did not answer the dial in time.'],
  dial_aborted: broken,
  identity_invalid: handshake,
  identity_file: internal,
  handshake_malformed: handshake,
  handshake_version: handshake,
  handshake_timestamp: handshake,
  handshake_identity: handshake,
  handshake_signature: handshake,
  handshake_alpn: handshake,
  handshake_session_key: handshake,
  handshake_nonce: handshake,
  handshake_lease_mismatch: handshake,
  handshake_client_refused: handshake,
  handshake_timeout: ['dial_timeout', 'The app did not finish the handshake in time.'],
  frame_malformed: broken,
  listener_closed: internal,
};

/** undici wraps nothing, streams may: the tunnel's own error is the cause, or the error itself. */
function portalCode(error: unknown): PortalErrorCode | undefined {
  if (error instanceof PortalError) return error.code;
  if (error instanceof Error && error.cause instanceof PortalError) return error.cause.code;
  return undefined;
}

/** What the caller is told when no tunnel to the app came about. */
export function dialFault(cause: unknown): GatewayError {
  const code = portalCode(cause);
  return asError(code === undefined ? unreachable : faults[code], cause);
}

/** Codes for an answer that is no HTTP, or breaks its rules; Node's parser adds its own, all HPE_. */
const badResponses: ReadonlySet<unknown> = new Set(['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH']);

/** What the caller is told when a tunnel that stood failed, with `started` once the answer had begun. */
export function exchangeFault(cause: unknown, started: boolean): GatewayError {
  if (cause instanceof GatewayError) return cause;
  const code: unknown = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'UND_ERR_INVALID_ARG' && !started) {
    return new GatewayError('invalid_request', 'The request can not be forwarded as it is.', { cause });
  }
  if (cause instanceof errors.HTTPParserError || isParserCode(code) || badResponses.has(code)) {
    return new GatewayError('bad_upstream_response', 'The app answered with something that is not HTTP.', { cause });
  }
  if (started) return new GatewayError('tunnel_failed', 'The tunnel to the app broke within the answer.', { cause });
  const portal = portalCode(cause);
  return asError(portal === undefined ? broken : faults[portal], cause);
}

function isParserCode(code: unknown): boolean {
  return typeof code === 'string' && code.startsWith('HPE_');
}

/** Whether the relay said that the lease is no more, so that the directory should ask again. */
export function saysLeaseIsGone(error: GatewayError): boolean {
  return portalCode(error.cause) === 'lease_unknown';
}

function asError([code, detail]: Fault, cause: unknown): GatewayError {
  const status503 = code === 'no_relay' || code === 'overloaded';
  return new GatewayError(code, detail, status503 ? { cause, retryAfterSeconds: 1 } : { cause });
}
