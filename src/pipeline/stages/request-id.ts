// Adds the request id to every response. The server generates the id; one from the client is
// replaced.
import type { Dispatch, Stage } from '../stage.ts';

export function requestId(): Stage {
  return function requestIdStage(next): Dispatch {
    return function addRequestId(exchange, sink) {
      exchange.responseHeaders.push('X-Request-ID', exchange.id);
      next(exchange, sink);
    };
  };
}
