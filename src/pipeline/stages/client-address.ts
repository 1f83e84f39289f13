// Owns that from here on the client's address, scheme and host are what they are, and not what whoever wrote them wishes.
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
