// Recognises requests that another site's page makes with a credential which the browser adds by
// itself: a cookie, or a stored Basic password (CSRF). Keys that a page has to send itself need no
// such check.
import { fieldValues } from '../kernel/http/field-value.ts';
import type { RequestHead } from '../kernel/http/http.ts';
import { isSameAuthority } from '../kernel/net/authority.ts';
import { namedOrigin } from '../kernel/references/origin-field.ts';

export interface BrowserRequest extends Pick<RequestHead, 'method' | 'headers' | 'upgrade'> {
  /** Host and port that the client requested; '' when it sent none. */
  readonly authority: string;
  readonly scheme: 'http' | 'https';
}

/** Methods that change nothing (RFC 9110 §9.2.1), so that a page gains nothing by sending them. */
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/**
 * Whether a request that may change something comes from a page of another origin. Origins of the
 * same site count as others: in host mode each app has its own. A WebSocket counts as a change,
 * because CORS does not keep a foreign page from reading it.
 */
export function isCrossSiteWrite(request: BrowserRequest): boolean {
  if (safeMethods.has(request.method) && !request.upgrade) return false;
  // Pages cannot set this field (Fetch Metadata §2), so it decides where a browser sends it. Forms
  // of pages without a referrer have `Origin: null` even to their own origin.
  const sites = fieldValues(request.headers, 'sec-fetch-site');
  if (sites.length > 0) return !(sites.length === 1 && isOwnSite(sites[0] ?? ''));
  const origins = fieldValues(request.headers, 'origin');
  // Browsers send Origin with every such request. Other clients add no credential for a page.
  if (origins.length === 0) return false;
  return !(origins.length === 1 && isOwnOrigin(origins[0] ?? '', request));
}

/** `none`: the user started the request, for example by typing the address. */
function isOwnSite(site: string): boolean {
  return site === 'same-origin' || site === 'none';
}

/**
 * A page loaded without encryption may be forged, so it does not count as the same origin as an
 * encrypted request. A proxy that terminates TLS may not report the scheme.
 */
function isOwnOrigin(value: string, { authority, scheme }: BrowserRequest): boolean {
  const origin = namedOrigin(value);
  if (origin === undefined || authority === '') return false;
  if (origin.scheme !== scheme && origin.scheme !== 'https') return false;
  return isSameAuthority(origin.authority, authority, origin.scheme);
}
