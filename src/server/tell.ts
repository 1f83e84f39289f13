// Owns that what the server answers by itself is told of, once, by the sink that answers it: it alone knows what the client got.
import type { GatewayError } from '../kernel/errors.ts';
import { requestFailed, requestFinished, requestRefused, requestStarted, type RouteLabel } from '../kernel/events.ts';
import { pathOf } from '../kernel/target-path.ts';
import { finishedRequest } from '../pipeline/finished-request.ts';
import type { Exchange } from '../pipeline/stage.ts';
import type { OwnAnswer } from './own-answer.ts';

/** A request that is answered with a problem, or whose answer is cut. */
export function tellFailure({ id: requestId, clientIp, req, passage }: Exchange, error: GatewayError): void {
  passage.fault = error;
  if (requestFailed.hasSubscribers) requestFailed.publish({ requestId, error });
  if (passage.observed || !requestRefused.hasSubscribers) return;
  requestRefused.publish({ requestId, error, clientIp, method: req.method, path: pathOf(req.target) });
}

/** A request for one of the gateway's own paths. */
export function tellAnswer(exchange: Exchange, { status, body }: OwnAnswer): void {
  if (!requestFinished.hasSubscribers) return;
  const { id: requestId, startedMs, req } = exchange;
  const nowMs = performance.now();
  const route: RouteLabel = req.target.startsWith('/health') ? '/health' : '/metrics';
  if (requestStarted.hasSubscribers) requestStarted.publish({ requestId, startedMs });
  const ending = { nowMs, headAtMs: nowMs, status, bytesReceived: exchange.body.receivedBytes, bytesSent: body.length };
  requestFinished.publish(
    finishedRequest(exchange, { ...ending, stream: undefined, outcome: 'complete', error: undefined }, route),
  );
}
