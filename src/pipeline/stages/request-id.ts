// Owns that every answer tells the request's id. The id itself is the server's: whatever a client calls its request is replaced.
import type { Dispatch, Stage } from '../stage.ts';

export function requestId(): Stage {
  return function requestIdStage(next): Dispatch {
    return function tellRequestId(exchange, sink) {
      exchange.answerHeaders.push('X-Request-ID', exchange.id);
      next(exchange, sink);
    };
  };
}
