// Owns the last step: what the app is sent, and by whose leave it knows who asked. How it gets there is upstream/'s.
import { GatewayError } from '../../kernel/errors.ts';
import type { LeaseDirectory } from '../../route/lease-directory.ts';
import { endToEnd } from '../../upstream/request-headers.ts';
import type { Lease, Transport } from '../../upstream/transport.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { addForwarded } from '../forwarded-fields.ts';
import type { Dispatch, Exchange } from '../stage.ts';

export function forward(upstream: Upstream, directory: LeaseDirectory<Lease, Transport>): Dispatch {
  const leaseGone = (leaseId: string): void => {
    directory.forget(leaseId);
  };

  return function forwardToApp(exchange, sink) {
    const { req, route, destination } = exchange;
    if (route === undefined || destination === undefined) {
      sink.fail(new GatewayError('internal_error', 'The request reached the end of the pipeline without a lease.'));
      return;
    }
    const passed = endToEnd(req, exchange.withheld);
    // What Connection names went first; ours are added after, so that no client can have them removed.
    const { headers } = passed;
    headers.push(...exchange.appHeaders);
    headers.push('Host', destination.host, 'Via', via[exchange.httpVersion], 'X-Request-ID', exchange.id);
    addForwarded(headers, exchange);
    const edit = destination.settings?.request;

    upstream.send(
      {
        method: req.method,
        target: route.target,
        headers: edit === undefined ? headers : edit.apply(headers),
        carriage: passed.carriage,
        dropped: passed.dropped,
        body: exchange.body,
        lease: destination.lease,
        transports: destination.transports,
        timeouts: destination.timeouts,
        cancellation: exchange.cancellation,
        carried: exchange.passage,
        leaseGone,
      },
      sink,
    );
  };
}

/** RFC 9110 §7.6.3: the version in which we received it. */
const via: Readonly<Record<Exchange['httpVersion'], string>> = {
  '1.0': '1.0 portal-gateway',
  '1.1': '1.1 portal-gateway',
  '2': '2 portal-gateway',
};
