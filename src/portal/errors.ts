// All failures of the tunnel as stable codes. Match on `code`, never on the text.
import { clockToleranceSeconds, skewText } from '../kernel/clock-skew.ts';

export type PortalErrorCode =
  // connecting to the relay
  | 'bad_relay_url' // not a ws:// or wss:// URL
  | 'relay_unreachable' // no TCP connection, or HTTP 429 or 5xx: the relay or a proxy before it is down
  | 'relay_tls' // the certificate or the TLS handshake failed
  | 'not_a_relay' // any other HTTP response without an upgrade: 404, HTML, another protocol
  | 'connect_timeout'
  // carrier and multiplexer
  | 'carrier_closed' // the websocket closed; code 1006 if the relay died
  | 'session_closed' // closed by us
  | 'session_goaway' // the peer accepts no new streams
  | 'session_protocol' // the peer violated yamux: version, type, window, duplicate SYN, second FIN
  | 'session_remote_error' // the peer reported a protocol error or an internal error
  | 'keepalive_timeout'
  | 'streams_exhausted' // no ids left: a new session is needed
  | 'too_many_streams' // too many streams wait for their ACK
  | 'stream_open_timeout' // no ACK within 75 s
  | 'stream_reset' // RST from the peer
  | 'stream_aborted' // destroyed on this side
  // control packets and leases
  | 'packet_malformed'
  | 'packet_too_large'
  | 'packet_unexpected' // a valid packet whose type is not allowed here
  | 'stream_truncated' // the stream ended within a message
  | 'lease_unknown' // INVALID_IDENTITY for a connection request, or the app is gone
  | 'lease_rejected' // REJECTED: a limit of the relay, or the name belongs to another identity
  | 'lease_refused' // any other response code of the relay or the app
  | 'lease_timeout' // no response to a lease request (bad signature, or a dead relay)
  | 'dial_timeout'
  | 'dial_aborted' // aborted by the caller's signal
  | 'client_not_admitted' // the app's allow list excludes this client
  // clocks, identity and the end-to-end handshake
  | 'clock_skew' // the clocks of the peers differ by more than the protocol allows
  | 'identity_invalid'
  | 'identity_file' // unreadable, truncated, world-readable, a directory
  | 'handshake_malformed'
  | 'handshake_version'
  | 'handshake_identity'
  | 'handshake_signature'
  | 'handshake_alpn'
  | 'handshake_session_key' // not 32 bytes, or an all-zero shared secret
  | 'handshake_nonce'
  | 'handshake_lease_mismatch' // another identity answered for the dialled lease
  | 'handshake_client_refused' // a client that is not on the allow list
  | 'handshake_timeout'
  | 'frame_malformed' // a data frame that is too short, too long or fails authentication
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

/**
 * Two clocks differ too much. The message has the amount and direction of the difference if known.
 */
export class ClockSkewError extends PortalError {
  /** The peer whose clock was compared with ours. */
  readonly peer: 'app' | 'client' | 'relay';
  /**
   * Our clock minus the peer's. Undefined: the peer only reports that the difference is too large.
   */
  readonly skewSeconds: number | undefined;
  /** The proven id of an app or a client. */
  readonly peerId: string | undefined;

  constructor(peer: 'app' | 'client' | 'relay', skewSeconds: number | undefined, consequence: string, peerId?: string) {
    const difference =
      skewSeconds === undefined
        ? `the clock of this machine differs from the ${peer}'s by more than ${clockToleranceSeconds} s`
        : skewText(skewSeconds, 'this machine', `the ${peer}'s`);
    super('clock_skew', `${difference}: ${consequence}`);
    this.peer = peer;
    this.skewSeconds = skewSeconds;
    this.peerId = peerId;
  }
}
