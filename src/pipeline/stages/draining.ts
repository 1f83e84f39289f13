// Rejects requests once the grace period of a drain is over, because requests in flight are about
// to be aborted. Until then a draining gateway serves every request.
import { drainingError } from '../draining-error.ts';
import { refuseRequest } from '../refuse-request.ts';
import type { Dispatch, Stage } from '../stage.ts';

export function draining(isGraceOver: () => boolean): Stage {
  return function drainingStage(next): Dispatch {
    return function rejectLate(exchange, sink) {
      if (isGraceOver()) refuseRequest(exchange, sink, drainingError());
      else next(exchange, sink);
    };
  };
}
