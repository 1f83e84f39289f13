// The networks that contain an address, from the narrowest that counts as one caller to the widest
// that a single customer of a provider usually has.
import { addressGroup } from '../kernel/net/address-group.ts';

/**
 * /64, /56 and /48 of an IPv6 address (RFC 6177 §2); /32 and /24 of an IPv4 address. The first is
 * addressGroup().
 */
export function addressNetworks(ip: string): readonly string[] {
  const group = addressGroup(ip);
  const [a = '0', b = '0', c = '0', d = '0'] = group.split('::', 1)[0]?.split(':') ?? [];
  if (group.includes(':')) {
    const site = `${a}:${b}:${c}`;
    return [group, `${site}:${(Number.parseInt(d, 16) & 0xff00).toString(16)}::/56`, `${site}::/48`];
  }
  const lastDot = group.lastIndexOf('.');
  return lastDot === -1 ? [group] : [group, `${group.slice(0, lastDot)}.0/24`];
}

export function widestNetwork(ip: string): string {
  const networks = addressNetworks(ip);
  return networks[networks.length - 1] ?? ip;
}
