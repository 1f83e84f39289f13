// Matches the lease that a request is for. Requests that name none end here.
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { sendNoContent } from '../no-content.ts';
import { routeOf } from '../request-route.ts';
import type { Dispatch, Stage } from '../stage.ts';

/** Methods that can be sent to a lease. */
const allow = ['Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'];

export function matchRoute(): Stage {
  return function matchRouteStage(next): Dispatch {
    return function match(exchange, sink) {
      const verdict = routeOf(exchange);
      if (verdict === 'options') sendNoContent(sink, allow);
      else if (verdict instanceof GatewayError) sink.fail(verdict);
      else {
        exchange.route = verdict;
        next(exchange, sink);
      }
    };
  };
}
