// Responds to preflights from rejected addresses, if the configuration alone allows it: otherwise
// browsers hide from the page why its requests are rejected. Passes everything on.
import { type AskedPreflight, preflightOf } from '../../guard/preflight.ts';
import type { RawHeaders } from '../../kernel/http/http.ts';
import { presumedRules, usesCors } from '../lease/lease-cors.ts';
import { PreflightSink } from '../preflight-sink.ts';
import { namedLease } from '../request-route.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';

export function preflightsOfRefused(): Stage {
  return function preflightsStage(next): Dispatch {
    return function watchRejections(exchange, sink) {
      const asked = usesCors(exchange.policy) ? preflightOf(exchange.req) : undefined;
      next(exchange, asked === undefined ? sink : new PreflightSink(sink, () => presumed(exchange, asked)));
    };
  };
}

/** The response that the configuration alone allows. */
function presumed(exchange: Exchange, asked: AskedPreflight): RawHeaders | undefined {
  const { policy, route } = exchange;
  // With a route, the stages that reject addresses have already passed.
  const name = route === undefined ? namedLease(exchange) : undefined;
  const rules = name === undefined ? undefined : presumedRules(policy, name, asked.origin);
  return rules?.allows(asked.origin) === true ? rules.preflight(asked.origin, asked) : undefined;
}
