// The last stage of the admin listener, which forwards nothing.
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { refuseRequest } from '../refuse-request.ts';
import type { Dispatch } from '../stage.ts';

export function notFound(): Dispatch {
  return function respondNotFound(exchange, sink) {
    refuseRequest(exchange, sink, new GatewayError('not_found', 'Nothing is served at this path.'));
  };
}
