// The error for an unexpected exception in an asynchronous stage, with the cause for the log.
import { GatewayError } from '../../kernel/errors/gateway-error.ts';

export function failed(cause: unknown): GatewayError {
  return new GatewayError('internal_error', 'The gateway failed to handle the request.', { cause });
}
