// Owns which header fields cross from a tunnel to the local app and back: end-to-end ones, as received, in their order and
// spelling. Hop-by-hop ones stay behind (RFC 9110 §7.6.1). Knows nothing of sockets.
import { isHopByHop, namedByConnection } from '../kernel/hop-by-hop.ts';
import type { RawHeaders } from '../kernel/http.ts';
import { isDisguised, isMethodOverride, isRemoved } from '../kernel/removed-headers.ts';

/** Values of one field in order; the name in lower case. */
export function valuesOf(headers: RawHeaders, name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() === name) values.push(headers[i + 1] ?? '');
  }
  return values;
}

/** A copy without what concerns one connection only: the fixed list and whatever Connection names. `also` in lower case. */
export function endToEnd(headers: RawHeaders, also: readonly string[] = []): string[] {
  const dropped = new Set([...also, ...valuesOf(headers, 'connection').flatMap((value) => namedByConnection(value))]);
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const lower = name.toLowerCase();
    if (!isHopByHop(lower) && !dropped.has(lower)) kept.push(name, headers[i + 1] ?? '');
  }
  return kept;
}

/**
 * As endToEnd, for a request. The gateway writes identity headers with dashes alone: in other spellings, which many apps cannot tell
 * from these, they come from a client that dialled the lease itself.
 */
export function requestFields(headers: RawHeaders, also: readonly string[] = []): string[] {
  const fields = endToEnd(headers, also);
  let kept = 0;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    if (isDisguised(name.toLowerCase())) continue;
    fields[kept] = name;
    fields[kept + 1] = fields[i + 1] ?? '';
    kept += 2;
  }
  fields.length = kept;
  return fields;
}

/** As trailerPairs, for a request: identity headers and other methods never stand behind a body. */
export function requestTrailerPairs(raw: RawHeaders): [string, string][] {
  return trailerPairs(raw).filter(([name]) => {
    const lower = name.toLowerCase();
    return !isRemoved(lower) && !isMethodOverride(lower);
  });
}

/** The pairs that Node's addTrailers takes, without fields that must not be trailers (RFC 9110 §6.5.1). */
export function trailerPairs(raw: RawHeaders): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const lower = name.toLowerCase();
    if (!isHopByHop(lower) && lower !== 'content-length' && lower !== 'host') pairs.push([name, raw[i + 1] ?? '']);
  }
  return pairs;
}

export type Framing = 'none' | 'length' | 'chunked' | 'unknown-coding';

/** How the sender delimited the message, by its own header fields. */
export function framingOf(headers: RawHeaders): Framing {
  const codings = valuesOf(headers, 'transfer-encoding');
  if (codings.length > 0) {
    return codings.length === 1 && codings[0]?.trim().toLowerCase() === 'chunked' ? 'chunked' : 'unknown-coding';
  }
  return valuesOf(headers, 'content-length').length > 0 ? 'length' : 'none';
}
