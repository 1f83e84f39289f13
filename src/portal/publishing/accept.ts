// The app's side of a connection: accepts or refuses connections that the relay forwards, and opens
// tunnels. Looks leases up but does not store them.
import { maxHandshakeMessageBytes } from '../dial.ts';
import { TimeLimit } from '../../kernel/work/time-limit.ts';
import { ClockSkewError } from '../errors.ts';
import type { LeaseOffer } from '../lease.ts';
import { MessageStream } from '../message-stream.ts';
import { MessageReader } from '../packets/message-reader.ts';
import { decodePacket, encodePacket, ResponseCode } from '../packets/packets.ts';
import { SecurePipe } from '../secure/secure-pipe.ts';
import { respondToHandshake, refuseTimestamp, type ServerHandshakeOptions } from '../secure/handshake.ts';
import { deaf, type Pipe } from '../yamux/pipe.ts';

/**
 * From the relay's SYN to the end of the handshake. The Go app waits without a limit, so a relay
 * could accumulate streams.
 */
const acceptTimeoutMs = 15_000;

/** A client whose connection was refused. */
export type ClientRefusal =
  /** `clientId`: unverified, arbitrary text if the client was refused before the handshake. */
  | { readonly reason: 'not_admitted'; readonly clientId: string }
  /** `skewSeconds`: our clock minus the client's. */
  | { readonly reason: 'clock_skew'; readonly clientId: string; readonly skewSeconds: number };

export interface Publisher {
  readonly offer: LeaseOffer;
  /** Returns false if too many tunnels are already waiting. */
  deliver(tunnel: SecurePipe): boolean;
  /** Called for every refused connection, without a limit. */
  refused?(refusal: ClientRefusal): void;
}

/**
 * Serves one stream opened by the relay. Never throws: a failure ends this stream only, and reveals
 * no more to the peer than the protocol requires.
 */
export async function acceptConnection(
  pipe: Pipe,
  publisherOf: (leaseId: string) => Publisher | undefined,
  nowMs: () => number,
): Promise<void> {
  using limit = new TimeLimit(acceptTimeoutMs);
  const { signal } = limit;
  try {
    const messages = new MessageStream(pipe, new MessageReader(maxHandshakeMessageBytes));
    const message = await messages.next(signal);
    const request = message === undefined ? undefined : decodePacket(message);
    if (request?.type !== 'connectionRequest') {
      pipe.reset();
      return;
    }
    const publisher = publisherOf(request.leaseId);
    if (publisher === undefined) {
      endWith(pipe, encodePacket({ type: 'connectionResponse', code: ResponseCode.INVALID_IDENTITY }));
      return;
    }
    const admits = admissionOf(publisher);
    const claimedId = request.clientIdentity?.id ?? '';
    // The identity is only claimed here; the handshake proves it. If the claimed client is not
    // admitted, no handshake is needed.
    if (!admits(claimedId)) {
      endWith(pipe, encodePacket({ type: 'connectionResponse', code: ResponseCode.CLIENT_NOT_ADMITTED }));
      return;
    }
    pipe.write([encodePacket({ type: 'connectionResponse', code: ResponseCode.ACCEPTED })]);

    const init = await messages.next(signal);
    if (init === undefined) {
      pipe.reset();
      return;
    }
    const { credential, alpn: alpns } = publisher.offer;
    const handshake = respond({ credential, alpns, now: nowMs, allowClient: admits }, init);
    if (handshake instanceof ClockSkewError) {
      const { peerId: clientId, skewSeconds } = handshake;
      if (clientId === undefined || skewSeconds === undefined) throw handshake;
      endWith(pipe, refuseTimestamp({ credential, now: nowMs }));
      publisher.refused?.({ reason: 'clock_skew', clientId, skewSeconds });
      return;
    }
    pipe.write([handshake.message]);
    const tunnel = new SecurePipe(pipe, { result: handshake.result, ...messages.handOver() });
    if (!publisher.deliver(tunnel)) tunnel.destroy();
  } catch {
    // A malformed request, a failed handshake, or a timeout.
    pipe.reset();
  }
}

/** Wraps `allowClient` to report the clients that it does not admit. */
function admissionOf(publisher: Publisher): (clientId: string) => boolean {
  const { allowClient } = publisher.offer;
  return (clientId) => {
    const isAdmitted = allowClient === undefined || allowClient(clientId);
    if (!isAdmitted) publisher.refused?.({ reason: 'not_admitted', clientId });
    return isAdmitted;
  };
}

function respond(
  options: ServerHandshakeOptions,
  init: Uint8Array,
): ReturnType<typeof respondToHandshake> | ClockSkewError {
  try {
    return respondToHandshake(options, init);
  } catch (error) {
    if (error instanceof ClockSkewError) return error;
    throw error;
  }
}

/** Sends the last message of this side and ends the stream. */
function endWith(pipe: Pipe, message: Uint8Array): void {
  pipe.write([message]);
  pipe.end();
  pipe.setHandler(deaf);
}
