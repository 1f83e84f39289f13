// The cookie of a browser session: reads it from a request, writes it to a response, and separates
// it from the cookies of the app.
import { fieldValues } from '../../kernel/http/field-value.ts';
import type { RawHeaders } from '../../kernel/http/http.ts';
import { parseAuthority } from '../../kernel/net/authority.ts';

const namePrefix = 'portal-gateway-dev-';

export interface FoundCookies {
  /** The session; '' when the request has none, or several. */
  readonly session: string;
  /** The cookies of the app; '' for none. Undefined: the request has only those. */
  readonly others: string | undefined;
}

/** Browsers share cookies between the ports of a host (RFC 6265 §8.5), so the name has the port. */
function nameFor(authority: string): string {
  const port = parseAuthority(authority)?.port ?? '';
  return namePrefix + (port === '' ? '80' : port);
}

/** `authority`: the host that the client requested. */
export function cookiesIn(headers: RawHeaders, authority: string): FoundCookies {
  const lines = fieldValues(headers, 'cookie');
  if (!lines.some((line) => line.includes(namePrefix))) return { session: '', others: undefined };
  // HTTP/2 may split the list into several lines (RFC 9113 §8.2.3).
  const pairs = lines.flatMap((line) => line.split(';')).map((pair) => pair.trim());
  const own = `${nameFor(authority)}=`;
  const sessions = pairs.filter((pair) => pair.startsWith(own));
  // Also drops the cookies of gateways on other ports, whose keys the app has no business with.
  const others = pairs.filter((pair) => pair !== '' && !pair.startsWith(namePrefix));
  return { session: sessions.length === 1 ? (sessions[0] ?? '').slice(own.length) : '', others: others.join('; ') };
}

/**
 * Without Domain, so that no other app gets it. Not `Secure`, which not every browser allows
 * without TLS.
 */
export function setCookie(authority: string, session: string, lifetimeMs: number): string {
  return `${nameFor(authority)}=${session}; Path=/; Max-Age=${Math.floor(lifetimeMs / 1_000)}; HttpOnly; SameSite=Lax`;
}
