// Derives the `Host` that an app in path mode sees from its lease name. Go apps respond 400 to a
// Host that is not ASCII, so a name that cannot be converted is replaced by the lease id.
import { domainToASCII } from 'node:url';

/** RFC 1035 §2.3.4. */
const maxHostLength = 253;

export function appHost(lease: { readonly id: string; readonly name: string }): string {
  const host = isHostName(lease.name) ? lease.name : punycode(lease.name);
  return host.length <= maxHostLength && isHostName(host) ? host : lease.id;
}

/**
 * Node parses the name as the host of a URL and would cut `a/b` to `a`, so its ASCII part must be
 * valid for a host already.
 */
function punycode(name: string): string {
  return /^[\w.\u0080-\uffff-]+$/.test(name) ? domainToASCII(name) : '';
}

/** Letters, digits, `-`, `_` and `.`: every HTTP server accepts these in a host. */
function isHostName(name: string): boolean {
  return /^[\w-]+(?:\.[\w-]+)*$/.test(name);
}
