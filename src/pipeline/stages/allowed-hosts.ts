// Rejects requests for hosts that the gateway does not serve, so that a page of another site cannot
// read an app through a visitor's browser (DNS rebinding). Decides by rules and names alone, never
// by whether a lease exists.
import { aclOf } from '../../guard/acl.ts';
import { anonymous } from '../../guard/principal.ts';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { maskKeys } from '../../kernel/mask-keys.ts';
import { printable } from '../../kernel/printable.ts';
import { allowedHosts } from '../../policy/allowed-hosts.ts';
import type { Destination, Dispatch, Exchange, Stage } from '../stage.ts';

/** Runs after the route is matched and before any response: decides by the requested name or id. */
export function checkHost(): Stage {
  return function hostStage(next): Dispatch {
    return function admitHost(exchange, sink) {
      if (isServed(exchange) || !(isForEveryLease(exchange) || isNameOpen(exchange))) next(exchange, sink);
      else sink.fail(misdirected(exchange));
    };
  };
}

/**
 * Runs after `authorise`: decides by the rules for the lease itself, which may be open under a name
 * other than the requested one. Only callers that may call the lease get here.
 */
export function checkLeaseHost(): Stage {
  return function leaseHostStage(next): Dispatch {
    return function admitLeaseHost(exchange, sink) {
      const { destination } = exchange;
      if (destination === undefined || isLeaseServed(exchange, destination)) next(exchange, sink);
      else sink.fail(misdirected(exchange));
    };
  };
}

/** Whether the gateway serves this lease under the host of the request. */
export function isLeaseServed(exchange: Exchange, destination: Destination): boolean {
  return isServed(exchange) || !isLeaseOpen(exchange, destination);
}

function isServed({ policy, authority = '', scheme }: Exchange): boolean {
  const hosts = allowedHosts(policy);
  if (!hosts.configured && !aclOf(policy).admitsAnonymous) return true;
  return hosts.allows(authority, scheme);
}

function isForEveryLease({ policy }: Exchange): boolean {
  return allowedHosts(policy).configured;
}

/** Open to callers without a credential, such as a page of another site in a browser. */
function isNameOpen({ policy, route }: Exchange): boolean {
  return aclOf(policy).wouldAllow(route?.lease ?? '', anonymous);
}

function isLeaseOpen({ policy }: Exchange, { lease, names }: Destination): boolean {
  return aclOf(policy).decide({ id: lease.id, names }, anonymous).allowed;
}

/** Includes the host, because a proxy may have sent another one than the client did. */
function misdirected({ authority = '' }: Exchange): GatewayError {
  const detail =
    authority === ''
      ? 'The gateway does not serve this lease without a `Host`.'
      : `The gateway does not serve this lease under the host ${JSON.stringify(printable(maskKeys(authority)))}. Its operator can list the host in \`gateway.allowed_hosts\`.`;
  return new GatewayError('misdirected_request', detail);
}
