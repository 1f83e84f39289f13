// Recognises requests in which the page of another origin uses a credential that the browser adds
// by itself: a cookie, or a stored Basic password. Such a page could change something (CSRF), or
// read what the app lets every origin read. Keys that a page has to send itself need no such check.
import { fieldValues } from '../kernel/http/field-value.ts';
import type { RawHeaders, RequestHead } from '../kernel/http/http.ts';
import { isMethodOverride } from '../kernel/http/removed-headers.ts';
import { isSameAuthority } from '../kernel/net/authority.ts';
import { namedOrigin, originOfUrl } from '../kernel/references/origin-field.ts';

export interface BrowserRequest extends Pick<RequestHead, 'method' | 'headers' | 'upgrade'> {
  /** Host and port that the client requested; '' when it sent none. */
  readonly authority: string;
  readonly scheme: 'http' | 'https';
}

/** Methods that change nothing (RFC 9110 §9.2.1), so that a page gains nothing by sending them. */
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/**
 * Whether a page of another origin causes the request, and it is one that such a page may not
 * cause with a stored credential. Origins of the same site count as others: in host mode each app
 * has its own. `cors` may allow the origin nevertheless.
 */
export function isCrossSiteUse(request: BrowserRequest): boolean {
  const { headers } = request;
  // Pages cannot set this field (Fetch Metadata §2), so it decides where a browser sends it. Forms
  // of pages without a referrer have `Origin: null` even to their own origin.
  const sites = fieldValues(headers, 'sec-fetch-site');
  if (sites.length > 0) {
    const site = only(sites);
    return !isOwnSite(site) && (isWrite(request) || !isHarmlessRead(request, site));
  }
  // Browsers send Origin with every such write, and with every read that the page may see.
  const origins = fieldValues(headers, 'origin');
  if (origins.length > 0) return !isOwnOrigin(namedOrigin(only(origins)), request);
  // Old browsers send Referer alone. For reads it proves nothing: links and images have it, too,
  // and their page does not see the response.
  return isWrite(request) && fieldValues(headers, 'referer').some((referer) => isForeignPage(referer, request));
}

/**
 * A WebSocket counts as a change, because CORS does not keep a foreign page from reading it. Apps
 * may act on another method than the request's, if a header names one.
 */
function isWrite({ method, upgrade, headers }: BrowserRequest): boolean {
  return upgrade || !safeMethods.has(method) || overridesMethod(headers);
}

function overridesMethod(headers: RawHeaders): boolean {
  return headers.some((name, i) => i % 2 === 0 && isMethodOverride(name.toLowerCase()));
}

/** `none`: the user started the request, for example by typing the address. */
function isOwnSite(site: string): boolean {
  return site === 'same-origin' || site === 'none';
}

/**
 * Links from anywhere, and what pages of the same site embed without seeing it, such as images.
 * Only `cors` lets a page see a response of another origin.
 */
function isHarmlessRead({ method, headers }: BrowserRequest, site: string): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  const mode = only(fieldValues(headers, 'sec-fetch-mode'));
  if (site === 'same-site') return mode === 'navigate' || mode === 'no-cors';
  return mode === 'navigate' && only(fieldValues(headers, 'sec-fetch-dest')) === 'document';
}

/** '' for none or several. */
function only(values: readonly string[]): string {
  return values.length === 1 ? (values[0] ?? '') : '';
}

/** Some tools put other text there, such as the command that the user ran. */
function isForeignPage(referer: string, request: BrowserRequest): boolean {
  return /^https?:/i.test(referer) && !isOwnOrigin(originOfUrl(referer), request);
}

/**
 * A page loaded without encryption may be forged, so it does not count as the same origin as an
 * encrypted request. A proxy that terminates TLS may not report the scheme.
 */
function isOwnOrigin(origin: ReturnType<typeof namedOrigin>, { authority, scheme }: BrowserRequest): boolean {
  if (origin === undefined || authority === '') return false;
  if (origin.scheme !== scheme && origin.scheme !== 'https') return false;
  return isSameAuthority(origin.authority, authority, origin.scheme);
}
