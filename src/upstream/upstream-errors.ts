// Maps failures of tunnels and exchanges to errors for the caller. Details contain no address, key
// or text from the app.
import type { HttpFault } from '../http-client/http-fault.ts';
import type { ErrorCode } from '../kernel/errors/error-table.ts';
import { GatewayError, internalDetail } from '../kernel/errors/gateway-error.ts';
import { clockToleranceSeconds, skewText } from '../kernel/clock-skew.ts';
import { ClockSkewError, PortalError, type PortalErrorCode } from '../portal/errors.ts';

type Fault = readonly [code: ErrorCode, detail: string];

export const dialTimeoutDetail =
  'The app did not respond to the dial in time; check that it is running, and try again.';

const noRelay: Fault = ['no_relay', 'The connection to the relay was lost; try again shortly.'];
const unreachable: Fault = [
  'lease_unreachable',
  'The app behind this lease cannot be reached. Try again; if it persists, restart the program that publishes the app.',
];
const gone: Fault = [
  'lease_unreachable',
  'The relay no longer knows this lease, or its app is gone. Start the app again, and check `portal-gateway leases`.',
];
const refused: Fault = [
  'lease_unreachable',
  'The relay or the app refused the connection. Try again; if it persists, see the output of the program that publishes the app.',
];
const handshake: Fault = [
  'tunnel_failed',
  'The end-to-end handshake with the app failed. Try again; if it persists, see the output of the program that publishes the app.',
];
const broken: Fault = [
  'tunnel_failed',
  'The tunnel to the app broke before the response began; try again if the request may be repeated.',
];
const cut: Fault = [
  'tunnel_failed',
  'The tunnel to the app broke within the response; try again if the request may be repeated.',
];
const skewed: Fault = [
  'clock_skew',
  `The clocks of the gateway and the app differ by more than ${clockToleranceSeconds} s; correct the wrong one.`,
];
const internal: Fault = ['internal_error', internalDetail];

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
  too_many_streams: ['overloaded', 'Too many tunnels to the relay are waiting to open; try again shortly.'],
  stream_open_timeout: ['dial_timeout', 'The relay did not open the tunnel in time; try again shortly.'],
  stream_reset: broken,
  stream_aborted: broken,
  packet_malformed: unreachable,
  packet_too_large: unreachable,
  packet_unexpected: unreachable,
  stream_truncated: unreachable,
  lease_unknown: gone,
  lease_rejected: refused,
  lease_refused: refused,
  client_not_admitted: [
    'client_not_admitted',
    'The app does not admit this gateway. Ask its owner to allow the id that `portal-gateway identity` prints on the gateway’s machine.',
  ],
  clock_skew: skewed,
  lease_timeout: ['dial_timeout', 'The relay did not respond in time; try again shortly.'],
  dial_timeout: ['dial_timeout', dialTimeoutDetail],
  dial_aborted: broken,
  identity_invalid: handshake,
  identity_file: internal,
  handshake_malformed: handshake,
  handshake_version: handshake,
  handshake_identity: handshake,
  handshake_signature: handshake,
  handshake_alpn: handshake,
  handshake_session_key: handshake,
  handshake_nonce: handshake,
  handshake_lease_mismatch: handshake,
  handshake_client_refused: handshake,
  handshake_timeout: [
    'dial_timeout',
    'The app did not finish the handshake in time; check that it is running, and try again.',
  ],
  frame_malformed: broken,
  listener_closed: internal,
};

/** The error itself, or its cause. */
function portalError(error: unknown): PortalError | undefined {
  if (error instanceof PortalError) return error;
  return error instanceof Error && error.cause instanceof PortalError ? error.cause : undefined;
}

function faultOf(error: PortalError): Fault {
  if (!(error instanceof ClockSkewError) || error.skewSeconds === undefined) return faults[error.code];
  const difference = skewText(error.skewSeconds, 'the gateway', `the ${error.peer}'s`);
  return [
    'clock_skew',
    `T${difference.slice(1)}; a tunnel needs them within ${clockToleranceSeconds} s. Correct the wrong one.`,
  ];
}

/** The error for the caller if no tunnel to the app could be opened. */
export function dialFault(cause: unknown): GatewayError {
  const error = portalError(cause);
  return asError(error === undefined ? unreachable : faultOf(error), cause);
}

/** The error for the caller if an exchange over an open tunnel failed. */
export function exchangeError(fault: HttpFault): GatewayError {
  const { kind, moment, cause } = fault;
  switch (kind) {
    case 'malformed':
      return new GatewayError('bad_upstream_response', 'The response of the app is not valid HTTP.', {
        cause: fault,
      });
    case 'unasked':
      return new GatewayError('bad_upstream_response', 'The app sent data before the request.', { cause: fault });
    case 'request_body':
      return cause instanceof GatewayError
        ? cause
        : new GatewayError('client_closed', 'The request body ended before it was complete.', { cause: fault });
    case 'connection_lost': {
      if (moment === 'body') return asError(cut, fault);
      const error = portalError(cause);
      return asError(error === undefined ? broken : faultOf(error), fault);
    }
  }
}

/**
 * Whether the relay reported that the lease no longer exists, so that the directory should refresh
 * its lists.
 */
export function saysLeaseIsGone(error: GatewayError): boolean {
  return portalError(error.cause)?.code === 'lease_unknown';
}

/** The relay or the app reset the stream of a dial, as both do when too many arrive at once. */
export function isRefusedStream(cause: unknown): boolean {
  return portalError(cause)?.code === 'stream_reset';
}

function asError([code, detail]: Fault, cause: unknown): GatewayError {
  const status503 = code === 'no_relay' || code === 'overloaded';
  return new GatewayError(code, detail, status503 ? { cause, retryAfterSeconds: 1 } : { cause });
}
