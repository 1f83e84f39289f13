// Decides which tunnel a request may be sent on, and whether it may move to another one.
import type { HttpFault } from '../http-client/http-fault.ts';
import { isIdempotent } from '../kernel/http/http.ts';
import type { UpstreamRequest } from './upstream-request.ts';
import type { Freshness } from './waiter.ts';

/**
 * A request that cannot be repeated, because of its method or its body, gets a tunnel that is new
 * or was idle only briefly: its loss could not be repaired.
 */
export function freshnessFor({ method, body, offeredProtocols }: UpstreamRequest): Freshness {
  // An upgrade takes its tunnel out of HTTP.
  if (offeredProtocols !== '') return 'new';
  return body.lengthBytes === 'none' && isIdempotent(method) ? 'any' : 'recent';
}

/**
 * An app may close an idle tunnel at the moment it is reused, or send late bytes of its last
 * response on it. Neither is a response to this request, and HTTP clients repeat the request then
 * (RFC 9112 §9.3.1). It is repeated only if no byte of it was sent, or if it is idempotent and has
 * no body.
 */
export function mayRepeat(fault: HttpFault, method: string, hasBody: boolean): boolean {
  const { kind, moment } = fault;
  if (moment === 'unsent') return kind !== 'request_body';
  return fault.pending && !hasBody && isIdempotent(method);
}
