// Owns the reading of `<lease>.<base_domain>`: whether a host is below the base domain, and which lease it names. Knows no lease.
import { domainToUnicode } from 'node:url';
import { leaseIdIn } from '../kernel/lease-name.ts';
import { hostNameOf } from './authority.ts';

export type HostMatch =
  /** Name or id of a lease, decoded. */
  | { readonly kind: 'lease'; readonly lease: string }
  /** Below the base domain, where no lease can be. */
  | { readonly kind: 'misdirected' }
  /** The gateway's own: the base domain itself, or any other host. */
  | { readonly kind: 'gateway' };

const gateway: HostMatch = { kind: 'gateway' };
const misdirected: HostMatch = { kind: 'misdirected' };

/** One label, as certificates for `*.<base_domain>` cover. RFC 1035 §2.3.4; `_` as in many internal names. */
const label = /^[\w-]{1,63}$/;

/**
 * `authority`: of the request, with its port if it has one. `baseDomain`: lower case; empty: no host mode. A name that can be no
 * label (with a dot, a space) has none here: such a lease is reached by its id.
 */
export function matchHost(authority: string, baseDomain: string): HostMatch {
  if (baseDomain === '') return gateway;
  const host = withoutRootDot(hostNameOf(authority).toLowerCase());
  if (!host.endsWith(baseDomain) || host.length === baseDomain.length) return gateway;
  const dot = host.length - baseDomain.length - 1;
  if (host[dot] !== '.') return gateway;
  const name = host.slice(0, dot);
  if (!label.test(name)) return misdirected;
  return { kind: 'lease', lease: decoded(name) };
}

/** Hosts have no case and ids do: what looks like an id is one, in capitals. Names are found in any case. */
function decoded(name: string): string {
  const id = leaseIdIn(name);
  if (id !== undefined) return id;
  // What is no punycode comes back as it was.
  return name.startsWith('xn--') ? domainToUnicode(name) : name;
}

function withoutRootDot(host: string): string {
  return host.endsWith('.') ? host.slice(0, -1) : host;
}
