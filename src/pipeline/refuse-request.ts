// Rejects a request that `observe` does not see: sends the error, and publishes the event.
import type { GatewayError } from '../kernel/errors/gateway-error.ts';
import { requestRefused, type RequestRefused } from '../kernel/events.ts';
import type { Sink } from '../kernel/http/http.ts';
import { pathOf } from '../kernel/http/target-path.ts';
import type { Exchange } from './stage.ts';

export function refuseRequest({ id, clientIp, req }: Exchange, sink: Sink, error: GatewayError): void {
  sink.fail(error);
  if (!requestRefused.hasSubscribers) return;
  const { method, target } = req;
  requestRefused.publish({ requestId: id, error, clientIp, method, path: pathOf(target) } satisfies RequestRefused);
}
