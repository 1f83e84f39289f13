// Decides which Origin values are replaced by the app's origin where the gateway replaces Host, for
// apps that compare the two to detect cross-site requests. Only origins that the operator has
// configured: under any other name, the page may be an attacker's (DNS rebinding).
import { fieldValue } from '../../kernel/http/field-value.ts';
import { type NamedOrigin, namedOrigin } from '../../kernel/references/origin-field.ts';
import { allowedHosts } from '../../policy/allowed-hosts.ts';
import { hostNameIn } from '../../policy/host-names.ts';
import { isHostReplaced } from './replaced-host.ts';
import type { Exchange } from '../stage.ts';

/** The client's Origin if it is to be replaced. */
export function replacedOrigin(exchange: Exchange): string | undefined {
  const value = fieldValue(exchange.req.headers, 'origin');
  const origin = value === undefined ? undefined : namedOrigin(value);
  return origin !== undefined && isOriginReplaced(origin, exchange) ? value : undefined;
}

export function isOriginReplaced(origin: NamedOrigin, exchange: Exchange): boolean {
  return isHostReplaced(exchange) && isOwn(origin, exchange);
}

/** Whether the page has the origin under which the client calls the app. */
function isOwn(origin: NamedOrigin, { policy, route, authority = '', scheme }: Exchange): boolean {
  const { publicOrigin } = policy;
  // In host mode the public origin belongs to the gateway or another app.
  const isPublic = publicOrigin !== '' && `${origin.scheme}://${origin.authority}`.toLowerCase() === publicOrigin;
  if (isPublic && route?.kind !== 'host') return true;
  // A page loaded without encryption may be forged. A proxy that terminates TLS may not report the
  // scheme.
  if (origin.scheme !== scheme && origin.scheme !== 'https') return false;
  if (!isSameHost(origin, authority)) return false;
  // In host mode the host is below gateway.base_domain.
  return route?.kind === 'host' || allowedHosts(policy).names(authority, scheme);
}

function isSameHost({ scheme, authority: of }: NamedOrigin, authority: string): boolean {
  const one = hostNameIn(of);
  const other = hostNameIn(authority);
  if (one === undefined || one.name !== other?.name) return false;
  const usual = scheme === 'https' ? '443' : '80';
  return (one.port || usual) === (other.port || usual);
}
