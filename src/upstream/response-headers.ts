// Selects the fields of an app's response for the client: end-to-end fields, as received, plus our
// Via. The response reader has already checked the framing.
import type { ResponseHead } from '../http-client/response.ts';
import { isHopByHop, namedByConnection } from '../kernel/http/hop-by-hop.ts';
import type { RawHeaders } from '../kernel/http/http.ts';

const via = { '1.0': '1.0 portal-gateway', '1.1': '1.1 portal-gateway' } as const;

/** Returns a new list: the caller may append. `method`: of the request. */
export function responseHeaders(
  { headers: raw, status, version }: Pick<ResponseHead, 'headers' | 'status' | 'version'>,
  method: string,
): string[] {
  const headers: string[] = [];
  let named: Set<string> | undefined;
  const isReset = status === 205 && method !== 'HEAD';
  for (let i = 0; i < raw.length; i += 2) {
    const original = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    const name = original.toLowerCase();
    if (name === 'content-length') {
      // RFC 9110 §8.6: not allowed with these; a client might wait for content that never comes.
      if (status < 200 || status === 204 || isReset) continue;
    } else if (name === 'connection') {
      for (const option of namedByConnection(value)) (named ??= new Set()).add(option);
      continue;
      // The gateway reports the request id itself. Alt-Svc names alternatives for the app's own
      // origin, which is not the one that the client calls (RFC 7838 §2).
    } else if (isHopByHop(name) || name === 'x-request-id' || name === 'alt-svc') continue;
    headers.push(original, value);
  }
  headers.push('Via', via[version]);
  if (isReset) headers.push('Content-Length', '0');
  return named === undefined ? headers : without(headers, named);
}

/** The end-to-end trailers of a response, without fields that must be in its head. */
export function responseTrailers(raw: RawHeaders): string[] {
  const trailers: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const original = raw[i] ?? '';
    const name = original.toLowerCase();
    if (isHopByHop(name) || notInTrailers.has(name)) continue;
    trailers.push(original, raw[i + 1] ?? '');
  }
  return trailers;
}

/** RFC 9110 §6.5.1: fields for framing and routing, and those that are only allowed in the head. */
const notInTrailers: ReadonlySet<string> = new Set(['content-length', 'trailer', 'host', 'set-cookie', 'x-request-id']);

function without(headers: readonly string[], named: ReadonlySet<string>): string[] {
  return headers.filter((_, i) => !named.has((headers[i - (i % 2)] ?? '').toLowerCase()));
}
