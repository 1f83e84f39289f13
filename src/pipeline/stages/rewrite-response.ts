// Rewrites the headers of an app's responses for the client: applies the lease's header settings,
// and rewrites references to the app. Interim responses and trailers can contain references, too
// (RFC 8297).
import type { Flow, RawHeaders, Sink } from '../../kernel/http/http.ts';
import type { HeaderEdit } from '../../policy/lease-settings.ts';
import { PassingSink } from '../passing-sink.ts';
import { clientReferences, type HeaderMap } from '../references/client-references.ts';
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
    this.#map ??= clientReferences(this.#exchange);
    return this.#map.apply(headers);
  }
}
