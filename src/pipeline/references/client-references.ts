// Maps references to the app in headers of its responses to the form that the client uses. In path
// mode they are moved below the prefix, unless they are there already; in host mode they point to
// the client's host where the lease's `host_header` replaced it.
import type { RawHeaders } from '../../kernel/http/http.ts';
import { type HostField, hostFieldOf } from '../../kernel/references/host-fields.ts';
import { MappedReferences } from '../../kernel/references/mapped-references.ts';
import { RestoredHost, restoreOrigin } from '../../kernel/references/restored-host.ts';
import { baseOf, directoryOf, type Place, referenceBelow, urlBelow } from '../../route/below-prefix.ts';
import { cookieBelow } from '../../route/cookie-path.ts';
import { clientOrigin } from '../client/client-origin.ts';
import type { Exchange } from '../stage.ts';
import { replacedOrigin } from './app-origin.ts';
import { appTarget, isOwnPath, isPrefixKept } from './kept-prefix.ts';
import { isHostReplaced } from './replaced-host.ts';

export interface HeaderMap {
  /** Returns the same array if nothing changes. */
  apply(headers: RawHeaders): RawHeaders;
}

const unchanged: HeaderMap = { apply: (headers) => headers };

export function clientReferences(exchange: Exchange): HeaderMap {
  if (exchange.route?.kind !== 'host') return new BelowPrefix(exchange);
  const { destination, authority = '', scheme } = exchange;
  if (destination === undefined || !isHostReplaced(exchange)) return unchanged;
  return new RestoredHost({
    hosts: [destination.host],
    clientHost: authority,
    clientScheme: scheme,
    clientOrigin: replacedOrigin(exchange),
  });
}

class BelowPrefix implements HeaderMap {
  readonly #exchange: Exchange;
  #place: Place | undefined;
  #references: MappedReferences | undefined;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  apply(headers: RawHeaders): RawHeaders {
    let moved: string[] | undefined;
    let seen: Set<HostField> | undefined;
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] ?? '';
      const value = headers[i + 1] ?? '';
      const kind = kindOf(name);
      if (kind === undefined) {
        moved?.push(name, value);
        continue;
      }
      moved ??= headers.slice(0, i);
      if (kind === 'scope') continue;
      if (isSingle(kind)) {
        if (seen?.has(kind) === true) continue;
        (seen ??= new Set()).add(kind);
      }
      const mapped = this.#moved(kind, value);
      if (mapped !== undefined) moved.push(name, mapped);
    }
    return moved ?? headers;
  }

  /** Undefined: the header is dropped. */
  #moved(kind: HostField, value: string): string | undefined {
    const exchange = this.#exchange;
    if (kind === 'origin') return restoreOrigin(value, [exchange.destination?.host ?? ''], replacedOrigin(exchange));
    const place = (this.#place ??= placeOf(exchange));
    if (kind === 'cookie') return cookieBelow(value, place);
    this.#references ??= new MappedReferences({
      reference: (reference) => referenceBelow(reference, place),
      url: (url) => urlBelow(url, place),
    });
    return this.#references.rewrite(kind, value);
  }
}

/**
 * RFC 9110 §8.7, §10.2.2: only the first is kept, because each can become as long as the request
 * target.
 */
function isSingle(kind: HostField): boolean {
  return kind === 'location' || kind === 'content-location' || kind === 'refresh';
}

function kindOf(name: string): HostField | 'scope' | undefined {
  // Otherwise a service worker of one app could intercept the requests of all apps.
  if (name.length === 22 && name.toLowerCase() === 'service-worker-allowed') return 'scope';
  return hostFieldOf(name);
}

function placeOf(exchange: Exchange): Place {
  const { route, destination, outerPrefix } = exchange;
  const target = route === undefined || destination === undefined ? '/' : appTarget(route, destination);
  return {
    prefix: route?.prefix ?? '',
    root: `${outerPrefix}/peer/`,
    host: destination?.host ?? '',
    client: clientOrigin(exchange),
    directory: directoryOf(route?.target ?? '/'),
    base: baseOf(directoryOf(target)),
    bare: route?.bare === true,
    owns: isPrefixKept(exchange) ? isOwnPath(exchange) : undefined,
  };
}
