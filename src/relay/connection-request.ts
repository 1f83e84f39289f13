// Handles a connection request: checks limits, asks the lease's holder within a time limit, sends
// the response and joins the two streams. Does not look at the forwarded bytes.
import { TimeLimit } from '../kernel/work/time-limit.ts';
import { encodePacket, ResponseCode } from '../portal/packets/packets.ts';
import type { Packet } from '../portal/packets/packets.ts';
import { ControlStream } from './control-stream.ts';
import { forward } from './forwarding.ts';
import { isValid } from './lease-requests.ts';
import { HeldMemory } from './memory-ledger.ts';
import type { Peer, RelayContext } from './relay-context.ts';

type ConnectionRequest = Packet & { readonly type: 'connectionRequest' };

type Decision =
  | { readonly kind: 'accepted'; readonly app: ControlStream; readonly holder: Peer; readonly held: HeldMemory }
  | { readonly kind: 'refused'; readonly code: number; readonly reason: string };

/** A response of an app has about a dozen bytes. */
const maxResponseBytes = 1_024;
/** Two idle streams with their windows and buffers. */
const forwardBytes = 8_192;
/** A lease id has 26 characters; longer ones are truncated in the log. */
const loggedIdChars = 64;

/**
 * Returns true if the stream was joined to a stream of the app; false if the request was rejected
 * or the client has left.
 */
export async function connect(
  request: ConnectionRequest,
  client: ControlStream,
  peer: Peer,
  relay: RelayContext,
): Promise<boolean> {
  const decision = await decisionOf(request, client, peer, relay);
  if (decision.kind === 'accepted') {
    join(request, client, decision, peer, relay);
    return true;
  }
  const leaseId = request.leaseId.slice(0, loggedIdChars);
  relay.log({ event: 'dial_refused', connection: peer.number, leaseId, reason: decision.reason });
  using limit = new TimeLimit(relay.limits.requestTimeoutMs);
  await client.send(response(decision.code), limit.signal);
  return false;
}

async function decisionOf(
  request: ConnectionRequest,
  client: ControlStream,
  peer: Peer,
  relay: RelayContext,
): Promise<Decision> {
  const { leaseId } = request;
  if (!isValid(request.clientIdentity)) return refusal(ResponseCode.INVALID_IDENTITY, 'client_identity');
  const record = relay.leases.find(leaseId);
  if (record === undefined) return refusal(ResponseCode.INVALID_IDENTITY, 'unknown_lease');
  if (peer.requestsInFlight >= relay.limits.requestsInFlightPerConnection)
    return refusal(ResponseCode.REJECTED, 'too_many_requests');
  const held = new HeldMemory(relay.memory, peer.account, record.holder.account);
  if (!held.hold(forwardBytes)) return refusal(ResponseCode.REJECTED, 'too_much_memory');
  if (!relay.forwards.take(leaseId)) {
    held.release();
    return refusal(ResponseCode.REJECTED, 'too_many_connections');
  }
  peer.requestsInFlight += 1;
  let isJoined = false;
  try {
    const decision = await ask(record.holder, request, client, relay);
    if (decision instanceof ControlStream) {
      isJoined = true;
      return { kind: 'accepted', app: decision, holder: record.holder, held };
    }
    return decision;
  } finally {
    peer.requestsInFlight -= 1;
    if (!isJoined) {
      relay.forwards.give(leaseId);
      held.release();
    }
  }
}

/**
 * Asks the holder of the lease. Returns its stream if the response is ACCEPTED, otherwise a
 * refusal. Never throws.
 */
async function ask(
  holder: Peer,
  request: ConnectionRequest,
  client: ControlStream,
  relay: RelayContext,
): Promise<ControlStream | (Decision & { kind: 'refused' })> {
  using limit = new TimeLimit(relay.limits.appResponseTimeoutMs);
  const signal = AbortSignal.any([limit.signal, client.gone]);
  let app: ControlStream | undefined;
  try {
    app = new ControlStream(
      await holder.open(signal),
      maxResponseBytes,
      holder.controlBytes,
      new HeldMemory(relay.memory, holder.account),
    );
    await app.send(encodePacket(request), signal);
    const packet = await app.next(signal);
    signal.throwIfAborted();
    app.gone.throwIfAborted();
    if (packet?.type === 'connectionResponse') {
      if (packet.code === ResponseCode.ACCEPTED) return app;
      void app.finish(relay.limits.lingerMs);
      return refusal(packet.code, 'refused_by_app');
    }
    app.abandon();
    return refusal(ResponseCode.REJECTED, 'bad_answer_of_app');
  } catch {
    // The app was lost, reset the stream or sent an invalid packet, the client left, or time ran
    // out.
    app?.abandon();
    if (holder.isClosed) return refusal(ResponseCode.INVALID_IDENTITY, 'app_gone');
    // Other relays also send REJECTED when the app does not respond.
    return refusal(ResponseCode.REJECTED, limit.signal.aborted ? 'app_silent' : 'bad_answer_of_app');
  }
}

function join(
  request: ConnectionRequest,
  client: ControlStream,
  { app, holder, held }: Decision & { kind: 'accepted' },
  peer: Peer,
  relay: RelayContext,
): void {
  const { leaseId } = request;
  const clientId = request.clientIdentity?.id ?? '';
  const connection = peer.number;
  const clientEnd = client.handOn();
  clientEnd.pipe.write([response(ResponseCode.ACCEPTED)]);
  relay.log({ event: 'forwarding', connection, leaseId, clientId });
  const queues = (): HeldMemory => new HeldMemory(relay.memory, peer.account, holder.account);
  forward(clientEnd, app.handOn(), { fromClient: queues(), fromApp: queues(), swept: relay.swept }, (outcome) => {
    held.release();
    relay.forwards.give(leaseId);
    relay.log({ event: 'forwarded', connection, leaseId, clientId, ...outcome });
  });
}

function refusal(code: number, reason: string): Decision & { kind: 'refused' } {
  return { kind: 'refused', code, reason };
}

function response(code: number): Buffer {
  return encodePacket({ type: 'connectionResponse', code });
}
