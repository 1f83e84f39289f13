// Owns every way in which the tunnel can fail, as stable codes. Match on `code`, never on the text.
import { clockToleranceSeconds, skewText } from '../kernel/clock-skew.ts';

export type PortalErrorCode =
  // reaching the relay
  | 'bad_relay_url' // not a ws:// or wss:// URL
  | 'relay_unreachable' // no TCP connection: refused, no such host
  | 'relay_tls' // the certificate or the TLS handshake was refused
  | 'not_a_relay' // answered, but not with a websocket: 404, HTML, another protocol
  | 'connect_timeout'
  // the carrier and the multiplexer
  | 'carrier_closed' // the websocket ended; with code 1006 for a relay that died
  | 'session_closed' // closed by us
  | 'session_goaway' // the peer takes no new streams
  | 'session_protocol' // a yamux breach by the peer: version, type, window, duplicate SYN, second FIN
  | 'session_remote_error' // the peer says that we broke the protocol, or that it broke
  | 'keepalive_timeout'
  | 'streams_exhausted' // ids used up: a new session is needed
  | 'too_many_streams' // more streams wait for their ACK than the bound allows
  | 'stream_open_timeout' // a SYN unanswered for 75 s
  | 'stream_reset' // RST from the peer
  | 'stream_aborted' // destroyed on this side
  // control packets and leases
  | 'packet_malformed'
  | 'packet_too_large'
  | 'packet_unexpected' // a well-formed packet of another type than the protocol allows here
  | 'stream_truncated' // the stream ended in the middle of a message
  | 'lease_unknown' // INVALID_IDENTITY to a connection request, or the app is gone
  | 'lease_rejected' // REJECTED: the relay's limit, or a name that another identity holds
  | 'lease_refused' // any other code of the relay or the app
  | 'lease_timeout' // a lease request without an answer (bad signature, or a dead relay)
  | 'dial_timeout'
  | 'dial_aborted' // the caller's signal
  | 'client_not_admitted' // the app does not admit this client
  // clocks, identity and the end-to-end handshake
  | 'clock_skew' // the peer's clock and ours differ by more than the protocol allows
  | 'identity_invalid'
  | 'identity_file' // unreadable, truncated, world-readable, a directory
  | 'handshake_malformed'
  | 'handshake_version'
  | 'handshake_identity'
  | 'handshake_signature'
  | 'handshake_alpn'
  | 'handshake_session_key' // not 32 bytes, or an all-zero shared secret
  | 'handshake_nonce'
  | 'handshake_lease_mismatch' // somebody else answered for the lease that was dialled
  | 'handshake_client_refused' // a client that is not on the allow list
  | 'handshake_timeout'
  | 'frame_malformed' // a data frame that is too short, too long or does not open
  | 'listener_closed';

interface PortalErrorOptions {
  readonly cause?: unknown;
}

export class PortalError extends Error {
  override readonly name = 'PortalError';
  readonly code: PortalErrorCode;

  constructor(code: PortalErrorCode, message: string, options: PortalErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}

/** Two clocks that differ too much. The message has the size and the direction of the difference where they are known. */
export class ClockSkewError extends PortalError {
  /** The peer whose clock ours was compared with. */
  readonly peer: 'app' | 'client' | 'relay';
  /** Our clock minus the peer's. Undefined: the peer says only that the difference is too large. */
  readonly skewSeconds: number | undefined;
  /** Proven. Of an app or a client. */
  readonly peerId: string | undefined;

  constructor(peer: 'app' | 'client' | 'relay', skewSeconds: number | undefined, consequence: string, peerId?: string) {
    const difference =
      skewSeconds === undefined
        ? `the clock of this machine is more than ${clockToleranceSeconds} s off the ${peer}'s`
        : skewText(skewSeconds, 'this machine', `the ${peer}'s`);
    super('clock_skew', `${difference}: ${consequence}`);
    this.peer = peer;
    this.skewSeconds = skewSeconds;
    this.peerId = peerId;
  }
}
