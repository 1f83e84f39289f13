// Receives well-formed requests of every HTTP version: responds on the gateway's own paths, refuses requests once the grace of a drain is
// over, and hands all others to the pipeline.
import { GatewayError } from '../kernel/errors/gateway-error.ts';
import type { Dispatch, Exchange } from '../pipeline/stage.ts';
import type { ClientSink } from './builtin/gateway-response.ts';
import type { BuiltinEndpoints } from './builtin/builtin-endpoints.ts';
import { refuseRequest } from './refusal.ts';

export type Receive = (exchange: Exchange, sink: ClientSink) => void;

export interface ReceptionOptions {
  readonly endpoints: BuiltinEndpoints;
  /** The gateway drained, and what is in flight is about to be cut. */
  readonly graceOver: () => boolean;
  /** Every path belongs to the app, the gateway's own names too: the request came to a lease's host. */
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

/** The admin listener has nothing beyond the gateway's own paths, and shows all of them. */
export function adminReception(endpoints: BuiltinEndpoints): Receive {
  const nothing: Receive = (exchange, sink) => {
    refuseRequest(exchange, sink, new GatewayError('not_found', 'There is nothing here.'));
  };
  return function receiveAdmin(exchange, sink): void {
    if (!endpoints.answer(exchange, 'open', sink, nothing)) nothing(exchange, sink);
  };
}
