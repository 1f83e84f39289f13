// Decides which lease a request names, by its host or path, and which requests name none.
import { GatewayError } from '../kernel/errors/gateway-error.ts';
import type { RawHeaders } from '../kernel/http/http.ts';
import { absoluteForm } from '../route/absolute-form.ts';
import { matchHost } from '../route/lease-host.ts';
import { matchPeerPath, type PeerRoute } from '../route/peer-path.ts';
import { resolveClient } from './client/resolve-client.ts';
import type { Exchange } from './stage.ts';

/** `options`: the request is about the gateway as a whole (RFC 9110 §9.3.7). */
export type RouteVerdict = PeerRoute | GatewayError | 'options';

/**
 * Whether every path belongs to an app, because the request was sent to a host below
 * `gateway.base_domain`. Settles the client.
 */
export function isForApp(exchange: Exchange): boolean {
  const { baseDomain } = exchange.policy;
  if (baseDomain === '') return false;
  resolveClient(exchange);
  return matchHost(exchange.authority ?? '', baseDomain).kind !== 'gateway';
}

/** The lease that a request names, also for requests rejected before their route is matched. */
export function namedLease(exchange: Exchange): string | undefined {
  if (exchange.route !== undefined) return exchange.route.lease;
  resolveClient(exchange);
  const verdict = routeOf(exchange);
  return verdict === 'options' || verdict instanceof GatewayError ? undefined : verdict.lease;
}

/** The client must be settled. */
export function routeOf(exchange: Exchange): RouteVerdict {
  const { req, policy } = exchange;
  if (req.method === 'TRACE') return new GatewayError('not_implemented', 'The gateway does not forward TRACE.');
  const path = pathOf(req.method, req.target);
  if (path === undefined) return invalid('The request target is neither a path nor an http or https URL.');
  if (holdsNul(path)) return invalid('The path contains %00.');
  if (req.method === 'OPTIONS' && isLastHop(req.headers)) return 'options';
  const host = matchHost(exchange.authority ?? '', policy.baseDomain);
  switch (host.kind) {
    case 'lease':
      return { kind: 'host', lease: host.lease, prefix: exchange.outerPrefix, target: path, bare: false };
    case 'misdirected':
      return new GatewayError(
        'misdirected_request',
        'The host is below the base domain, but cannot be the host of a lease.',
      );
    case 'gateway':
      return path === '*' ? 'options' : byPath(exchange, path);
  }
}

function byPath({ req, outerPrefix }: Exchange, path: string): RouteVerdict {
  const found = matchPeerPath(path, outerPrefix);
  switch (found.kind) {
    case 'peer':
      return found.route.kind === 'ws' ? (aliasFault(req) ?? found.route) : found.route;
    case 'malformed':
      return invalid(found.reason);
    case 'other':
      return new GatewayError('not_found', 'Nothing is served at this path; leases are at /peer/<lease>/.');
  }
}

/** The alias is for upgrades only. */
function aliasFault({ method, upgrade }: Exchange['req']): GatewayError | undefined {
  if (upgrade) return undefined;
  if (method === 'GET')
    return invalid(
      'This path accepts only a WebSocket or another upgrade; a proxy in front must forward `Upgrade` and `Connection`.',
    );
  return new GatewayError('method_not_allowed', 'Only GET is allowed, for an upgrade.', { headers: ['Allow', 'GET'] });
}

/** Path and query, or `*`. */
function pathOf(method: string, target: string): string | undefined {
  if (target.startsWith('/')) return target;
  if (target === '*') return method === 'OPTIONS' ? target : undefined;
  return absoluteForm(method, target)?.target;
}

/** RFC 9110 §7.6.2: the receiver responds itself, whatever the target is. */
function isLastHop(headers: RawHeaders): boolean {
  return headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'max-forwards' && headers[i + 1] === '0');
}

/**
 * %00 ends the path for some servers and not for others, so two servers would see different paths.
 */
function holdsNul(path: string): boolean {
  const at = path.indexOf('%00');
  if (at === -1) return false;
  const query = path.indexOf('?');
  return query === -1 || at < query;
}

function invalid(detail: string): GatewayError {
  return new GatewayError('invalid_request', detail);
}
