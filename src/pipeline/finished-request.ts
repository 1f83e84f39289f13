// Builds the event for a finished request from its exchange and its outcome. Does not publish it.
import type { RequestFinished, RouteLabel } from '../kernel/events.ts';
import { fieldValue } from '../kernel/http/field-value.ts';
import { pathOf } from '../kernel/http/target-path.ts';
import type { Exchange } from './stage.ts';

type MeasuredField = 'status' | 'bytesReceived' | 'bytesSent' | 'stream' | 'outcome' | 'error';

/** Times are monotonic. */
export interface Ending extends Pick<RequestFinished, MeasuredField> {
  readonly nowMs: number;
  readonly headAtMs: number | undefined;
}

export function finishedRequest(exchange: Exchange, route: RouteLabel, ending: Ending): RequestFinished {
  const { req, startedMs, outcome } = exchange;
  const { headAtMs } = ending;
  return {
    requestId: exchange.id,
    startedMs,
    durationMs: ending.nowMs - startedMs,
    headMs: headAtMs === undefined ? undefined : headAtMs - startedMs,
    upstreamMs: headAtMs === undefined || outcome.startedMs === 0 ? undefined : headAtMs - outcome.startedMs,
    method: req.method,
    path: pathOf(req.target),
    route,
    httpVersion: exchange.httpVersion,
    clientIp: exchange.clientIp,
    userAgent: fieldValue(req.headers, 'user-agent'),
    keyId: exchange.principal?.id,
    leaseId: exchange.destination?.lease.id,
    relay: outcome.relay,
    status: ending.status,
    bytesReceived: ending.bytesReceived,
    bytesSent: ending.bytesSent,
    stream: ending.stream,
    outcome: ending.outcome,
    error: ending.error,
  };
}
