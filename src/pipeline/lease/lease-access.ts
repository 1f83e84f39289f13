// Decides whether the caller may call a lease, by its rules, the caller's scopes and the addresses
// that the lease allows, and which error it gets otherwise.
import { basicOff } from '../../auth/basic-use.ts';
import { insufficientScope, missingCredentials } from '../../auth/credential-errors.ts';
import { aclOf, type AclTarget } from '../../guard/acl.ts';
import { addressRulesSteps } from '../../guard/address-rules.ts';
import { anonymous } from '../../guard/principal.ts';
import { missingScope } from '../../guard/scopes.ts';
import { GatewayError, internalError } from '../../kernel/errors/gateway-error.ts';
import { leaseIdIn } from '../../kernel/lease-name.ts';
import { maskKeys } from '../../kernel/mask-keys.ts';
import type { Steps } from '../../kernel/work/slices.ts';
import { compiledInSteps } from '../../policy/compiled.ts';
import { leasePins } from '../../policy/lease-pins.ts';
import { LeasePatterns } from '../../policy/lease-patterns.ts';
import type { Destination, Exchange } from '../stage.ts';
import { acceptsBasic, basicUse } from './basic-place.ts';
import { presumedPlace } from './credential-place.ts';
import { crossSiteFault } from './cross-site-fault.ts';

interface Demands {
  readonly requiredScopes: readonly string[];
  readonly isAllowed: (ip: string) => boolean;
}

const demandsOf = compiledInSteps(({ leases }) =>
  LeasePatterns.inSteps(leases, function* ({ requiredScopes, ipRules }): Steps<Demands> {
    yield;
    return { requiredScopes, isAllowed: yield* addressRulesSteps(ipRules) };
  }),
);

/**
 * Whether the caller may make this request to this lease, by its rules and by the place and the
 * origin of its credential.
 */
export function mayCall(exchange: Exchange, destination: Destination): boolean {
  return accessFault(exchange, destination) === undefined && credentialFault(exchange, destination) === undefined;
}

/**
 * Why the lease does not accept the credential as it was sent. Only for callers that may call the
 * lease.
 */
export function credentialFault(exchange: Exchange, destination: Destination): GatewayError | undefined {
  if (!isMisplaced(exchange, destination)) return crossSiteFault(exchange, destination);
  const place = destination.settings?.credentials ?? 'gateway';
  return missingCredentials({ upgrade: exchange.req.upgrade, place, basic: basicOff });
}

/** Why the caller may not make this request to this lease. Undefined when it may. */
export function accessFault(
  exchange: Exchange,
  { lease: { id }, names, claims }: Destination,
): GatewayError | undefined {
  const fault = targetFault(exchange, { id, names });
  // A lease that lost its name to another one is still subject to the rules for that name.
  return fault !== undefined || claims === names ? fault : targetFault(exchange, { id, names: claims });
}

/** The lease as far as the configuration knows it: decides about leases that no relay lists. */
function presumedTarget({ policy, route }: Exchange): AclTarget {
  const name = route?.lease ?? '';
  const pins = leasePins(policy);
  const id = leaseIdIn(name);
  if (id !== undefined) return { id, names: pins.namesOf(id, []) ?? [] };
  return { id: pins.idOf(name) ?? '', names: [name] };
}

/** Why the caller may not learn that the lease does not exist. Undefined when it may. */
export function missFault(exchange: Exchange): GatewayError | undefined {
  const { principal, policy } = exchange;
  const target = presumedTarget(exchange);
  const fault = targetFault(exchange, target);
  if (fault !== undefined || principal === undefined || target.id === '' || target.names.length > 0) return fault;
  return aclOf(policy).mayMissId(target.id, principal) ? undefined : refusal(exchange);
}

/** The same for the lease as `target` describes it. */
function targetFault(exchange: Exchange, target: AclTarget): GatewayError | undefined {
  const { principal, policy, req, clientIp } = exchange;
  if (principal === undefined) {
    return internalError(new Error('the request reached authorisation without a caller'));
  }
  if (!aclOf(policy).decide(target, principal).allowed) return refusal(exchange);
  const demands = demandsOf(policy).all(target.id, target.names);
  if (!demands.every(({ isAllowed }) => isAllowed(clientIp))) {
    return new GatewayError('ip_denied', `The lease ${called(exchange)} may not be called from this address.`);
  }
  if (!policy.auth.enabled) return undefined;
  const required = demands.flatMap(({ requiredScopes }) => requiredScopes);
  const scope = missingScope(principal, req.method, req.upgrade, required);
  if (scope === undefined) return undefined;
  return insufficientScope(
    `The lease ${called(exchange)} needs the scope ${scope}, which the credential lacks: use one that has it.`,
    scope,
  );
}

/**
 * Whether the key was sent in a header that belongs to the app, or as a password that the lease
 * does not accept.
 */
function isMisplaced(
  { credentialField, usesBasic, policy }: Exchange,
  { lease: { id }, names, settings }: Destination,
): boolean {
  if (credentialField === undefined || credentialField === 'x-gateway-key') return false;
  if (settings?.credentials !== 'app' && (!usesBasic || acceptsBasic(policy, settings))) return false;
  return !aclOf(policy).decide({ id, names }, anonymous).allowed;
}

/** Anonymous callers are asked for a credential; others are denied. */
export function refusal(exchange: Exchange): GatewayError {
  if (exchange.principal?.kind === 'anonymous' && exchange.policy.auth.enabled) {
    const place = presumedPlace(exchange);
    return missingCredentials({ upgrade: exchange.req.upgrade, place, basic: basicUse(exchange, place) });
  }
  return new GatewayError(
    'access_denied',
    `No rule allows this caller to call the lease ${called(exchange)}: check its spelling, or ask the operator for a rule.`,
  );
}

/** The lease as the caller named it, with keys masked. */
function called({ route }: Exchange): string {
  return JSON.stringify(maskKeys(route?.lease ?? ''));
}
