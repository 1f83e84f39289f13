// What CORS reads from the headers of a request, and drops from those of a response (Fetch
// standard, CORS protocol).
import { onlyValue } from '../kernel/http/field-value.ts';
import type { RawHeaders, RequestHead } from '../kernel/http/http.ts';
import type { Preflight } from './cors.ts';

export interface AskedPreflight extends Preflight {
  readonly origin: string;
}

/** Undefined: the request is no preflight. */
export function preflightOf({ method, headers }: Pick<RequestHead, 'method' | 'headers'>): AskedPreflight | undefined {
  if (method !== 'OPTIONS') return undefined;
  const origin = onlyValue(headers, 'origin');
  const asked = onlyValue(headers, 'access-control-request-method');
  if (origin === undefined || asked === undefined) return undefined;
  return { origin, method: asked, headers: onlyValue(headers, 'access-control-request-headers') ?? '' };
}

/** Preflights from browsers carry none (Fetch standard, CORS-preflight fetch). */
export function showsCredential(headers: RawHeaders): boolean {
  return ['authorization', 'x-api-key', 'x-gateway-key'].some((name) => onlyValue(headers, name) !== undefined);
}

/** Returns the same array if there are none. */
export function withoutCors(headers: RawHeaders): RawHeaders {
  return headers.some(isAppsCors) ? headers.filter((_, i) => !isCors(headers[i - (i % 2)] ?? '')) : headers;
}

/** Only the app knows which of its headers a page may read, and this header may occur twice. */
function isCors(name: string): boolean {
  const lower = name.toLowerCase();
  return lower.startsWith('access-control-') && lower !== 'access-control-expose-headers';
}

function isAppsCors(text: string, i: number): boolean {
  return i % 2 === 0 && isCors(text);
}
