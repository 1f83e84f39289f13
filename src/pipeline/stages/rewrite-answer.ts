// Changes the head of an app's response for the client: the lease's header settings, and references to the app itself. Those are moved
// below the prefix in path mode, and become paths in host mode where the lease's `host_header` replaced the client's Host.
import { type HostField, hostFieldOf } from '../../kernel/host-fields.ts';
import type { Flow, RawHeaders, Sink } from '../../kernel/http.ts';
import { rewriteRefresh } from '../../kernel/refresh-field.ts';
import { restoreHost, restoreOrigin } from '../../kernel/restored-host.ts';
import type { HeaderEdit } from '../../policy/lease-settings.ts';
import { cookieBelow, directoryOf, referenceBelow, type Place } from '../../route/below-prefix.ts';
import { replacedOrigin } from '../app-origin.ts';
import { PassingSink } from '../passing-sink.ts';
import { isHostReplaced } from '../replaced-host.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';

export function rewriteAnswer(): Stage {
  return function rewriteAnswerStage(next): Dispatch {
    return function rewrite(exchange, sink) {
      const edit = exchange.destination?.settings?.response;
      const unchanged = exchange.route?.kind === 'host' && edit === undefined && !isHostReplaced(exchange);
      next(exchange, unchanged ? sink : new RewritingSink(exchange, edit, sink));
    };
  };
}

class RewritingSink extends PassingSink {
  readonly #exchange: Exchange;
  readonly #edit: HeaderEdit | undefined;

  constructor(exchange: Exchange, edit: HeaderEdit | undefined, sink: Sink) {
    super(sink);
    this.#exchange = exchange;
    this.#edit = edit;
  }

  override head(status: number, headers: RawHeaders, flow: Flow): void {
    this.sink.head(status, this.#rewritten(headers), flow);
  }

  override upgrade(status: number, headers: RawHeaders, peer: Parameters<Sink['upgrade']>[2]): void {
    this.sink.upgrade(status, this.#rewritten(headers), peer);
  }

  #rewritten(headers: RawHeaders): RawHeaders {
    const exchange = this.#exchange;
    const moved = exchange.route?.kind === 'host' ? withClientHost(headers, exchange) : belowPrefix(headers, exchange);
    return this.#edit === undefined ? moved : this.#edit.apply(moved);
  }
}

/** In host mode. */
function withClientHost(headers: RawHeaders, exchange: Exchange): RawHeaders {
  const { destination, authority = '' } = exchange;
  if (destination === undefined || !isHostReplaced(exchange)) return headers;
  const clientOrigin = replacedOrigin(exchange);
  return restoreHost(headers, { hosts: [destination.host], clientHost: authority, clientOrigin });
}

/** The same headers where none of them is about paths, which is nearly always. */
function belowPrefix(headers: RawHeaders, exchange: Exchange): RawHeaders {
  let moved: string[] | undefined;
  let place: Place | undefined;
  const seen = { location: false, 'content-location': false, refresh: false };
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
    if (kind === 'origin') {
      moved.push(name, restoreOrigin(value, [exchange.destination?.host ?? ''], replacedOrigin(exchange)));
      continue;
    }
    const to = (place ??= placeOf(exchange));
    if (kind === 'cookie') moved.push(name, cookieBelow(value, to));
    // Once (RFC 9110 §8.7, §10.2.2). Each can become as long as the target of the request, so only the first is kept.
    else if (!seen[kind]) {
      seen[kind] = true;
      const below = (reference: string): string => referenceBelow(reference, to);
      moved.push(name, kind === 'refresh' ? rewriteRefresh(value, below) : below(value));
    }
  }
  return moved ?? headers;
}

function kindOf(name: string): HostField | 'scope' | undefined {
  // A service worker of one app could otherwise take the requests of all.
  if (name.length === 22 && name.toLowerCase() === 'service-worker-allowed') return 'scope';
  return hostFieldOf(name);
}

function placeOf({ route, destination, authority = '', outerPrefix, req }: Exchange): Place {
  const prefix = route?.prefix ?? '';
  const query = req.target.indexOf('?');
  const path = query === -1 ? req.target : req.target.slice(0, query);
  return {
    prefix,
    root: `${outerPrefix}/peer/`,
    hosts: [destination?.host ?? '', authority],
    directory: directoryOf(route?.target ?? '/'),
    bare: !path.includes(`${prefix.slice(outerPrefix.length)}/`),
  };
}
