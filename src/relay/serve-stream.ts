// Serves a stream that a client opened: one request and response after the other, until the peer
// ends, times out, violates the protocol, or a forwarded connection takes the stream over. Does not
// produce the responses.
import { TimeLimit } from '../kernel/work/time-limit.ts';
import { PortalError } from '../portal/errors.ts';
import { encodePacket } from '../portal/packets/packets.ts';
import type { Packet } from '../portal/packets/packets.ts';
import type { Pipe } from '../portal/yamux/pipe.ts';
import { connect } from './connection-request.ts';
import { ControlStream, streamBytes } from './control-stream.ts';
import { deleteLease, updateLease } from './lease-requests.ts';
import { HeldMemory } from './memory-ledger.ts';
import type { Peer, RelayContext } from './relay-context.ts';

/** Never throws and never affects another stream: any failure ends this stream only. */
export async function serveStream(pipe: Pipe, peer: Peer, relay: RelayContext): Promise<void> {
  const { requestBytes, requestTimeoutMs, lingerMs } = relay.limits;
  const held = new HeldMemory(relay.memory, peer.account);
  if (!held.hold(streamBytes)) {
    pipe.reset();
    return;
  }
  const stream = new ControlStream(pipe, requestBytes, peer.controlBytes, held);
  try {
    for (;;) {
      const packet = await nextRequest(stream, requestTimeoutMs);
      if (packet === undefined) break;
      if (packet.type !== 'connectionRequest') {
        using limit = new TimeLimit(requestTimeoutMs);
        await stream.send(respond(packet, peer, relay), limit.signal);
        continue;
      }
      if (await connect(packet, stream, peer, relay)) return;
      // A client that dialled optimistically has sent more bytes, which are not a request.
      break;
    }
  } catch (error) {
    // Clients reset streams after a response, and sessions end: neither is logged.
    if (!stream.gone.aborted) {
      relay.log({ event: 'stream_refused', connection: peer.number, reason: reasonOf(error) });
    }
  }
  await stream.finish(lingerMs);
}

async function nextRequest(stream: ControlStream, timeoutMs: number): Promise<Packet | undefined> {
  using limit = new TimeLimit(timeoutMs);
  return await stream.next(limit.signal);
}

function respond(
  packet: Exclude<Packet, { type: 'connectionRequest' }>,
  peer: Peer,
  relay: RelayContext,
): Uint8Array | readonly Uint8Array[] {
  switch (packet.type) {
    case 'relayInfoRequest':
      return relay.directory.respond();
    case 'leaseUpdateRequest':
      return encodePacket({ type: 'leaseUpdateResponse', code: updateLease(packet, peer, relay) });
    case 'leaseDeleteRequest':
      return encodePacket({ type: 'leaseDeleteResponse', code: deleteLease(packet, peer, relay) });
    case 'relayInfoResponse':
    case 'leaseUpdateResponse':
    case 'leaseDeleteResponse':
    case 'connectionResponse':
      throw new PortalError('packet_unexpected', `a client sent ${packet.type}, which only a relay sends`);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof PortalError) return error.code;
  return error instanceof DOMException && error.name === 'TimeoutError' ? 'timeout' : `internal: ${String(error)}`;
}
