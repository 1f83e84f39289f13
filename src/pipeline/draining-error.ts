// The error for requests that the gateway cannot finish because it is shutting down.
import { GatewayError } from '../kernel/errors/gateway-error.ts';

export function drainingError(): GatewayError {
  return new GatewayError('draining', 'The gateway is shutting down.', { retryAfterSeconds: 1 });
}
