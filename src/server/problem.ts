// Owns how an error looks to a client: application/problem+json (RFC 9457). Tells what the error's table and detail say, and
// nothing of its cause.
import { errorTable, type GatewayError } from '../kernel/errors.ts';

export interface Problem {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** Where the codes are explained; a type is a documentation URL that ends in the code (contract §4). */
const typeBase = 'https://portal-gateway.dev/errors/';

export function problemOf(error: GatewayError, requestId: string): Problem {
  const { status, title } = errorTable[error.code];
  const { code, message: detail, retryAfterSeconds } = error;
  const body = Buffer.from(
    JSON.stringify({
      type: typeBase + code,
      title,
      status,
      detail,
      code,
      request_id: requestId,
      ...(retryAfterSeconds !== undefined && { retry_after: retryAfterSeconds }),
    }),
  );
  const headers = ['Content-Type', 'application/problem+json', 'Content-Length', String(body.length)];
  headers.push('Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff');
  if (retryAfterSeconds !== undefined) headers.push('Retry-After', String(retryAfterSeconds));
  headers.push(...error.headers);
  return { status, headers, body };
}
