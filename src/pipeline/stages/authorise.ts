// Owns the turning of verdicts on who may call what into answers: lease rules, scopes, addresses of a lease. The verdicts are
// guard/'s.
import { aclOf } from '../../guard/acl.ts';
import { missingScope } from '../../guard/scopes.ts';
import { GatewayError } from '../../kernel/errors.ts';
import { maskKeys } from '../../kernel/mask-keys.ts';
import { compiled } from '../../policy/compiled.ts';
import { LeasePatterns } from '../../policy/lease-patterns.ts';
import { addressRules } from '../../guard/address-rules.ts';
import type { Dispatch, Exchange, Stage } from '../stage.ts';
import { missing } from './authenticate.ts';

const demandsOf = compiled(
  ({ leases }) =>
    new LeasePatterns(
      Object.entries(leases).map(([pattern, { requiredScopes, ipRules }]) => {
        return [pattern, { requiredScopes, isAllowed: addressRules(ipRules) }] as const;
      }),
    ),
);

export function authorise(): Stage {
  return function authoriseStage(next): Dispatch {
    return function checkAccess(exchange, sink) {
      const fault = faultOf(exchange);
      if (fault === undefined) next(exchange, sink);
      else sink.fail(fault);
    };
  };
}

function faultOf(exchange: Exchange): GatewayError | undefined {
  const { destination, principal, policy, req, clientIp } = exchange;
  if (destination === undefined || principal === undefined) {
    return new GatewayError('internal_error', 'The request came to be authorised without a lease or a caller.');
  }
  const { lease, names } = destination;
  if (!aclOf(policy).decide({ id: lease.id, names }, principal).allowed) return refusal(exchange);
  const demands = demandsOf(policy).all(lease.id, names);
  if (!demands.every(({ isAllowed }) => isAllowed(clientIp))) {
    return new GatewayError('ip_denied', `The lease ${called(exchange)} may not be called from this address.`);
  }
  if (!policy.auth.enabled) return undefined;
  const required = demands.flatMap(({ requiredScopes }) => requiredScopes);
  const scope = missingScope(principal, req.method, req.upgrade, required);
  if (scope === undefined) return undefined;
  return new GatewayError(
    'insufficient_scope',
    `The lease ${called(exchange)} needs the scope ${scope}, which the credential lacks.`,
    {
      headers: ['WWW-Authenticate', `Bearer realm="portal-gateway", error="insufficient_scope", scope="${scope}"`],
    },
  );
}

/** Who showed no credential is asked for one; who did may not. */
export function refusal(exchange: Exchange): GatewayError {
  if (exchange.principal?.kind === 'anonymous' && exchange.policy.auth.enabled) {
    return missing(exchange.destination?.settings?.credentials);
  }
  return new GatewayError('access_denied', `No rule lets this caller call the lease ${called(exchange)}.`);
}

/** As the caller called it. */
function called({ route }: Exchange): string {
  return JSON.stringify(maskKeys(route?.lease ?? ''));
}
