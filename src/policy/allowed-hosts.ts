// The hosts under which the gateway serves leases (`gateway.allowed_hosts`). With DNS rebinding, an
// attacker's name resolves to the gateway, and the browser treats the attacker's page as
// same-origin. Only the Host reveals this, and apps do not see it.
import type { Steps } from '../kernel/work/slices.ts';
import { compiledInSteps } from './compiled.ts';
import { type HostName, hostNameIn, isLiteralAddress, isLoopbackName } from './host-names.ts';
import type { Policy } from './policy.ts';

export interface AllowedHosts {
  /**
   * True if set by the operator, and then for every lease; otherwise only for leases that are open
   * to `anonymous`.
   */
  readonly configured: boolean;
  /** `authority`: the host that the client sent; '' if none. */
  readonly allows: (authority: string, scheme: 'http' | 'https') => boolean;
  /** Whether an entry of the operator's list other than `*` matches. */
  readonly names: (authority: string, scheme: 'http' | 'https') => boolean;
}

export const allowedHosts: (policy: Policy) => AllowedHosts = compiledInSteps(function* (policy) {
  return policy.allowedHosts.length > 0 ? yield* configuredHosts(policy.allowedHosts) : usualHosts(policy);
});

/**
 * Hosts that an attacker's DNS cannot impersonate: addresses, loopback names and the operator's own
 * names, with any port.
 */
function usualHosts({ publicHost, baseDomain }: Policy): AllowedHosts {
  const publicName = hostNameIn(publicHost)?.name;
  return {
    configured: false,
    names: () => false,
    allows: (authority) => {
      // An HTTP/1.0 client that sends no host means the address that it connected to
      // (RFC 9112 §3.3).
      if (authority === '') return true;
      const host = hostNameIn(authority);
      if (host === undefined) return false;
      const { name } = host;
      if (isLiteralAddress(host) || isLoopbackName(host) || name === publicName) return true;
      return baseDomain !== '' && (name === baseDomain || name.endsWith(`.${baseDomain}`));
    },
  };
}

/** Allowed ports of a name; empty: any. */
type Ports = ReadonlySet<string>;

function* configuredHosts(patterns: readonly string[]): Steps<AllowedHosts> {
  const exact = new Map<string, Set<string>>();
  const below = new Map<string, Set<string>>();
  const anyOf = new Set<Ports>();
  for (const pattern of patterns) {
    yield;
    const isBelow = pattern.startsWith('*.');
    const host = hostNameIn(isBelow ? pattern.slice(2) : pattern);
    if (host === undefined || pattern === '*') continue;
    const into = isBelow ? below : exact;
    const ports = into.get(host.name) ?? new Set();
    into.set(host.name, ports.add(host.port));
    if (host.port === '') anyOf.add(ports);
  }
  const fits = (ports: Ports | undefined, port: string): boolean =>
    ports !== undefined && (anyOf.has(ports) || ports.has(port));
  const allowsAny = patterns.includes('*');

  function allowsHost({ name, port }: HostName, scheme: 'http' | 'https'): boolean {
    const actual = port === '' ? (scheme === 'https' ? '443' : '80') : port;
    if (fits(exact.get(name), actual)) return true;
    if (below.size === 0) return false;
    // Names are short (see hostNameIn()), and there is one lookup per dot.
    for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
      if (fits(below.get(name.slice(dot + 1)), actual)) return true;
    }
    return false;
  }

  function names(authority: string, scheme: 'http' | 'https'): boolean {
    const host = hostNameIn(authority);
    return host !== undefined && allowsHost(host, scheme);
  }

  return {
    configured: true,
    allows: (authority, scheme) => allowsAny || names(authority, scheme),
    names,
  };
}
