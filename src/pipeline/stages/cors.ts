// Responds to CORS preflights before authentication, because they carry no credential, and adds
// CORS headers to the responses of apps. The server adds them to gateway errors (lease-cors.ts).
// For a lease without CORS, OPTIONS is a normal request and the app's own headers pass.
import { aclOf } from '../../guard/acl.ts';
import type { CorsRules, Preflight } from '../../guard/cors.ts';
import { anonymous } from '../../guard/principal.ts';
import type { GatewayError } from '../../kernel/errors/gateway-error.ts';
import type { Flow, RawHeaders, Sink } from '../../kernel/http/http.ts';
import { leasePins } from '../../policy/lease-pins.ts';
import { areRulesDecided, hidesLease, onlyValue, presumedRules, rulesOfLease, usesCors } from '../lease/lease-cors.ts';
import type { LeaseLookup } from '../lease/lease-lookup.ts';
import { sendNoContent } from '../no-content.ts';
import { PassingSink } from '../passing-sink.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';
import { namedLease } from '../request-route.ts';

interface AskedPreflight extends Preflight {
  readonly origin: string;
}

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
        else next(exchange, new HiddenLeaseSink(sink, exchange, presumed.preflight(asked.origin, asked)));
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

    return function shareWithPages(exchange, sink) {
      const { policy, route } = exchange;
      if (!usesCors(policy) || route === undefined) {
        next(exchange, sink);
        return;
      }
      const asked = preflightOf(exchange);
      if (asked === undefined) next(exchange, new MarkingSink(sink, exchange));
      else if (areRulesDecided(policy, route.lease)) {
        respond(exchange, sink, asked, presumedRules(policy, route.lease, asked.origin));
      } else lookUp(exchange, sink, asked, route.lease);
    };
  };
}

/**
 * Responds to preflights from rejected addresses, if the configuration alone allows it: otherwise
 * browsers hide from the page why its requests are rejected. Comes before the stages that reject
 * addresses, and passes everything on.
 */
export function preflightsOfRefused(): Stage {
  return function preflightsStage(next): Dispatch {
    return function letPagesReadRefusals(exchange, sink) {
      const asked = usesCors(exchange.policy) ? preflightOf(exchange) : undefined;
      next(exchange, asked === undefined ? sink : new RefusedPreflightSink(sink, exchange, asked));
    };
  };
}

function preflightOf({ req: { method, headers } }: Exchange): AskedPreflight | undefined {
  if (method !== 'OPTIONS') return undefined;
  const origin = onlyValue(headers, 'origin');
  const asked = onlyValue(headers, 'access-control-request-method');
  if (origin === undefined || asked === undefined) return undefined;
  return { origin, method: asked, headers: onlyValue(headers, 'access-control-request-headers') ?? '' };
}

/** Preflights from browsers carry none (Fetch standard, CORS-preflight fetch). */
function showsCredential(headers: RawHeaders): boolean {
  return ['authorization', 'x-api-key', 'x-gateway-key'].some((name) => onlyValue(headers, name) !== undefined);
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

/**
 * Callers that may not know whether the lease exists get the preflight response of a lease with
 * rules, the same for any credential.
 */
class HiddenLeaseSink extends PassingSink {
  readonly #exchange: Exchange;
  readonly #presumed: RawHeaders;

  constructor(sink: Sink, exchange: Exchange, presumed: RawHeaders) {
    super(sink);
    this.#exchange = exchange;
    this.#presumed = presumed;
  }

  override fail(error: GatewayError): void {
    if (error.code !== 'client_closed' && hidesLease(this.#exchange, error)) sendNoContent(this.sink, this.#presumed);
    else super.fail(error);
  }
}

/** Replaces the CORS headers of the app: browsers reject a response with both. */
class MarkingSink extends PassingSink {
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
      const own = headers.some(isAppsCors) ? withoutCors(headers) : headers;
      this.sink.head(status, own.concat(rules.answer(onlyValue(req.headers, 'origin'))), flow);
    }
  }
}

/** Only the app knows which of its headers a page may read, and this header may occur twice. */
function isCors(name: string): boolean {
  const lower = name.toLowerCase();
  return lower.startsWith('access-control-') && lower !== 'access-control-expose-headers';
}

function isAppsCors(text: string, i: number): boolean {
  return i % 2 === 0 && isCors(text);
}

function withoutCors(headers: RawHeaders): RawHeaders {
  return headers.filter((_, i) => !isCors(headers[i - (i % 2)] ?? ''));
}
