// The last stage: builds the request to the app and signs the assertion about the caller. upstream/
// delivers it.
import type { AssertionSigner } from '../../auth/assertion-signer.ts';
import { internalError } from '../../kernel/errors/gateway-error.ts';
import { endToEnd } from '../../upstream/request-headers.ts';
import type { UpstreamRequest } from '../../upstream/upstream-request.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { appTarget } from '../references/kept-prefix.ts';
import { withAppReferences } from '../references/app-references.ts';
import { addForwarded } from '../client/forwarded-fields.ts';
import type { LeaseLookup } from '../lease/lease-lookup.ts';
import { findMovedLease } from '../lease/moved-lease.ts';
import { rightsOf } from '../sender-rights.ts';
import type { Destination, Dispatch, Exchange } from '../stage.ts';

type Route = NonNullable<Exchange['route']>;

export function forward(upstream: Upstream, lookup: LeaseLookup, signer: AssertionSigner | undefined): Dispatch {
  const leaseGone = (leaseId: string): void => {
    lookup.directory.forget(leaseId);
  };

  function requestTo(exchange: Exchange, route: Route, destination: Destination): UpstreamRequest {
    const { req } = exchange;
    const passed = endToEnd(req, exchange.strippedHeaders, rightsOf(exchange));
    // Headers listed in Connection are already removed; ours are added afterwards, so that no
    // client can have them removed.
    const headers = withAppReferences(passed.headers, exchange);
    headers.push(...exchange.appHeaders);
    headers.push('Host', destination.host, 'Via', via[exchange.httpVersion], 'X-Request-ID', exchange.id);
    addForwarded(headers, exchange);
    const edit = destination.settings?.request;
    const edited = edit === undefined ? headers : edit.apply(headers);
    const assertion = assertionFor(exchange, signer);
    // After the operator's header changes, which therefore cannot replace it.
    if (assertion !== undefined) edited.push('X-Gateway-Assertion', assertion);
    return {
      method: req.method,
      target: appTarget(route, destination),
      headers: edited,
      offeredProtocols: passed.offeredProtocols,
      dropped: passed.dropped,
      body: exchange.body,
      lease: destination.lease,
      transports: destination.transports,
      timeouts: destination.timeouts,
      cancellation: exchange.cancellation,
      attempt: exchange.outcome,
      leaseGone,
      elsewhere: async () => {
        const moved = await findMovedLease(exchange, lookup);
        if (moved === undefined) return undefined;
        exchange.destination = moved;
        return requestTo(exchange, route, moved);
      },
    };
  }

  return function forwardToApp(exchange, sink) {
    const { route, destination } = exchange;
    if (route === undefined || destination === undefined) {
      sink.fail(internalError(new Error('the request reached the end of the pipeline without a lease')));
    } else upstream.send(requestTo(exchange, route, destination), sink);
  };
}

function assertionFor(exchange: Exchange, signer: AssertionSigner | undefined): string | undefined {
  const { policy, principal, destination, req, route } = exchange;
  if (policy.assertion === undefined || principal === undefined || destination === undefined) return undefined;
  const about = { issuer: policy.assertion.issuer, leaseId: destination.lease.id, principal };
  if (destination.settings?.bindsRequest !== true || route === undefined) return signer?.forLease(about);
  return signer?.forRequest(about, { method: req.method, target: appTarget(route, destination) });
}

/** RFC 9110 §7.6.3: the HTTP version of the received request. */
const via: Readonly<Record<Exchange['httpVersion'], string>> = {
  '1.0': '1.0 portal-gateway',
  '1.1': '1.1 portal-gateway',
  '2': '2 portal-gateway',
};
