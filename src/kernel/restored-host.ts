// Undoes a replaced Host in the head of a response: references to a host that only the app's side uses become paths, and cookies lose
// a Domain that does not fit the client's host. References to other origins stay as they are.
import type { RawHeaders } from './http.ts';
import { ownPath } from './own-reference.ts';
import { rewriteRefresh } from './refresh-field.ts';

/** `hosts`: by which the app knows itself, with their ports. `clientHost`: the Host that was replaced. */
export function restoreHost<T extends RawHeaders>(
  headers: T,
  hosts: readonly string[],
  clientHost: string,
): T | string[] {
  let restored: string[] | undefined;
  const toPath = (url: string): string => ownPath(url, hosts);
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1] ?? '';
    const kind = kindOf(headers[i] ?? '');
    if (kind === undefined) continue;
    let mapped: string;
    if (kind === 'cookie') mapped = withoutForeignDomain(value, hosts, clientHost);
    else mapped = kind === 'refresh' ? rewriteRefresh(value, toPath) : toPath(value);
    if (mapped !== value) (restored ??= headers.slice())[i + 1] = mapped;
  }
  return restored ?? headers;
}

/** By length first: most names need no further comparison. */
function kindOf(name: string): 'reference' | 'refresh' | 'cookie' | undefined {
  switch (name.length) {
    case 7:
      return name.toLowerCase() === 'refresh' ? 'refresh' : undefined;
    case 8:
      return name.toLowerCase() === 'location' ? 'reference' : undefined;
    case 10:
      return name.toLowerCase() === 'set-cookie' ? 'cookie' : undefined;
    case 16:
      return name.toLowerCase() === 'content-location' ? 'reference' : undefined;
    default:
      return undefined;
  }
}

/** Without each Domain that is right for one of `hosts` and wrong for the client, which would reject the cookie (RFC 6265 §5.3). */
function withoutForeignDomain(cookie: string, hosts: readonly string[], clientHost: string): string {
  if (!/;[\t ]*domain/i.test(cookie)) return cookie;
  const [pair = '', ...attributes] = cookie.split(';');
  const kept = attributes.filter((attribute) => {
    const equals = attribute.indexOf('=');
    if (equals === -1 || attribute.slice(0, equals).trim().toLowerCase() !== 'domain') return true;
    const domain = attribute
      .slice(equals + 1)
      .trim()
      .replace(/^\./, '')
      .toLowerCase();
    if (domain === '' || isWithin(clientHost, domain)) return true;
    return !hosts.some((host) => isWithin(host, domain));
  });
  return [pair, ...kept].join(';');
}

/** RFC 6265 §5.1.3. */
function isWithin(host: string, domain: string): boolean {
  const name = host.toLowerCase().replace(/:\d*$/, '');
  return name === domain || name.endsWith(`.${domain}`);
}
