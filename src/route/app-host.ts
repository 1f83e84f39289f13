// Owns the `Host` that an app behind a path sees: its name as a host name. Go apps answer 400 to a Host that is not ASCII, so
// what can't be one gives way to the lease's id. Knows nothing of requests.
import { domainToASCII } from 'node:url';

/** RFC 1035 §2.3.4. */
const maxHostLength = 253;

export function appHost(lease: { readonly id: string; readonly name: string }): string {
  const host = isHostName(lease.name) ? lease.name : punycode(lease.name);
  return host.length <= maxHostLength && isHostName(host) ? host : lease.id;
}

/** Node parses the name as that of a URL, so `a/b` would come back as `a`: ASCII must be fit for a host already. */
function punycode(name: string): string {
  return /^[\w.\u0080-\uffff-]+$/.test(name) ? domainToASCII(name) : '';
}

/** Letters, digits, `-`, `_` and `.`: what every HTTP server takes for a host. */
function isHostName(name: string): boolean {
  return /^[\w-]+(?:\.[\w-]+)*$/.test(name);
}
