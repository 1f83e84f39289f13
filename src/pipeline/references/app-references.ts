// Rewrites URLs of the app in request headers from the client's form to the app's: Origin and
// Referer where the gateway replaces Host, and WebDAV's Destination and If also in path mode.
import type { RawHeaders } from '../../kernel/http/http.ts';
import type { NamedOrigin } from '../../kernel/references/origin-field.ts';
import { absoluteReference, asReference, isOneOf, ownPath } from '../../kernel/references/own-reference.ts';
import { mapRequestReferences, type RequestReferenceMap } from '../../kernel/references/request-references.ts';
import { matchPeerPath } from '../../route/peer-path.ts';
import { isOriginReplaced } from './app-origin.ts';
import { isOwnPath, isPrefixKept } from './kept-prefix.ts';
import { isHostReplaced } from './replaced-host.ts';
import type { Exchange } from '../stage.ts';

export function withAppReferences<T extends RawHeaders>(headers: T, exchange: Exchange): T | string[] {
  return mapRequestReferences(headers, new AppReferences(exchange));
}

class AppReferences implements RequestReferenceMap {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  origin(origin: NamedOrigin): string | undefined {
    return isOriginReplaced(origin, this.#exchange) ? this.#appOrigin : undefined;
  }

  /** Rewritten where Origin would be: apps check Referer when there is no Origin. */
  page(url: string): string {
    const [, scheme, authority = '', path = ''] = pageForm.exec(url) ?? [];
    if (scheme === undefined) return url;
    const origin = { scheme: scheme.length === 4 ? 'http' : 'https', authority } as const;
    if (!isOriginReplaced(origin, this.#exchange)) return url;
    // Some referrer policies send only the origin, which all apps in path mode share.
    const own = path === '' || path === '/' ? '/' : this.#ownTarget(path);
    return own === undefined ? url : this.#appOrigin + own;
  }

  /** Rewritten to a path, which fits whatever scheme the app assumes (RFC 4918 §8.3). */
  resource(reference: string): string {
    const exchange = this.#exchange;
    const { policy, route, authority = '' } = exchange;
    if (route?.kind === 'host') return isHostReplaced(exchange) ? ownPath(reference, [authority]) : reference;
    const absolute = absoluteReference(reference);
    if (
      absolute === undefined ? !reference.startsWith('/') : !isOneOf([authority, policy.publicHost], absolute.authority)
    ) {
      return reference;
    }
    const own = this.#ownTarget(absolute?.path ?? reference);
    return own === undefined ? reference : asReference(own);
  }

  get #appOrigin(): string {
    const { scheme, destination } = this.#exchange;
    return `${scheme}://${destination?.host ?? ''}`;
  }

  /** Undefined: the path does not belong to this app. */
  #ownTarget(path: string): string | undefined {
    const { route, outerPrefix } = this.#exchange;
    if (route === undefined || route.kind === 'host') return path;
    if (isPrefixKept(this.#exchange)) return isOwnPath(this.#exchange)(path) ? path : undefined;
    if (!path.startsWith(outerPrefix)) return undefined;
    const found = matchPeerPath(path.slice(outerPrefix.length));
    if (found.kind !== 'peer' || found.route.kind !== 'path') return undefined;
    return found.route.lease === route.lease ? found.route.target : undefined;
  }
}

/** Scheme, authority and the rest, which starts with a slash. */
const pageForm = /^(https?):\/\/([^\s/?#@]+)(\/.*)?$/i;
