// Which hosts the gateway serves leases under (`gateway.allowed_hosts`). A page whose own name an attacker's DNS leads to the gateway
// (DNS rebinding) is of the gateway's origin to a browser: only the Host tells, and apps do not see it.
import type { Steps } from '../kernel/work/slices.ts';
import { compiledInSteps } from './compiled.ts';
import { type HostName, hostNameIn, isLiteralAddress, isLoopbackName } from './host-names.ts';
import type { Policy } from './policy.ts';

export interface AllowedHosts {
  /** By the operator, and so for every lease; else only for leases that are open to `anonymous`. */
  readonly configured: boolean;
  /** `authority`: the host that the client named; '' for none. */
  readonly allows: (authority: string, scheme: 'http' | 'https') => boolean;
  /** By an entry of the operator's list other than `*`. */
  readonly names: (authority: string, scheme: 'http' | 'https') => boolean;
}

export const allowedHosts: (policy: Policy) => AllowedHosts = compiledInSteps(function* (policy) {
  return policy.allowedHosts.length > 0 ? yield* configuredHosts(policy.allowedHosts) : usualHosts(policy);
});

/** What an attacker's DNS can't have: addresses, names of loopback, and names of the operator's own, with any port. */
function usualHosts({ publicHost, baseDomain }: Policy): AllowedHosts {
  const publicName = hostNameIn(publicHost)?.name;
  return {
    configured: false,
    names: () => false,
    allows: (authority) => {
      // A client of HTTP/1.0 that names no host means the address that it connected to (RFC 9112 §3.3).
      if (authority === '') return true;
      const host = hostNameIn(authority);
      if (host === undefined) return false;
      const { name } = host;
      if (isLiteralAddress(host) || isLoopbackName(host) || name === publicName) return true;
      return baseDomain !== '' && (name === baseDomain || name.endsWith(`.${baseDomain}`));
    },
  };
}

/** Ports by name; empty: any. */
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
    // A name is short, see hostNameIn(): as many looks as it has dots.
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
