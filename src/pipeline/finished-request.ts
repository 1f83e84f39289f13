// Builds the event for a finished request from its exchange and its outcome. Does not publish it.
import type { GatewayError } from '../kernel/errors/gateway-error.ts';
import type { Outcome, RequestFinished, RouteLabel, StreamKind } from '../kernel/events.ts';
import { fieldValue } from '../kernel/http/field-value.ts';
import { pathOf } from '../kernel/http/target-path.ts';
import type { Exchange } from './stage.ts';

/** Fields as in RequestFinished; times are monotonic. */
export interface Ending {
  readonly nowMs: number;
  readonly headAtMs: number | undefined;
  readonly status: number;
  readonly bytesReceived: number;
  readonly bytesSent: number | undefined;
  readonly stream: StreamKind | undefined;
  readonly outcome: Outcome;
  readonly error: GatewayError | undefined;
}

export function finishedRequest(exchange: Exchange, route: RouteLabel, ending: Ending): RequestFinished {
  const { req, startedMs, passage } = exchange;
  const { headAtMs } = ending;
  return {
    requestId: exchange.id,
    startedMs,
    durationMs: ending.nowMs - startedMs,
    headMs: headAtMs === undefined ? undefined : headAtMs - startedMs,
    upstreamMs: headAtMs === undefined || passage.startedMs === 0 ? undefined : headAtMs - passage.startedMs,
    method: req.method,
    path: pathOf(req.target),
    route,
    httpVersion: exchange.httpVersion,
    clientIp: exchange.clientIp,
    userAgent: fieldValue(req.headers, 'user-agent'),
    keyId: exchange.principal?.id,
    leaseId: exchange.destination?.lease.id,
    relay: passage.relay,
    status: ending.status,
    bytesReceived: ending.bytesReceived,
    bytesSent: ending.bytesSent,
    stream: ending.stream,
    outcome: ending.outcome,
    error: ending.error,
  };
}
