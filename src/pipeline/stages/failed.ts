// Owns the answer to what nobody foresaw in a stage that waits for something: said once, with its cause for the log.
import { GatewayError } from '../../kernel/errors/gateway-error.ts';

export function failed(cause: unknown): GatewayError {
  return new GatewayError('internal_error', 'The gateway failed to handle the request.', { cause });
}
