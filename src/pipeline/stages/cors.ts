// Responds to CORS preflights before authentication, because they carry no credential, and adds
// CORS headers to the responses of apps. The server adds them to gateway errors (lease-cors.ts).
// For a lease without CORS, OPTIONS is a normal request and the app's own headers pass.
import { aclOf } from '../../guard/acl.ts';
import type { CorsRules } from '../../guard/cors.ts';
import { type AskedPreflight, preflightOf, showsCredential, withoutCors } from '../../guard/preflight.ts';
import { anonymous } from '../../guard/principal.ts';
import { onlyValue } from '../../kernel/http/field-value.ts';
import type { Flow, RawHeaders, Sink } from '../../kernel/http/http.ts';
import { leasePins } from '../../policy/lease-pins.ts';
import { areRulesDecided, hidesLease, presumedRules, rulesOfLease, usesCors } from '../lease/lease-cors.ts';
import type { LeaseLookup } from '../lease/lease-lookup.ts';
import { sendNoContent } from '../no-content.ts';
import { PassingSink } from '../passing-sink.ts';
import { PreflightSink } from '../preflight-sink.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';

export function cors(lookup: LeaseLookup): Stage {
  return function corsStage(next): Dispatch {
    function respond(exchange: Exchange, sink: Sink, asked: AskedPreflight, rules: CorsRules | undefined): void {
      if (rules === undefined) next(exchange, sink);
      else sendNoContent(sink, rules.preflight(asked.origin, asked));
    }

    /** A preflight gets the rules of its lease, so it waits for the relays like a request. */
    function lookUp(exchange: Exchange, sink: Sink, asked: AskedPreflight, name: string): void {
      const { policy, req } = exchange;
      const presumed = presumedRules(policy, name, asked.origin);
      const always = (): boolean => true;

      function respondPresumed(): void {
        if (presumed === undefined || !showsCredential(req.headers)) respond(exchange, sink, asked, presumed);
        else next(exchange, hidden(exchange, sink, presumed.preflight(asked.origin, asked)));
      }

      lookup.find(exchange, sink, always, (result, waited) => {
        const found = result.kind === 'found' ? result.found : undefined;
        const names = found === undefined ? undefined : leasePins(policy).namesOf(found.lease.id, found.names);
        if (found === undefined || names === undefined) {
          respondPresumed();
          return;
        }
        const { lease } = found;
        const isOpen = !policy.auth.enabled || aclOf(policy).decide({ id: lease.id, names }, anonymous).allowed;
        const rules = rulesOfLease(policy, lease.id, lease.name);
        lookup.evenOut(exchange, sink, isOpen || waited, () => {
          // A lease without rules looks like an unknown one, except to callers that may call it.
          if (rules !== undefined || isOpen) respond(exchange, sink, asked, rules);
          else respondPresumed();
        });
      });
    }

    return function applyCors(exchange, sink) {
      const { policy, route } = exchange;
      if (!usesCors(policy) || route === undefined) {
        next(exchange, sink);
        return;
      }
      const asked = preflightOf(exchange.req);
      if (asked === undefined) next(exchange, new CorsSink(sink, exchange));
      else if (areRulesDecided(policy, route.lease)) {
        respond(exchange, sink, asked, presumedRules(policy, route.lease, asked.origin));
      } else lookUp(exchange, sink, asked, route.lease);
    };
  };
}

/**
 * Callers that may not know whether the lease exists get the preflight response of a lease with
 * rules, the same for any credential.
 */
function hidden(exchange: Exchange, sink: Sink, presumed: RawHeaders): Sink {
  return new PreflightSink(sink, (error) =>
    error.code !== 'client_closed' && hidesLease(exchange, error) ? presumed : undefined,
  );
}

/** Replaces the CORS headers of the app: browsers reject a response with both. */
class CorsSink extends PassingSink {
  readonly #exchange: Exchange;

  constructor(sink: Sink, exchange: Exchange) {
    super(sink);
    this.#exchange = exchange;
  }

  override head(status: number, headers: RawHeaders, flow: Flow): void {
    const { destination, policy, req } = this.#exchange;
    const rules =
      destination === undefined ? undefined : rulesOfLease(policy, destination.lease.id, destination.lease.name);
    if (rules === undefined) this.sink.head(status, headers, flow);
    else {
      this.sink.head(status, withoutCors(headers).concat(rules.headersFor(onlyValue(req.headers, 'origin'))), flow);
    }
  }
}
