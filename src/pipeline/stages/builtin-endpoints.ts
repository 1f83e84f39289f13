// Serves the gateway's own endpoints, such as health and metrics, and publishes their events.
// The gateway room passes in the endpoints.
import type { Clock } from '../../kernel/clock.ts';
import { GatewayError, internalError } from '../../kernel/errors/gateway-error.ts';
import { requestFinished, requestStarted } from '../../kernel/events.ts';
import type { Sink } from '../../kernel/http/http.ts';
import type { WholeResponse } from '../../kernel/http/whole-response.ts';
import { finishedRequest } from '../finished-request.ts';
import type { OperatorAccess } from '../operator-access.ts';
import { refuseRequest } from '../refuse-request.ts';
import { isForApp } from '../request-route.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';

export interface Endpoint {
  /** The label of its events. */
  readonly route: '/health' | '/metrics' | 'other';
  /** It names leases: only operators may read it on the main listener. */
  readonly isPrivate: boolean;
  respond(): WholeResponse | Promise<WholeResponse>;
}

export interface Endpoints {
  /** Undefined: the path is none of the gateway's own. */
  find(request: Pick<Exchange, 'req' | 'policy'>): Endpoint | undefined;
}

/**
 * `access`: who may read private endpoints; for all others they do not exist. Undefined on the
 * admin listener: it serves every endpoint to every client, under any host.
 */
export function builtinEndpoints(endpoints: Endpoints, access: OperatorAccess | undefined, clock: Clock): Stage {
  return function builtinEndpointsStage(next): Dispatch {
    return function serveBuiltin(exchange, sink) {
      const endpoint = access !== undefined && isForApp(exchange) ? undefined : endpoints.find(exchange);
      if (endpoint === undefined) next(exchange, sink);
      else if (access === undefined || !endpoint.isPrivate) serve(endpoint, exchange, sink, clock);
      else {
        access(exchange, (verdict) => {
          if (verdict === 'operator') serve(endpoint, exchange, sink, clock);
          else if (verdict === 'stranger') next(exchange, sink);
          else refuseRequest(exchange, sink, verdict);
        });
      }
    };
  };
}

function serve(endpoint: Endpoint, exchange: Exchange, sink: Sink, clock: Clock): void {
  const { method } = exchange.req;
  if (method !== 'GET' && method !== 'HEAD') {
    refuseRequest(exchange, sink, readOnly());
    return;
  }
  const response = endpoint.respond();
  if (!(response instanceof Promise)) {
    sink.respond(response);
    publish(endpoint, response, exchange, clock);
    return;
  }
  response
    .then((late) => {
      sink.respond(late);
      publish(endpoint, late, exchange, clock);
    })
    .catch((cause: unknown) => {
      refuseRequest(exchange, sink, cause instanceof GatewayError ? cause : internalError(cause));
    });
}

function publish({ route }: Endpoint, response: WholeResponse, exchange: Exchange, clock: Clock): void {
  const { id: requestId, startedMs, body, outcome } = exchange;
  if (requestStarted.hasSubscribers) requestStarted.publish({ requestId, startedMs });
  if (!requestFinished.hasSubscribers) return;
  // The sink may send an error instead, for example to a client that asks for another protocol.
  const { fault } = outcome;
  const nowMs = clock.monotonicMs();
  requestFinished.publish(
    finishedRequest(exchange, route, {
      nowMs,
      headAtMs: nowMs,
      status: fault?.status ?? response.status,
      bytesReceived: body.receivedBytes,
      bytesSent: fault === undefined ? response.body.length : undefined,
      stream: undefined,
      outcome: 'complete',
      error: fault,
    }),
  );
}

function readOnly(): GatewayError {
  return new GatewayError('method_not_allowed', 'Only GET and HEAD are allowed here: use one of them.', {
    headers: ['Allow', 'GET, HEAD'],
  });
}
