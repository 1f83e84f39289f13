// Responds to preflights from rejected addresses, if the configuration alone allows it: otherwise
// browsers hide from the page why its requests are rejected. Passes everything on.
import { type AskedPreflight, preflightOf } from '../../guard/preflight.ts';
import type { GatewayError } from '../../kernel/errors/gateway-error.ts';
import type { Sink } from '../../kernel/http/http.ts';
import { presumedRules, usesCors } from '../lease/lease-cors.ts';
import { sendNoContent } from '../no-content.ts';
import { PassingSink } from '../passing-sink.ts';
import { namedLease } from '../request-route.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';

export function preflightsOfRefused(): Stage {
  return function preflightsStage(next): Dispatch {
    return function watchRejections(exchange, sink) {
      const asked = usesCors(exchange.policy) ? preflightOf(exchange.req) : undefined;
      next(exchange, asked === undefined ? sink : new RefusedPreflightSink(sink, exchange, asked));
    };
  };
}

class RefusedPreflightSink extends PassingSink {
  readonly #exchange: Exchange;
  readonly #asked: AskedPreflight;

  constructor(sink: Sink, exchange: Exchange, asked: AskedPreflight) {
    super(sink);
    this.#exchange = exchange;
    this.#asked = asked;
  }

  override fail(error: GatewayError): void {
    const { policy, route } = this.#exchange;
    // With a route, the stages that reject addresses have already passed.
    const name = route === undefined ? namedLease(this.#exchange) : undefined;
    const rules = name === undefined ? undefined : presumedRules(policy, name, this.#asked.origin);
    if (rules?.allows(this.#asked.origin) === true) {
      sendNoContent(this.sink, rules.preflight(this.#asked.origin, this.#asked));
    } else super.fail(error);
  }
}
