// Decides whether the page of another origin may use a credential that the browser adds by itself
// at the host of a lease: where `cors` allows its origin to use credentials.
import { isCrossSiteUse } from '../../guard/cross-site.ts';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { onlyValue } from '../../kernel/http/field-value.ts';
import { clientOrigin } from '../client/client-origin.ts';
import type { Destination, Exchange } from '../stage.ts';
import { mayAllowCredentials, rulesOfLease } from './lease-cors.ts';

/**
 * Before the lease is known, so before a key is verified: undefined also where the rules of another
 * lease allow the origin. `authorise` decides then.
 */
export function presumedCrossSiteFault(exchange: Exchange): GatewayError | undefined {
  if (!isCrossSite(exchange)) return undefined;
  return mayAllowCredentials(exchange.policy, originOf(exchange)) ? undefined : fault();
}

/** By the rules of the lease. Undefined when the request has no such credential. */
export function crossSiteFault(exchange: Exchange, { lease: { id, name } }: Destination): GatewayError | undefined {
  if (!exchange.usesBasic && !exchange.usesSession) return undefined;
  if (!isCrossSite(exchange)) return undefined;
  const isAllowed = rulesOfLease(exchange.policy, id, name)?.allowsCredentials(originOf(exchange)) === true;
  return isAllowed ? undefined : fault();
}

function isCrossSite(exchange: Exchange): boolean {
  const { method, headers, upgrade } = exchange.req;
  const { authority, scheme = 'http' } = clientOrigin(exchange);
  return exchange.route?.kind === 'host' && isCrossSiteUse({ method, headers, upgrade, authority, scheme });
}

function originOf({ req }: Exchange): string | undefined {
  return onlyValue(req.headers, 'origin');
}

function fault(): GatewayError {
  return new GatewayError(
    'access_denied',
    'A page of another origin may not use the password or session that this browser stores, except in a link. Send the key as `X-Gateway-Key`, or allow the origin with `cors.credentials`.',
  );
}
