// Owns what of an app's answer reaches the client: end-to-end fields, as received, and what the framing was. Refuses framing that
// it can't pass on truthfully.
import { GatewayError } from '../kernel/errors.ts';
import { isHopByHop, namedByConnection } from './hop-by-hop.ts';

export interface ResponseHead {
  readonly headers: string[];
  /** Neither a length nor chunks: only the end of the connection ends the body, and proves nothing. */
  readonly endsByClose: boolean;
}

/** `bodyless`: an answer to HEAD, or a status that has no content. Throws GatewayError bad_upstream_response. */
export function responseHead(raw: readonly string[], bodyless: boolean): ResponseHead {
  const headers: string[] = [];
  let named: readonly string[] | undefined;
  let framed = bodyless;
  for (let i = 0; i < raw.length; i += 2) {
    const original = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    const name = original.toLowerCase();
    if (name === 'content-length') framed = true;
    else if (name === 'transfer-encoding') {
      if (value.trim().toLowerCase() !== 'chunked') {
        throw new GatewayError(
          'bad_upstream_response',
          'The app used a transfer coding that the gateway does not know.',
        );
      }
      framed = true;
      continue;
    } else if (name === 'connection') {
      const more = namedByConnection(value);
      if (more.length > 0) named = named === undefined ? more : [...named, ...more];
      continue;
      // The id is the gateway's to tell, once.
    } else if (isHopByHop(name) || name === 'x-request-id') continue;
    headers.push(original, value);
  }
  headers.push('Via', '1.1 portal-gateway');
  return { headers: named === undefined ? headers : without(headers, named), endsByClose: !framed };
}

/** Statuses without content (RFC 9110 §6.4.1). */
export function isBodyless(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304;
}

/** undici hands out the raw bytes; one latin1 character is one byte. */
export function latin1(raw: readonly Buffer[]): string[] {
  const strings = new Array<string>(raw.length);
  for (let i = 0; i < raw.length; i += 1) strings[i] = raw[i]?.toString('latin1') ?? '';
  return strings;
}

function without(headers: readonly string[], named: readonly string[]): string[] {
  return headers.filter((_, i) => !named.includes((headers[i - (i % 2)] ?? '').toLowerCase()));
}
