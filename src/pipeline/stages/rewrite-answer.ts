// Owns what of an app's answer is changed on the way to the client: what the policy sets for the lease, and in path mode what the
// app says of its own paths (contract §2). Nothing else is looked at, and in host mode nothing at all.
import type { Flow, RawHeaders, Sink } from '../../kernel/http.ts';
import type { HeaderEdit } from '../../policy/lease-settings.ts';
import { cookieBelow, referenceBelow, type Place } from '../../route/below-prefix.ts';
import { PassingSink } from '../passing-sink.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';

export function rewriteAnswer(): Stage {
  return function rewriteAnswerStage(next): Dispatch {
    return function rewrite(exchange, sink) {
      const edit = exchange.destination?.settings?.response;
      const unchanged = exchange.route?.kind === 'host' && edit === undefined;
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
    const moved = this.#exchange.route?.kind === 'host' ? headers : belowPrefix(headers, this.#exchange);
    return this.#edit === undefined ? moved : this.#edit.apply(moved);
  }
}

/** The same headers where none of them is about paths, which is nearly always. */
function belowPrefix(headers: RawHeaders, exchange: Exchange): RawHeaders {
  let moved: string[] | undefined;
  let place: Place | undefined;
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const kind = kindOf(headers[i] ?? '');
    if (kind === undefined) continue;
    moved ??= [...headers];
    place ??= placeOf(exchange);
    const value = headers[i + 1] ?? '';
    if (kind === 'scope') moved.splice(i, 2);
    else moved[i + 1] = kind === 'cookie' ? cookieBelow(value, place) : referenceBelow(value, place);
  }
  return moved ?? headers;
}

/** The length tells nearly every other field apart without a look at its characters. */
function kindOf(name: string): 'reference' | 'cookie' | 'scope' | undefined {
  switch (name.length) {
    case 8:
      return name.toLowerCase() === 'location' ? 'reference' : undefined;
    case 10:
      return name.toLowerCase() === 'set-cookie' ? 'cookie' : undefined;
    case 16:
      return name.toLowerCase() === 'content-location' ? 'reference' : undefined;
    case 22:
      // A service worker of one app could otherwise take the requests of all.
      return name.toLowerCase() === 'service-worker-allowed' ? 'scope' : undefined;
    default:
      return undefined;
  }
}

function placeOf({ route, destination, authority = '', outerPrefix, req }: Exchange): Place {
  const prefix = route?.prefix ?? '';
  const query = req.target.indexOf('?');
  const path = query === -1 ? req.target : req.target.slice(0, query);
  return {
    prefix,
    root: `${outerPrefix}/peer/`,
    hosts: [destination?.host ?? '', authority],
    target: route?.target ?? '/',
    bare: !path.includes(`${prefix.slice(outerPrefix.length)}/`),
  };
}
