// Parses hosts of the form `<lease>.<base_domain>`: whether a host is below the base domain, and
// which lease it names.
import { domainToUnicode } from 'node:url';
import { leaseIdIn } from '../kernel/lease-name.ts';
import { hostOf } from '../kernel/net/authority.ts';

export type HostMatch =
  /** Name or id of a lease, decoded. */
  | { readonly kind: 'lease'; readonly lease: string }
  /** Below the base domain, but not a valid lease host. */
  | { readonly kind: 'misdirected' }
  /** For the gateway itself: the base domain, or any host outside of it. */
  | { readonly kind: 'gateway' };

const gateway: HostMatch = { kind: 'gateway' };
const misdirected: HostMatch = { kind: 'misdirected' };

/**
 * One label, because certificates for `*.<base_domain>` cover only one. RFC 1035 §2.3.4; `_` occurs
 * in many internal names.
 */
const label = /^[\w-]{1,63}$/;

/**
 * `authority`: of the request, with or without a port. `baseDomain`: in lower case; empty disables
 * host mode. A lease whose name cannot be a label (it contains a dot or a space) is reached by its
 * id.
 */
export function matchHost(authority: string, baseDomain: string): HostMatch {
  if (baseDomain === '') return gateway;
  const host = withoutRootDot(hostOf(authority).toLowerCase());
  if (!host.endsWith(baseDomain) || host.length === baseDomain.length) return gateway;
  const dot = host.length - baseDomain.length - 1;
  if (host[dot] !== '.') return gateway;
  const name = host.slice(0, dot);
  if (!label.test(name)) return misdirected;
  return { kind: 'lease', lease: decoded(name) };
}

/**
 * Hosts are case-insensitive and ids are upper case: a label that looks like an id is converted to
 * upper case. Names match in any case.
 */
function decoded(name: string): string {
  const id = leaseIdIn(name);
  if (id !== undefined) return id;
  // Invalid punycode is returned unchanged.
  return name.startsWith('xn--') ? domainToUnicode(name) : name;
}

function withoutRootDot(host: string): string {
  return host.endsWith('.') ? host.slice(0, -1) : host;
}
