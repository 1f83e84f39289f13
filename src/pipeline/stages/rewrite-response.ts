// Rewrites the headers of an app's responses for the client: applies the lease's header settings,
// and rewrites references to the app. In path mode they are moved below the prefix; in host mode
// they point to the client's host where the lease's `host_header` replaced it. Interim responses
// and trailers can contain references, too (RFC 8297).
import { type HostField, hostFieldOf } from '../../kernel/references/host-fields.ts';
import type { Flow, RawHeaders, Sink } from '../../kernel/http/http.ts';
import { MappedReferences } from '../../kernel/references/mapped-references.ts';
import { RestoredHost, restoreOrigin } from '../../kernel/references/restored-host.ts';
import type { HeaderEdit } from '../../policy/lease-settings.ts';
import { baseOf, cookieBelow, directoryOf, type Place, referenceBelow, urlBelow } from '../../route/below-prefix.ts';
import { clientOrigin } from '../client/client-origin.ts';
import { replacedOrigin } from '../references/app-origin.ts';
import { PassingSink } from '../passing-sink.ts';
import { isHostReplaced } from '../references/replaced-host.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';

export function rewriteResponse(): Stage {
  return function rewriteResponseStage(next): Dispatch {
    return function rewrite(exchange, sink) {
      const edit = exchange.destination?.settings?.response;
      const isUnchanged = exchange.route?.kind === 'host' && edit === undefined && !isHostReplaced(exchange);
      next(exchange, isUnchanged ? sink : new RewritingSink(exchange, edit, sink));
    };
  };
}

class RewritingSink extends PassingSink {
  readonly #exchange: Exchange;
  readonly #edit: HeaderEdit | undefined;
  #map: HeaderMap | undefined;

  constructor(exchange: Exchange, edit: HeaderEdit | undefined, sink: Sink) {
    super(sink);
    this.#exchange = exchange;
    this.#edit = edit;
  }

  override informational(status: number, headers: RawHeaders): void {
    this.sink.informational(status, this.#mapped(headers));
  }

  override head(status: number, headers: RawHeaders, flow: Flow): void {
    this.sink.head(status, this.#rewritten(headers), flow);
  }

  override upgrade(status: number, headers: RawHeaders, peer: Parameters<Sink['upgrade']>[2]): void {
    this.sink.upgrade(status, this.#rewritten(headers), peer);
  }

  override end(trailers: RawHeaders): void {
    this.sink.end(this.#mapped(trailers));
  }

  #rewritten(headers: RawHeaders): RawHeaders {
    const mapped = this.#mapped(headers);
    return this.#edit === undefined ? mapped : this.#edit.apply(mapped);
  }

  #mapped(headers: RawHeaders): RawHeaders {
    this.#map ??= mapFor(this.#exchange);
    return this.#map.apply(headers);
  }
}

interface HeaderMap {
  /** Returns the same array if nothing changes. */
  apply(headers: RawHeaders): RawHeaders;
}

const unchanged: HeaderMap = { apply: (headers) => headers };

function mapFor(exchange: Exchange): HeaderMap {
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
  const { route, destination, outerPrefix, req } = exchange;
  const prefix = route?.prefix ?? '';
  const query = req.target.indexOf('?');
  const path = query === -1 ? req.target : req.target.slice(0, query);
  const directory = directoryOf(route?.target ?? '/');
  return {
    prefix,
    root: `${outerPrefix}/peer/`,
    host: destination?.host ?? '',
    client: clientOrigin(exchange),
    directory,
    base: baseOf(directory),
    bare: !path.includes(`${prefix.slice(outerPrefix.length)}/`),
  };
}
