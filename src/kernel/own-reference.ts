// URI references to an app's own origin (RFC 3986 §4): recognises them and turns them into paths. Paths below a prefix are
// route/below-prefix.ts.

export interface AbsoluteReference {
  /** Host and port as written; '' if the reference has none. */
  readonly authority: string;
  /** Path, query and fragment; begins with a slash. */
  readonly path: string;
}

/** [scheme:]//authority, and the rest. */
const absolute = /^(?:https?:)?\/\/([^/?#]*)/i;

/** Undefined: a path, a relative reference, or a scheme other than http and https. */
export function absoluteReference(reference: string): AbsoluteReference | undefined {
  const match = absolute.exec(reference);
  if (match === null) return undefined;
  const [whole, authority = ''] = match;
  const rest = reference.slice(whole.length);
  return { authority, path: rest.startsWith('/') ? rest : `/${rest}` };
}

/** The path of an absolute reference to one of `hosts`; any other reference as it is. */
export function ownPath(reference: string, hosts: readonly string[]): string {
  const found = absoluteReference(reference);
  if (found === undefined || !isOneOf(hosts, found.authority)) return reference;
  // Two slashes at the start of a path would make its first segment a host (RFC 3986 §4.2). Browsers read a backslash as a slash and
  // ignore tabs (WHATWG URL).
  return /^\/\t*[/\\]/.test(found.path) ? `/.${found.path}` : found.path;
}

/**
 * Ignores letter case, default ports and the scheme: an app behind a proxy does not know which scheme the client uses. An empty
 * authority is none of them.
 */
export function isOneOf(hosts: readonly string[], authority: string): boolean {
  return authority !== '' && hosts.some((host) => host === authority || canonical(host) === canonical(authority));
}

function canonical(authority: string): string {
  return authority.toLowerCase().replace(/:(?:80|443)?$/, '');
}
