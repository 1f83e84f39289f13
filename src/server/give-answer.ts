// Sends the response to a request for one of the gateway's own paths, and publishes the events that
// the pipeline would.
import { requestFinished, requestStarted } from '../kernel/events.ts';
import type { WholeResponse } from '../kernel/http/whole-response.ts';
import type { Clock } from '../kernel/clock.ts';
import { finishedRequest } from '../pipeline/finished-request.ts';
import type { Exchange } from '../pipeline/stage.ts';
import type { ClientSink } from './builtin/gateway-response.ts';

export function sendResponse(
  exchange: Exchange,
  sink: ClientSink,
  clock: Clock,
  answer: WholeResponse,
  route: '/health' | '/metrics' | 'other',
): void {
  sink.answer(answer);
  const { id: requestId, startedMs, body, outcome } = exchange;
  if (requestStarted.hasSubscribers) requestStarted.publish({ requestId, startedMs });
  if (!requestFinished.hasSubscribers) return;
  // The sink may fail to send it, for example to a client that asks for another protocol.
  const { fault } = outcome;
  const nowMs = clock.monotonicMs();
  requestFinished.publish(
    finishedRequest(exchange, route, {
      nowMs,
      headAtMs: nowMs,
      status: fault?.status ?? answer.status,
      bytesReceived: body.receivedBytes,
      bytesSent: fault === undefined ? answer.body.length : undefined,
      stream: undefined,
      outcome: 'complete',
      error: fault,
    }),
  );
}
