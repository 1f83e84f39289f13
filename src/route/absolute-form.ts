// Parses absolute-form request targets (RFC 9112 §3.2.2).
import { isAuthority } from '../kernel/net/authority.ts';

export interface AbsoluteForm {
  readonly authority: string;
  /** Path and query; `/` or, for OPTIONS, `*` if there are none (RFC 9112 §3.2.1, §3.2.4). */
  readonly target: string;
}

/** Undefined: not in absolute form, or not for an HTTP server. */
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
