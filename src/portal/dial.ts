// The client's side of a connection to an app: connection request, end-to-end handshake, tunnel.
// Independent of how the session was established.
import { clockToleranceSeconds } from '../kernel/clock-skew.ts';
import { ClockSkewError, PortalError } from './errors.ts';
import type { Credential } from './identity.ts';
import { MessageStream } from './message-stream.ts';
import { MessageReader } from './packets/message-reader.ts';
import { decodePacket, encodePacket, ResponseCode } from './packets/packets.ts';
import { SecurePipe } from './secure/secure-pipe.ts';
import { startClientHandshake, type HandshakeSecrets } from './secure/handshake.ts';
import type { Mux } from './yamux/mux.ts';
import { deaf, type Pipe } from './yamux/pipe.ts';

/**
 * A connection response has a few bytes, a handshake message less than 300: a peer that sends
 * nearly this much does not follow the protocol.
 */
export const maxHandshakeMessageBytes: number = 64 * 1024;

export interface Dialer {
  readonly mux: Mux;
  readonly credential: Credential;
  readonly nowMs: () => number;
  /** Our clock minus the relay's. Undefined: unknown. */
  readonly skewMs: () => number | undefined;
  readonly secrets?: HandshakeSecrets;
}

/**
 * Dials a lease. The ClientInit is sent right after the connection request (optimistic dial), which
 * saves half a round trip. Nothing more is sent ahead, because other relays crash on bytes that
 * look like an oversized packet. Throws PortalError: lease_unknown, lease_rejected, lease_refused,
 * client_not_admitted, clock_skew, handshake_*, the session's error, or the abort reason of
 * `signal`.
 */
export async function dialLease(
  dialer: Dialer,
  leaseId: string,
  alpn: string,
  signal: AbortSignal,
): Promise<SecurePipe> {
  const { mux, credential } = dialer;
  // The lease is the window holder, so that the responses of one app cannot take the window budget
  // of all others.
  const pipe = await mux.open(signal, leaseId);
  let isAccepted = false;
  try {
    const messages = new MessageStream(pipe, new MessageReader(maxHandshakeMessageBytes));
    const handshake = startClientHandshake({ ...dialer.secrets, credential, alpn, now: dialer.nowMs });
    const { id, publicKey } = credential;
    const request = encodePacket({ type: 'connectionRequest', leaseId, clientIdentity: { id, publicKey } });
    pipe.write([request, handshake.message]);

    const response = await messages.next(signal);
    if (response === undefined)
      throw new PortalError('lease_refused', `the relay ended the dial of ${leaseId} without a response`);
    checkAccepted(response, leaseId);
    isAccepted = true;

    const reply = await messages.next(signal);
    if (reply === undefined) {
      throw (
        ownClockFault(dialer, leaseId) ??
        new PortalError(
          'lease_refused',
          `the app ${leaseId} ended the dial during the handshake: it may not admit this client`,
        )
      );
    }
    const result = handshake.finish(reply, leaseId);
    return new SecurePipe(pipe, { result, ...messages.handOver() });
  } catch (error) {
    abandon(pipe);
    // A peer refused without a response, and the relay forwarded RST. Our relay does so; others end
    // the stream.
    if (error instanceof PortalError && error.code === 'stream_reset') {
      throw (
        (isAccepted ? ownClockFault(dialer, leaseId) : undefined) ??
        new PortalError('lease_refused', `the dial of ${leaseId} was cut off by the relay or the app`, {
          cause: error,
        })
      );
    }
    throw error;
  }
}

/** Go apps end a handshake without a response if they reject the client's timestamp. */
function ownClockFault({ skewMs }: Dialer, leaseId: string): ClockSkewError | undefined {
  const skewSeconds = (skewMs() ?? 0) / 1_000;
  if (Math.abs(skewSeconds) <= clockToleranceSeconds) return undefined;
  return new ClockSkewError('relay', skewSeconds, `the app ${leaseId} ended the handshake`);
}

function checkAccepted(response: Buffer, leaseId: string): void {
  const packet = decodePacket(response);
  if (packet.type !== 'connectionResponse') {
    throw new PortalError('packet_unexpected', `the relay responded to a connection request with ${packet.type}`);
  }
  switch (packet.code) {
    case ResponseCode.ACCEPTED:
      return;
    case ResponseCode.INVALID_IDENTITY:
      throw new PortalError('lease_unknown', `the relay does not know the lease ${leaseId}, or its app has gone`);
    case ResponseCode.REJECTED:
      throw new PortalError('lease_rejected', `the relay or the app rejected the connection to ${leaseId}`);
    case ResponseCode.CLIENT_NOT_ADMITTED:
      throw new PortalError('client_not_admitted', `the app ${leaseId} does not admit this client`);
    default:
      throw new PortalError('lease_refused', `the connection to ${leaseId} was refused with code ${packet.code}`);
  }
}

/**
 * Resets the stream: after a refusal it would stay open for requests, and after a timeout the app
 * might still respond.
 */
function abandon(pipe: Pipe): void {
  pipe.setHandler(deaf);
  pipe.reset();
}
