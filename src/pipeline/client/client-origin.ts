// The origin under which the client of a request in path mode reaches the gateway.
import { type ClientOrigin, isOneOf } from '../../kernel/references/own-reference.ts';
import type { Exchange } from '../stage.ts';

/**
 * The host from the client's request. For the host of `gateway.public_url` its scheme is used,
 * because a proxy that terminates TLS may not send one.
 */
export function clientOrigin({ policy, scheme, authority = '' }: Exchange): ClientOrigin {
  const isPublic = isOneOf([policy.publicHost], authority);
  return { scheme: isPublic && policy.publicOrigin.startsWith('https:') ? 'https' : scheme, authority };
}
