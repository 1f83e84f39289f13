// Receives well-formed requests of every HTTP version: responds on the gateway's own paths, rejects
// requests once the grace period of a drain is over, and passes all others to the pipeline.
import { GatewayError } from '../kernel/errors/gateway-error.ts';
import type { Dispatch, Exchange } from '../pipeline/stage.ts';
import type { ClientSink } from './builtin/gateway-response.ts';
import type { BuiltinEndpoints } from './builtin/builtin-endpoints.ts';
import { refuseRequest } from './refusal.ts';

export type Receive = (exchange: Exchange, sink: ClientSink) => void;

export interface ReceptionOptions {
  readonly endpoints: BuiltinEndpoints;
  /** The grace period of the drain is over, and requests in flight are about to be aborted. */
  readonly graceOver: () => boolean;
  /**
   * The request is for a lease's host, so every path belongs to the app, even the gateway's own
   * ones.
   */
  readonly isForApp: (exchange: Exchange) => boolean;
  readonly dispatch: Dispatch;
}

export function reception({ endpoints, graceOver, isForApp, dispatch }: ReceptionOptions): Receive {
  const goOn: Receive = (exchange, sink) => {
    if (graceOver()) refuseRequest(exchange, sink, leaving());
    else dispatch(exchange, sink);
  };
  return function receive(exchange, sink): void {
    if (isForApp(exchange) || !endpoints.answer(exchange, 'public', sink, goOn)) goOn(exchange, sink);
  };
}

export function leaving(): GatewayError {
  return new GatewayError('draining', 'The gateway is shutting down.', { retryAfterSeconds: 1 });
}

/** The admin listener serves only the gateway's own paths, and all of them. */
export function adminReception(endpoints: BuiltinEndpoints): Receive {
  const nothing: Receive = (exchange, sink) => {
    refuseRequest(exchange, sink, new GatewayError('not_found', 'There is nothing here.'));
  };
  return function receiveAdmin(exchange, sink): void {
    if (!endpoints.answer(exchange, 'open', sink, nothing)) nothing(exchange, sink);
  };
}
