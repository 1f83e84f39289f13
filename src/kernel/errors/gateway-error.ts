// The one error class of the request path.
import { type ErrorCode, errorTable } from './error-table.ts';

interface GatewayErrorOptions {
  readonly cause?: unknown;
  /** Whole seconds, at least 1: the `Retry-After` of the answer. */
  readonly retryAfterSeconds?: number;
  /** What the answer must carry beside the problem, as `WWW-Authenticate` with a 401 or `Allow` with a 405. */
  readonly headers?: readonly string[];
}

/** The one error of the request path. `message` is the `detail` that the client reads: no address, key or backend text. */
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
