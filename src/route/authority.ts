// Parses authorities and absolute-form request targets.

/** A host name, or an address, with a port or without. */
const authority = /^(?:[\w.~-]+|\[[\da-f:.]+\])(?::\d{0,5})?$/i;

export function isAuthority(text: string): boolean {
  return text.length <= 259 && authority.test(text);
}

/** Without its port. */
export function hostNameOf(authority: string): string {
  const colon = authority.lastIndexOf(':');
  return colon === -1 || authority.endsWith(']') ? authority : authority.slice(0, colon);
}

export interface AbsoluteForm {
  readonly authority: string;
  /** Path and query; `/` or, for OPTIONS, `*` if there are none (RFC 9112 §3.2.1, §3.2.4). */
  readonly target: string;
}

/** RFC 9112 §3.2.2. Undefined: not in absolute form, or not for an HTTP server. */
export function absoluteForm(method: string, target: string): AbsoluteForm | undefined {
  const scheme = /^https?:\/\//i.exec(target)?.[0];
  if (scheme === undefined) return undefined;
  const rest = target.slice(scheme.length);
  const end = rest.search(/[/?#]/);
  const authority = end === -1 ? rest : rest.slice(0, end);
  // RFC 9110 §4.2.1, §4.2.4: the host must not be empty and there must be no userinfo.
  if (!isAuthority(authority)) return undefined;
  if (end === -1) return { authority, target: method === 'OPTIONS' ? '*' : '/' };
  const path = rest.slice(end);
  return { authority, target: path.startsWith('/') ? path : `/${path}` };
}
