// Reverts a replaced Host in the head of a response. References to the app's internal host become
// paths, or URLs of the client's host where they must be absolute. Cookies lose a Domain that does
// not match the client's host. References to other origins are unchanged.
import type { RawHeaders } from '../http/http.ts';
import { type HostField, hostFieldOf } from './host-fields.ts';
import { MappedReferences } from './mapped-references.ts';
import { namedOrigin } from './origin-field.ts';
import { isOneOf, ownPath, ownUrl } from './own-reference.ts';

export interface ReplacedHost {
  /** Hosts, with ports, by which the app refers to itself. */
  readonly hosts: readonly string[];
  /** The Host that was replaced. */
  readonly clientHost: string;
  /** The scheme that the client uses; undefined if unknown. */
  readonly clientScheme: 'http' | 'https' | undefined;
  /** The Origin that was replaced by one of the app; undefined if it was not replaced. */
  readonly clientOrigin: string | undefined;
}

/** Used for all heads and the trailers of one response. */
export class RestoredHost {
  readonly #replaced: ReplacedHost;
  #references: MappedReferences | undefined;

  constructor(replaced: ReplacedHost) {
    this.#replaced = replaced;
  }

  /** Returns the same array if nothing changes. */
  apply<T extends RawHeaders>(headers: T): T | string[] {
    let restored: string[] | undefined;
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] ?? '';
      const value = headers[i + 1] ?? '';
      const kind = hostFieldOf(name);
      const mapped = kind === undefined ? value : this.#mapped(kind, value);
      if (mapped !== value) restored ??= headers.slice(0, i);
      if (mapped !== undefined) restored?.push(name, mapped);
    }
    return restored ?? headers;
  }

  /** Undefined: the field is omitted. */
  #mapped(kind: HostField, value: string): string | undefined {
    const { hosts, clientHost, clientScheme, clientOrigin } = this.#replaced;
    if (kind === 'cookie') return withoutForeignDomain(value, hosts, clientHost);
    if (kind === 'origin') return restoreOrigin(value, hosts, clientOrigin);
    const client = { scheme: clientScheme, authority: clientHost };
    this.#references ??= new MappedReferences({
      reference: (reference) => ownPath(reference, hosts),
      url: (url) => ownUrl(url, hosts, client),
    });
    return this.#references.rewrite(kind, value);
  }
}

/**
 * Access-Control-Allow-Origin with the origin of the client's page, if the app allows the origin
 * that replaced it.
 */
export function restoreOrigin(allowed: string, hosts: readonly string[], clientOrigin: string | undefined): string {
  if (clientOrigin === undefined) return allowed;
  const origin = namedOrigin(allowed);
  return origin !== undefined && isOneOf(hosts, origin.authority) ? clientOrigin : allowed;
}

/**
 * Removes each Domain that matches one of `hosts` but not the client's host: the client would
 * reject the cookie (RFC 6265 §5.3).
 */
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
