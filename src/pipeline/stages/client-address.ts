// Resolves the client's address, scheme and host once, believing forwarded headers only from
// trusted proxies.
import { settleClient } from '../client/settle-client.ts';
import type { Dispatch, Stage } from '../stage.ts';

export function clientAddress(): Stage {
  return function clientAddressStage(next): Dispatch {
    return function findClient(exchange, sink) {
      settleClient(exchange);
      next(exchange, sink);
    };
  };
}
