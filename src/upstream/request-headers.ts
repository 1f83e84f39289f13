// Selects the header fields of a request for the app: end-to-end fields, as received, without those
// that only the gateway may send. The caller adds the gateway's own fields.
import { isHopByHop, namedByConnection } from '../kernel/http/hop-by-hop.ts';
import type { RawHeaders, RequestHead } from '../kernel/http/http.ts';
import { isMethodOverride, isRemoved, isWrittenByGateway, spellingsOf } from '../kernel/http/removed-headers.ts';
import { offerableProtocols } from '../kernel/http/upgrade-protocols.ts';

export interface EndToEnd {
  /** Fresh: the caller may append. */
  readonly headers: string[];
  /** The protocols that the request offers in Upgrade, as sent to the app; '' if none. */
  readonly offeredProtocols: string;
  /** Lower-case names that must not reach the app, in the head or in trailers. */
  readonly dropped: ReadonlySet<string>;
}

/** What a trusted sender may forward although other clients may not. */
export interface SenderRights {
  /**
   * Lower-case names of removed headers that pass nevertheless: those in `gateway.forward_headers`,
   * from a trusted proxy.
   */
  readonly forwardable: ReadonlySet<string>;
  /** Whether a header may override the method with this one. `method`: as sent. */
  readonly mayOverride: (method: string) => boolean;
}

const noRights: SenderRights = { forwardable: new Set(), mayOverride: () => false };

/** `strippedHeaders`: further lower-case names that must not reach the app. */
export function endToEnd(
  req: RequestHead,
  strippedHeaders: readonly string[],
  { forwardable, mayOverride }: SenderRights = noRights,
): EndToEnd {
  const { headers: received } = req;
  let dropped: ReadonlySet<string> = strippedHeaders.length === 0 ? nothing : new Set(strippedHeaders);
  const headers: string[] = [];
  let protocol: string | undefined;
  let offeredProtocols = '';
  let chunked = false;
  let trailer = false;
  let named: Set<string> | undefined;
  for (let i = 0; i < received.length; i += 2) {
    const original = received[i] ?? '';
    const value = received[i + 1] ?? '';
    const name = original.toLowerCase();
    switch (name) {
      case 'host':
      case 'content-length':
        continue;
      case 'connection':
        for (const option of namedByConnection(value)) (named ??= new Set()).add(option);
        continue;
      case 'upgrade':
        protocol = protocol === undefined ? value : `${protocol}, ${value}`;
        continue;
      case 'transfer-encoding':
        chunked = true;
        continue;
      case 'trailer':
        trailer = true;
        break;
      case 'max-forwards':
        if (req.method !== 'OPTIONS' || !/^\d{1,9}$/.test(value)) break;
        // RFC 9110 §7.6.2. Routing handles the value 0.
        headers.push(original, String(Math.max(0, Number(value) - 1)));
        continue;
      default:
        if (isHopByHop(name)) continue;
        // Only the exact name that the operator configured: a proxy may forward other spellings
        // without checking them.
        if (isRemoved(name) && (isWrittenByGateway(name) || !forwardable.has(name))) continue;
        if (isMethodOverride(name) && !mayOverride(value)) continue;
    }
    if (dropped.has(name)) continue;
    headers.push(original, value);
  }
  if (named !== undefined) {
    removeNamed(headers, named);
    for (const name of strippedHeaders) named.add(name);
    dropped = named;
  }
  // Trailers require chunked coding, so they are not announced without it.
  if (trailer && !chunked) removeNamed(headers, trailerOnly);
  if (req.upgrade && protocol !== undefined) {
    offeredProtocols = offerableProtocols(protocol).join(', ');
    headers.push('Connection', 'Upgrade', 'Upgrade', offeredProtocols);
  }
  return { headers, offeredProtocols, dropped };
}

const nothing: ReadonlySet<string> = new Set();
const trailerOnly: ReadonlySet<string> = new Set(['trailer']);

/**
 * RFC 9110 §6.5.1: fields for framing, routing, authentication and content format must not be
 * trailers. Neither may a removed header, even from a trusted proxy, nor one that overrides the
 * method.
 */
const notInTrailers = spellingsOf([
  'authorization',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'expect',
  'host',
  'max-forwards',
  'trailer',
  'x-api-key',
]);

/** The trailers of a request that are end-to-end. `dropped`: see EndToEnd. */
export function endToEndTrailers(received: RawHeaders, dropped: ReadonlySet<string>): string[] {
  const trailers: string[] = [];
  for (let i = 0; i < received.length; i += 2) {
    const original = received[i] ?? '';
    const name = original.toLowerCase();
    if (notInTrailers.test(name) || isHopByHop(name) || isRemoved(name) || isMethodOverride(name) || dropped.has(name))
      continue;
    trailers.push(original, received[i + 1] ?? '');
  }
  return trailers;
}

function removeNamed(headers: string[], named: ReadonlySet<string>): void {
  let kept = 0;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (named.has(name.toLowerCase())) continue;
    headers[kept] = name;
    headers[kept + 1] = headers[i + 1] ?? '';
    kept += 2;
  }
  headers.length = kept;
}
