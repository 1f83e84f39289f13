// Owns the last step: what the app is sent, and by whose leave it knows who asked. How it gets there is upstream/'s.
import { GatewayError } from '../../kernel/errors.ts';
import type { LeaseDirectory } from '../../route/lease-directory.ts';
import { endToEnd } from '../../upstream/request-headers.ts';
import type { Lease, Transport } from '../../upstream/transport.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import type { Dispatch } from '../stage.ts';

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
    const clientHost = passed.host;
    // What Connection names went first; ours are added after, so that no client can have them removed.
    const { headers } = passed;
    headers.push(
      ...exchange.appHeaders,
      'Host',
      destination.host,
      'Via',
      '1.1 portal-gateway',
      'X-Request-ID',
      exchange.id,
    );
    headers.push('X-Forwarded-For', exchange.clientIp, 'X-Forwarded-Proto', exchange.scheme);
    if (clientHost !== '') headers.push('X-Forwarded-Host', clientHost);
    headers.push('X-Forwarded-Prefix', route.prefix);
    headers.push('Forwarded', forwarded(exchange.clientIp, clientHost, exchange.scheme));

    upstream.send(
      {
        method: req.method,
        target: route.target,
        headers,
        carriage: passed.carriage,
        body: exchange.body,
        lease: destination.lease,
        transports: destination.transports,
        timeouts: exchange.policy.timeouts,
        cancellation: exchange.cancellation,
        leaseGone,
      },
      sink,
    );
  };
}

/** RFC 7239 §4: an IPv6 address stands in brackets, and what is no token in quotes. */
function forwarded(clientIp: string, host: string, scheme: string): string {
  const node = clientIp.includes(':') ? `"[${clientIp}]"` : clientIp;
  if (host === '') return `for=${node};proto=${scheme}`;
  const quoted = host.includes('"') || host.includes('\\') ? host.replaceAll(/["\\]/g, '\\$&') : host;
  return `for=${node};host="${quoted}";proto=${scheme}`;
}
