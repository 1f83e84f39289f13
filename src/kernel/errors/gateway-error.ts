// The error class of the request path.
import { type ErrorCode, errorTable } from './error-table.ts';

interface GatewayErrorOptions {
  readonly cause?: unknown;
  /** Value of `Retry-After` in the response: whole seconds, at least 1. */
  readonly retryAfterSeconds?: number;
  /**
   * Headers that the response needs besides the problem, such as `WWW-Authenticate` with a 401 or
   * `Allow` with a 405.
   */
  readonly headers?: readonly string[];
}

/**
 * `message` becomes the `detail` shown to the client, so it must contain no address, key or
 * backend text.
 */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;
  /** Name, value, … */
  readonly headers: readonly string[];

  constructor(code: ErrorCode, detail: string, options: GatewayErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.headers = options.headers ?? [];
  }

  get status(): number {
    return errorTable[this.code].status;
  }
}

/**
 * For an unexpected exception: `cause` is written to the log, and the client learns nothing of it.
 */
export function internalError(cause: unknown, detail: string = internalDetail): GatewayError {
  return new GatewayError('internal_error', detail, { cause });
}

export const internalDetail = 'The gateway failed to handle the request.';
