// Resolves the lease that a request names to the lease to dial. The directory decides; this stage
// turns its verdicts into errors.
import { aclOf } from '../../guard/acl.ts';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import type { Sink } from '../../kernel/http/http.ts';
import { ignore } from '../../kernel/ignore.ts';
import { destinationOf, rightfulNames } from '../lease/destination.ts';
import { missFault, refusal } from '../lease/lease-access.ts';
import type { LeaseLookup, LookupResult } from '../lease/lease-lookup.ts';
import type { NearLeases } from '../lease/near-leases.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';

/** No relay is connected. */
export interface Outage {
  readonly forMs: number;
  /** Until the next attempt to connect; 0 while one is under way. */
  readonly retryInMs: number;
}

export interface ResolveParts {
  readonly lookup: LeaseLookup;
  readonly near: NearLeases;
  /** Default: not known. */
  readonly outage?: (() => Outage | undefined) | undefined;
}

export function resolveLease({ lookup, near, outage = ignore }: ResolveParts): Stage {
  return function resolveLeaseStage(next): Dispatch {
    function proceed(exchange: Exchange, sink: Sink, result: LookupResult, waited: boolean): void {
      if (result.kind === 'found') {
        const destination = destinationOf(exchange, result.found, waited);
        if (destination !== undefined) {
          exchange.destination = destination;
          next(exchange, sink);
          return;
        }
      }
      // A caller that may not call the lease gets the same error, after the same time, whether it
      // exists or not.
      const fault = missFault(exchange) ?? errorOf(exchange, result, { lookup, outage });
      if (result.kind === 'unknown') near.report(exchange);
      // Only a lease that was found at once responds faster than an unknown one.
      lookup.evenOut(exchange, sink, waited || result.kind !== 'found', () => {
        sink.fail(fault);
      });
    }

    return function resolve(exchange, sink) {
      const { principal, policy, route } = exchange;
      const name = route?.lease ?? '';
      // By the rules alone: such a caller costs the relays nothing, and learns nothing from the
      // response time.
      if (principal !== undefined && !aclOf(policy).couldAllow(name, principal)) {
        near.report(exchange);
        sink.fail(refusal(exchange));
        return;
      }
      const isHidden = (): boolean => missFault(exchange) !== undefined;
      lookup.find(exchange, sink, isHidden, (result, waited) => {
        proceed(exchange, sink, result, waited);
      });
    };
  };
}

/** For callers that may know whether the lease exists. */
function errorOf(
  exchange: Exchange,
  result: LookupResult,
  { lookup: { directory }, outage }: { readonly lookup: LeaseLookup; readonly outage: () => Outage | undefined },
): GatewayError {
  switch (result.kind) {
    case 'found':
      return rightfulNames(exchange, result.found) === undefined
        ? pinnedElsewhere()
        : new GatewayError(
            'lease_unreachable',
            'This lease does not offer HTTP/1.1. Publish the app with `portal-gateway expose`, or add `http/1.1` to the protocols of its lease.',
          );
    case 'unknown':
      return directory.known(exchange.route?.lease ?? '') === undefined
        ? new GatewayError(
            'lease_not_found',
            'No relay lists a lease with this name or id: check its spelling, and that its app is running.',
          )
        : pinnedElsewhere();
    case 'lost':
      // Not 404: retrying makes sense, and proxies cache a 404.
      return new GatewayError(
        'lease_unreachable',
        'The app behind this lease has just gone offline. Try again shortly.',
      );
    case 'ambiguous':
      return new GatewayError('lease_ambiguous', 'Several leases have this name; use the id of the one you mean.');
    case 'not_accepted':
      return new GatewayError(
        'lease_unreachable',
        'A relay lists this name with a lease id that is not accepted. If the app moved there, the operator accepts it with `portal-gateway leases accept`.',
      );
    case 'no_relay':
      return noRelay(outage());
  }
}

function pinnedElsewhere(): GatewayError {
  return new GatewayError(
    'lease_unreachable',
    'A relay resolves the name to another lease than the one it is pinned to. Start the app that has the pinned id, or correct `portal.lease_pins`.',
  );
}

/** For leases that were found: their lists outlive the connection to the relay. */
export function outageFault(outage: Outage | undefined): GatewayError | undefined {
  return outage === undefined ? undefined : noRelay(outage);
}

/** Exported for the example in docs/errors.md. */
export function noRelay(outage: Outage | undefined): GatewayError {
  // A relay client either reconnects within its first backoff steps, or not soon.
  const retryAfterSeconds = Math.max(1, Math.ceil((outage?.retryInMs ?? 0) / 1000));
  const since = outage === undefined ? '' : `, for ${Math.floor(outage.forMs / 1000)} s by now`;
  const next = outage?.retryInMs === 0 ? 'is trying to connect now' : `tries again in ${retryAfterSeconds} s`;
  const detail = `The gateway is not connected to a relay${since}${outage === undefined ? '' : `; it ${next}`}.`;
  return new GatewayError('no_relay', detail, { retryAfterSeconds });
}
