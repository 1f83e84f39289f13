// Resolves the client's address, scheme and host once, believing forwarded headers only from
// trusted proxies.
import { resolveClient } from '../client/resolve-client.ts';
import type { Dispatch, Stage } from '../stage.ts';

export function clientAddress(): Stage {
  return function clientAddressStage(next): Dispatch {
    return function findClient(exchange, sink) {
      resolveClient(exchange);
      next(exchange, sink);
    };
  };
}
