// URI references to an app's own origin (RFC 3986 §4): recognises them and turns them into paths.
// route/below-prefix.ts handles paths below a prefix.
import { isSameAuthority } from '../net/authority.ts';

export interface AbsoluteReference {
  /** Host and port as written; '' if the reference has none. */
  readonly authority: string;
  /** Path, query and fragment; begins with a slash. */
  readonly path: string;
}

/** Matches [scheme:]//authority; the rest follows. */
const absolute = /^(?:https?:)?\/\/([^/?#]*)/i;

/** Undefined: a path, a relative reference, or a scheme other than http and https. */
export function absoluteReference(reference: string): AbsoluteReference | undefined {
  const match = absolute.exec(reference);
  if (match === null) return undefined;
  const [whole, authority = ''] = match;
  const rest = reference.slice(whole.length);
  return { authority, path: rest.startsWith('/') ? rest : `/${rest}` };
}

/** Returns the path of an absolute reference to one of `hosts`; any other reference unchanged. */
export function ownPath(reference: string, hosts: readonly string[]): string {
  const found = absoluteReference(reference);
  if (found === undefined || !isOneOf(hosts, found.authority)) return reference;
  return asReference(found.path);
}

/**
 * Makes the path safe as a reference: two leading slashes would turn its first segment into a host
 * (RFC 3986 §4.2). Browsers treat a backslash as a slash and ignore tabs (WHATWG URL).
 */
export function asReference(path: string): string {
  return /^\/\t*[/\\]/.test(path) ? `/.${path}` : path;
}

export interface ClientOrigin {
  /** Undefined: unknown; the app's own scheme is the best guess. */
  readonly scheme: 'http' | 'https' | undefined;
  readonly authority: string;
}

/** Moves a URL of one of `hosts` to the client's origin; returns any other URL unchanged. */
export function ownUrl(url: string, hosts: readonly string[], client: ClientOrigin): string {
  const found = absoluteReference(url);
  if (found === undefined || !isOneOf(hosts, found.authority)) return url;
  return urlAt(client, found.path, url);
}

/** `url`: the URL as the app wrote it. */
export function urlAt({ scheme, authority }: ClientOrigin, path: string, url: string): string {
  return `${scheme ?? url.slice(0, url.indexOf(':'))}://${authority}${path}`;
}

/**
 * Ignores letter case, default ports and the scheme, because an app behind a proxy does not know
 * which scheme the client uses. An empty authority never matches.
 */
export function isOneOf(hosts: readonly string[], authority: string): boolean {
  return authority !== '' && hosts.some((host) => isSameAuthority(host, authority, undefined));
}
