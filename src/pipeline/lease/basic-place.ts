// Decides whether and how a request may use Basic authentication. Browsers store such a password
// and add it to every request to the origin, so a page may only cause requests to its own app.
import { basicOff, type BasicUse } from '../../auth/basic-use.ts';
import { isFromBrowser } from '../../guard/browser-request.ts';
import { prefersHtml } from '../../kernel/errors/problem-format.ts';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { entriesOf } from '../../kernel/work/large-records.ts';
import { leaseIdIn } from '../../kernel/lease-name.ts';
import type { Steps } from '../../kernel/work/slices.ts';
import { compiledInSteps } from '../../policy/compiled.ts';
import { leaseSettings, type LeaseSettings } from '../../policy/lease-settings.ts';
import type { LeasePolicy, Policy } from '../../policy/policy.ts';
import type { Exchange } from '../stage.ts';
import { presumedCrossSiteFault } from './cross-site-fault.ts';
import { presumedIdentity } from './presumed-identity.ts';

interface Usage {
  /** Whether a lease that is requested by name, or by id, may accept Basic under the other one. */
  byId: boolean;
  byName: boolean;
  /** A lease sets `basic` itself. */
  own: boolean;
}

const usage = compiledInSteps(function* ({ leases }): Steps<Readonly<Usage>> {
  const found: Usage = { byId: false, byName: false, own: false };
  for (const [pattern, { basic }] of entriesOf(leases)) {
    if (basic !== undefined) found.own = true;
    if (basic === true) {
      if (leaseIdIn(pattern) === undefined) found.byName = true;
      else found.byId = true;
    }
    yield;
  }
  return found;
});

/** `place`: where the lease reads credentials. Decides by the configuration alone. */
export function basicUse(exchange: Exchange, place: LeasePolicy['credentials']): BasicUse {
  if (place === 'app' || !mayAccept(exchange)) return basicOff;
  return exchange.route?.kind === 'host' ? atOwnHost(exchange) : atSharedOrigin(exchange);
}

export function acceptsBasic({ auth }: Policy, settings: LeaseSettings | undefined): boolean {
  return settings?.basic ?? auth.basic;
}

/** Where the configuration alone does not decide, `authorise` does once the lease is known. */
function mayAccept({ policy, route }: Exchange): boolean {
  const { byId, byName, own } = usage(policy);
  if (!own || route === undefined) return policy.auth.basic;
  const { id, name } = presumedIdentity(policy, route.lease);
  if ((id === undefined && byId) || (name === undefined && byName)) return true;
  return acceptsBasic(policy, leaseSettings(policy).find(id ?? '', name ?? ''));
}

function atOwnHost(exchange: Exchange): BasicUse {
  return {
    accepted: true,
    challenge: isForRegistry(exchange) ? 'alone' : 'beside Bearer',
    refusal: () => presumedCrossSiteFault(exchange),
  };
}

/**
 * Clients of container registries ask the `realm` of a Bearer challenge for a token
 * (https://distribution.github.io/distribution/spec/auth/token/), and use no other challenge then.
 */
function isForRegistry({ route }: Exchange): boolean {
  return registryPath.test(route?.target ?? '');
}

/** The paths of https://github.com/opencontainers/distribution-spec/blob/main/spec.md#endpoints. */
const registryPath = /^\/v2\/(?:[?]|$|[^?]*\/(?:manifests|blobs|tags|referrers)\/)/;

/**
 * All leases below /peer/ share the origin of the gateway: a page of any of them could read and
 * change every other one. So there, Basic is for programs, and browsers are not asked for it.
 */
function atSharedOrigin({ req: { headers } }: Exchange): BasicUse {
  const isBrowser = isFromBrowser(headers);
  return {
    accepted: true,
    challenge: isBrowser || prefersHtml(headers) ? 'none' : 'beside Bearer',
    refusal: () =>
      isBrowser
        ? new GatewayError(
            'access_denied',
            'Browsers may use Basic only at the host of a lease (`gateway.base_domain`), because all paths share one origin. Send the key as `X-Gateway-Key`.',
          )
        : undefined,
  };
}
