// Undoes a replaced Host in the head of a response: references to a host that only the app's side uses become paths, and cookies lose
// a Domain that does not fit the client's host. References to other origins stay as they are.
import type { RawHeaders } from './http.ts';
import { hostFieldOf } from './host-fields.ts';
import { namedOrigin } from './origin-field.ts';
import { isOneOf, ownPath } from './own-reference.ts';
import { rewriteRefresh } from './refresh-field.ts';

export interface ReplacedHost {
  /** By which the app knows itself, with their ports. */
  readonly hosts: readonly string[];
  /** The Host that was replaced. */
  readonly clientHost: string;
  /** The Origin that was replaced by one of the app; undefined if it was not. */
  readonly clientOrigin: string | undefined;
}

/** The same array if nothing changes. */
export function restoreHost<T extends RawHeaders>(headers: T, replaced: ReplacedHost): T | string[] {
  const { hosts, clientHost, clientOrigin } = replaced;
  let restored: string[] | undefined;
  const toPath = (url: string): string => ownPath(url, hosts);
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1] ?? '';
    const kind = hostFieldOf(headers[i] ?? '');
    if (kind === undefined) continue;
    let mapped: string;
    if (kind === 'cookie') mapped = withoutForeignDomain(value, hosts, clientHost);
    else if (kind === 'origin') mapped = restoreOrigin(value, hosts, clientOrigin);
    else mapped = kind === 'refresh' ? rewriteRefresh(value, toPath) : toPath(value);
    if (mapped !== value) (restored ??= headers.slice())[i + 1] = mapped;
  }
  return restored ?? headers;
}

/** Access-Control-Allow-Origin with the origin of the client's page, if the app allows the one in its place. */
export function restoreOrigin(allowed: string, hosts: readonly string[], clientOrigin: string | undefined): string {
  if (clientOrigin === undefined) return allowed;
  const origin = namedOrigin(allowed);
  return origin !== undefined && isOneOf(hosts, origin.authority) ? clientOrigin : allowed;
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
