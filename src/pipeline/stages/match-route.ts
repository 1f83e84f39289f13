// Owns which requests are for a lease at all. Everything else ends here, before anybody is asked who they are.
import { GatewayError } from '../../kernel/errors.ts';
import { matchPeerPath } from '../../route/peer-path.ts';
import type { Dispatch, Stage } from '../stage.ts';

export function matchRoute(): Stage {
  return function matchRouteStage(next): Dispatch {
    return function match(exchange, sink) {
      if (exchange.req.method === 'TRACE') {
        sink.fail(new GatewayError('not_implemented', 'The gateway does not forward TRACE.'));
        return;
      }
      const found = matchPeerPath(exchange.req.target);
      switch (found.kind) {
        case 'peer':
          exchange.route = found.route;
          next(exchange, sink);
          return;
        case 'malformed':
          sink.fail(new GatewayError('invalid_request', found.reason));
          return;
        case 'other':
          sink.fail(new GatewayError('not_found', 'There is nothing here; leases are at /peer/<lease>/.'));
          return;
      }
    };
  };
}
