// Owns that every request which fails is told of, once, by the sink that answers it: it alone knows what the client was answered.
import type { GatewayError } from '../kernel/errors.ts';
import { requestFailed, requestRefused } from '../kernel/events.ts';
import { pathOf } from '../kernel/target-path.ts';
import type { Exchange } from '../pipeline/stage.ts';

export function tellFailure({ id: requestId, clientIp, req, passage }: Exchange, error: GatewayError): void {
  passage.fault = error;
  if (requestFailed.hasSubscribers) requestFailed.publish({ requestId, error });
  if (passage.observed || !requestRefused.hasSubscribers) return;
  requestRefused.publish({ requestId, error, clientIp, method: req.method, path: pathOf(req.target) });
}
