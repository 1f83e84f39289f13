// Owns what happens to a connection request: limits, the question to the lease's holder and its time limit, the answer back, and
// the joining of the two streams. Knows nothing of what follows on them.
import { TimeLimit } from '../kernel/work/time-limit.ts';
import { encodePacket, ResponseCode } from '../portal/packets/packets.ts';
import type { Packet } from '../portal/packets/packets.ts';
import { ControlStream } from './control-stream.ts';
import { forward } from './forward.ts';
import { isValid } from './lease-requests.ts';
import { HeldMemory } from './memory-ledger.ts';
import type { Peer, RelayContext } from './relay-context.ts';

type ConnectionRequest = Packet & { readonly type: 'connectionRequest' };

type Answer =
  | { readonly kind: 'accepted'; readonly app: ControlStream; readonly holder: Peer; readonly held: HeldMemory }
  | { readonly kind: 'refused'; readonly code: number; readonly reason: string };

/** An app answers with a dozen bytes. */
const maxResponseBytes = 1_024;
/** Two streams with their windows and buffers, idle. */
const forwardBytes = 8_192;
/** A lease id has 26 characters; what is longer is not worth a log line of its length. */
const loggedIdChars = 64;

/** True: the stream is joined to one of the app. False: the refusal was sent, or nobody is there to hear it. */
export async function connect(
  request: ConnectionRequest,
  client: ControlStream,
  peer: Peer,
  relay: RelayContext,
): Promise<boolean> {
  const answer = await answerOf(request, client, peer, relay);
  if (answer.kind === 'accepted') {
    join(request, client, answer, peer, relay);
    return true;
  }
  const leaseId = request.leaseId.slice(0, loggedIdChars);
  relay.log({ event: 'dial_refused', connection: peer.number, leaseId, reason: answer.reason });
  using limit = new TimeLimit(relay.limits.requestTimeoutMs);
  await client.send(response(answer.code), limit.signal);
  return false;
}

async function answerOf(
  request: ConnectionRequest,
  client: ControlStream,
  peer: Peer,
  relay: RelayContext,
): Promise<Answer> {
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
    const answer = await ask(record.holder, request, client, relay);
    if (answer instanceof ControlStream) {
      isJoined = true;
      return { kind: 'accepted', app: answer, holder: record.holder, held };
    }
    return answer;
  } finally {
    peer.requestsInFlight -= 1;
    if (!isJoined) {
      relay.forwards.give(leaseId);
      held.release();
    }
  }
}

/** Asks the holder of the lease; its stream when it says ACCEPTED. Never throws: whatever else it does is a refusal. */
async function ask(
  holder: Peer,
  request: ConnectionRequest,
  client: ControlStream,
  relay: RelayContext,
): Promise<ControlStream | (Answer & { kind: 'refused' })> {
  using limit = new TimeLimit(relay.limits.appAnswerTimeoutMs);
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
    // A lost app, a stream that it reset, a packet that is none, a client that left, or time that ran out.
    app?.abandon();
    if (holder.isClosed) return refusal(ResponseCode.INVALID_IDENTITY, 'app_gone');
    // Real relays answer so as well when the app does not.
    return refusal(ResponseCode.REJECTED, limit.signal.aborted ? 'app_silent' : 'bad_answer_of_app');
  }
}

function join(
  request: ConnectionRequest,
  client: ControlStream,
  { app, holder, held }: Answer & { kind: 'accepted' },
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

function refusal(code: number, reason: string): Answer & { kind: 'refused' } {
  return { kind: 'refused', code, reason };
}

function response(code: number): Buffer {
  return encodePacket({ type: 'connectionResponse', code });
}
