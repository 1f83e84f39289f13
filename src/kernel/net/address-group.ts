// Groups addresses that count as one caller.
import { isIP } from 'node:net';
import { ipv6Groups, unmappedIp } from './ip.ts';

/**
 * An IPv4 address, also from its mapped form, or the first 64 bits of an IPv6 address, because a
 * host can choose the rest freely (RFC 4291 §2.5.1).
 */
export function addressGroup(ip: string): string {
  if (isIP(ip) !== 6) return ip;
  const parsed = unmappedIp(ip);
  if (parsed?.family !== 'ipv6') return parsed?.address ?? ip;
  const network = ipv6Groups(parsed.address).slice(0, 4);
  return `${network.map((group) => group.toString(16)).join(':')}::/64`;
}
