// Owns the app's side of a connection: what the relay forwards becomes a tunnel, or is refused (portal-protocol §5). Knows
// leases only as a look-up.
import { maxHandshakeMessageBytes } from './dial.ts';
import { TimeLimit } from '../kernel/time-limit.ts';
import type { LeaseOffer } from './lease.ts';
import { MessageStream } from './message-stream.ts';
import { MessageReader } from './packets/message-reader.ts';
import { decodePacket, encodePacket, ResponseCode } from './packets/packets.ts';
import { SecurePipe } from './secure/secure-pipe.ts';
import { answerHandshake } from './secure/handshake.ts';
import { deaf, type Pipe } from './yamux/pipe.ts';

/** From the relay's SYN to the end of the handshake. The Go app waits without limit; a relay could then pile up streams. */
const acceptTimeoutMs = 15_000;

export interface Publisher {
  readonly offer: LeaseOffer;
  /** False: too many tunnels wait already. */
  deliver(tunnel: SecurePipe): boolean;
}

/**
 * Serves one stream that the relay opened towards us. Never throws: whatever is wrong ends this stream and nothing else, and
 * says no more to the peer than the protocol does.
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
    const allowClient = publisher?.offer.allowClient;
    // The identity is only claimed here; the handshake proves it. A claim that would not be admitted needs no handshake.
    if (publisher === undefined || (allowClient !== undefined && !allowClient(request.clientIdentity?.id ?? ''))) {
      const code = publisher === undefined ? ResponseCode.INVALID_IDENTITY : ResponseCode.REJECTED;
      pipe.write([encodePacket({ type: 'connectionResponse', code })]);
      pipe.end();
      pipe.setHandler(deaf);
      return;
    }
    pipe.write([encodePacket({ type: 'connectionResponse', code: ResponseCode.ACCEPTED })]);

    const init = await messages.next(signal);
    if (init === undefined) {
      pipe.reset();
      return;
    }
    const { credential, alpn } = publisher.offer;
    const handshake = answerHandshake(
      { credential, alpns: alpn, now: nowMs, ...(allowClient && { allowClient }) },
      init,
    );
    pipe.write([handshake.message]);
    const tunnel = new SecurePipe(pipe, { result: handshake.result, ...messages.handOver() });
    if (!publisher.deliver(tunnel)) tunnel.destroy();
  } catch {
    // A malformed request, a handshake that proves nothing, a peer that fell silent.
    pipe.reset();
  }
}
